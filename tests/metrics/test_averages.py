"""Distances to the truth itself, against a large sample of it, their closed forms and each other."""

import dataclasses
import math

import numpy as np
import pytest

from diffbench.contracts import DATASETS, METRICS, key_for
from diffbench.laws.potentials import Spherical
from diffbench.metrics.averages import ByDensity, averages_of
from diffbench.metrics.floor import floor_of

KEY = key_for(0)
NAMES = ("energy", "mmd2", "sliced_w2")


def value(metric, got):
    """Returns the numbers of a measurement that depend on no floor."""
    values, arrays = metric.measure(KEY, got)
    return arrays.get("mmd2_bandwidths", next(iter(values.values())))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nine_gaussians", "anisotropic", "swiss_roll"])
def test_a_large_sample_of_the_truth_tends_to_the_truth(truth, outcome, name):
    dataset = DATASETS.build(name)
    x = 1.1 * truth(dataset, 500, "x")
    # Its own noise is that of m = 16,000 points: four of its standard errors over ten draws.
    for metric in ("energy", "mmd2"):
        told = value(METRICS.build(metric), outcome(dataset, x, x))
        sampled = METRICS.build(metric, against="reference")
        y = truth(dataset, 16_000, "y").reshape(8, 2000, dataset.dim)
        drawn = np.array([value(sampled, outcome(dataset, x, one)) for one in y])
        error = drawn.std(axis=0, ddof=1) / math.sqrt(len(y))
        assert np.all(np.abs(drawn.mean(axis=0) - told) < 5.0 * error), metric


@pytest.mark.slow
def test_they_average_to_zero_under_truth(nine, truth, outcome):
    # Seven means within 4.5 standard errors: 0.005% false alarms.
    metrics = [METRICS.build("energy"), METRICS.build("mmd2")]
    x = truth(nine, 30_000, "x").reshape(200, 150, 2)
    prepared = [metric.prepare(x[0], nine) for metric in metrics]
    rows = np.array(
        [
            np.append(
                *(
                    value(m, outcome(nine, one, x[0], prepared=p))
                    for m, p in zip(metrics, prepared, strict=True)
                )
            )
            for one in x
        ]
    )
    error = rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
    assert np.all(np.abs(rows.mean(axis=0)) < 4.5 * error), rows.mean(axis=0) / error


def test_mmd2_estimates_its_closed_form(nine, truth, outcome):
    law, shift = nine.potential(), np.array([0.1, 0.0])
    moved = law.moved(1.0, shift)
    both = Spherical(
        np.concatenate([law.means, moved.means]),
        np.concatenate([law.weights, -law.weights]),
        np.concatenate([law.variances, moved.variances]),
    )
    metric = METRICS.build("mmd2")
    x = truth(nine, 24_000, "x").reshape(60, 400, 2) + shift
    prepared = metric.prepare(x[0], nine)
    exact = both.self_kernels(prepared.bandwidths)
    rows = np.array([value(metric, outcome(nine, one, x[0], prepared=prepared)) for one in x])
    error = rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
    assert np.all(np.abs(rows.mean(axis=0) - exact) < 4.0 * error)


def test_sliced_w2_of_a_shift_is_its_mean_squared_projection(nine, truth, outcome):
    shift = np.array([0.6, -0.8])
    metric = METRICS.build("sliced_w2")
    x = truth(nine, 20_000, "x")
    x = x - x.mean(axis=0)
    told = value(metric, outcome(nine, x + shift, x)) - value(metric, outcome(nine, x, x))
    across = shift @ metric.prepare(x, nine).directions
    assert told == pytest.approx((across**2).mean(), rel=1e-4)


def test_sliced_w2_tends_to_that_of_a_large_sample(nine, truth, outcome):
    x, y = 1.3 * truth(nine, 400, "x"), truth(nine, 30_000, "y")
    told = value(METRICS.build("sliced_w2"), outcome(nine, x, y))
    assert told == pytest.approx(
        value(METRICS.build("sliced_w2", against="reference"), outcome(nine, x, y)), rel=0.02
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_changes_nothing(nine, truth, outcome, name):
    x, metric = truth(nine, 100, "x"), METRICS.build(name)
    one = value(metric, outcome(nine, x, truth(nine, 50, "y")))
    assert np.array_equal(one, value(metric, outcome(nine, x, truth(nine, 70, "z"))))


@pytest.mark.slow
def test_the_floor_of_energy_is_narrower_than_with_a_reference_as_large(nine, truth):
    # What a reference adds differs from one to the next: the mean square over six of them.
    n, y = 400, truth(nine, 2400, "y").reshape(6, 400, 2)
    known, sampled = (METRICS.build("energy", against=against) for against in ("truth", "reference"))
    alone = floor_of(known, nine, y[0], n, 80).values["energy"].var(ddof=1)
    with_noise = np.mean([floor_of(sampled, nine, one, n, 16).values["energy"].var(ddof=1) for one in y])
    assert with_noise > 2.0 * alone


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nine_gaussians", "circle"])
def test_a_truth_that_is_no_mixture_is_known_by_its_density(name):
    dataset = DATASETS.build(name)
    bare = averages_of(dataclasses.replace(dataset, potential=lambda: None), "truth")
    assert isinstance(bare, ByDensity)
    closed, h = dataset.potential(), dataset.resolution * np.array([0.5, 8.0])
    x = np.array([[0.0, 0.1], [1.0, -1.0], [3.0, 0.0]])
    assert bare.mean_distance(x) == pytest.approx(np.asarray(closed.mean_distance(x)), rel=5e-6)
    assert bare.mean_kernels(x, h) == pytest.approx(np.asarray(closed.mean_kernels(x, h)), abs=1e-6)
    assert bare.self_distance() == pytest.approx(closed.self_distance(), rel=0.02)


def test_what_stands_for_the_truth_is_said(nine):
    bare = dataclasses.replace(nine, potential=lambda: None)
    unknown = dataclasses.replace(bare, truth=None)
    for name in NAMES:
        metric = METRICS.build(name)
        assert metric.against(nine, 50) == "closed form"
        large = "reference of 131072" if name == "sliced_w2" else "blurred density"
        assert metric.against(bare, 50) == large
        assert metric.against(unknown, 50) == "reference of 50"
        assert METRICS.build(name, against="reference").against(nine, 50) == "reference of 50"


@pytest.mark.parametrize("name", NAMES)
def test_data_without_a_truth_is_compared_with_its_reference(nine, truth, outcome, name):
    unknown = dataclasses.replace(nine, truth=None, potential=lambda: None)
    x, y = truth(nine, 100, "x"), truth(nine, 50, "y")
    told = value(METRICS.build(name), outcome(unknown, x, y))
    sampled = value(METRICS.build(name, against="reference"), outcome(nine, x, y))
    assert np.array_equal(told, sampled)
    assert not np.array_equal(told, value(METRICS.build(name), outcome(nine, x, y)))


@pytest.mark.slow
def test_sliced_w2_takes_many_points_of_a_truth_without_quantiles(nine, truth, outcome):
    bare, metric = dataclasses.replace(nine, potential=lambda: None), METRICS.build("sliced_w2")
    x, y = truth(nine, 200, "x"), truth(nine, 50, "y")
    one, other = (value(metric, outcome(bare, x, points)) for points in (y, x))
    assert one == other  # the reference plays no part
    assert one == pytest.approx(value(metric, outcome(nine, x, y)), rel=0.05)


def test_the_kind_of_truth_is_checked_at_the_door():
    for name in NAMES:
        with pytest.raises(ValueError, match="against must be one of truth, reference; got 'model'"):
            METRICS.build(name, against="model")
