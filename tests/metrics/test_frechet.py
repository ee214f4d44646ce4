"""The Frechet distance against the matrix roots of its definition."""

import math
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from scipy import linalg

from diffbench.contracts import DATASETS, METRICS, Outcome
from diffbench.metrics.floor import floor_of, read_against


def dataset_of(mean, covariance):
    return SimpleNamespace(moments=lambda: (mean, covariance), dim=len(mean))


def measured(x, dataset, **params):
    metric = METRICS.build("frechet", **params)
    prepared = metric.prepare(None, dataset)
    return metric.measure(None, Outcome(x, None, None, None, None, dataset, prepared))[0]


def by_roots(x, mean, covariance):
    other = np.atleast_2d(np.cov(x, rowvar=False))
    root = linalg.sqrtm(other @ covariance)
    return ((x.mean(axis=0) - mean) ** 2).sum() + np.trace(other + covariance - 2.0 * root.real)


@pytest.mark.parametrize(("n", "dim"), [(200, 6), (20, 40), (7, 7)])
def test_it_is_that_of_the_definition(n, dim):
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(dim, dim))
    mean, covariance = rng.normal(size=dim), mixed @ mixed.T / dim
    x = rng.normal(size=(n, dim)) * 1.3 + 0.2
    values = measured(x, dataset_of(mean, covariance), leading=3)
    assert values["frechet"] == pytest.approx(by_roots(x, mean, covariance), rel=1e-5)
    axes = np.linalg.eigh(covariance)[1][:, :-4:-1]
    leading = by_roots(x @ axes, mean @ axes, axes.T @ covariance @ axes)
    assert values["frechet_leading"] == pytest.approx(leading, rel=1e-6)


def test_gaussians_of_known_moments_have_the_known_distance():
    dim, n = 5, 200_000
    x = 2.0 * np.random.default_rng(1).normal(size=(n, dim)) + 1.0
    values = measured(x, dataset_of(np.zeros(dim), np.eye(dim)))
    assert values["frechet"] == pytest.approx(dim * (1.0 + 1.0), rel=0.01)
    assert values["frechet_leading"] == pytest.approx(values["frechet"], rel=1e-9)


def test_samples_of_the_truth_are_in_their_floor_and_wide_ones_are_not():
    dataset, metric = DATASETS.build("shifted_shapes", size=4), METRICS.build("frechet", leading=4)
    reference = dataset.standardise(dataset.sample(jax.random.key(1), 200))
    floor = floor_of(metric, dataset, reference, 200, 40)
    prepared = metric.prepare(None, dataset)
    x = dataset.standardise(dataset.sample(jax.random.key(0), 200))

    def reading(x):
        outcome = Outcome(x, None, None, None, None, dataset, prepared)
        return read_against(metric, *metric.measure(None, outcome), floor)[1]["frechet"]

    assert abs(reading(x).z) < 4.0
    assert reading(1.2 * x).z > 5.0


def test_what_is_not_finite_or_far_has_no_distance():
    dataset = dataset_of(np.zeros(2), np.eye(2))
    for bad in (math.nan, math.inf, 1e100):
        values = measured(np.array([[0.0, 1.0], [bad, 0.0], [1.0, 1.0]]), dataset)
        assert all(math.isnan(value) for value in values.values())
