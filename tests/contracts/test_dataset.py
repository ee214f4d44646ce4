"""Coordinates and entropy of a dataset, and the registries themselves."""

import dataclasses
import math

import jax
import numpy as np
import pytest

from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.sources.base import SOURCES


def test_standardise_and_restore_are_inverse():
    dataset = DATASETS.build("nine_gaussians")
    x = np.random.RandomState(0).standard_normal((50, 2)).astype(np.float32)
    np.testing.assert_allclose(dataset.standardise(dataset.restore(x)), x, atol=1e-6)
    z = (x - dataset.mean) / dataset.scale
    np.testing.assert_allclose(dataset.standardise(x), z, rtol=1e-6)


def test_log_prob_and_score_are_the_clean_ones_by_default():
    dataset = DATASETS.build("nine_gaussians")
    x = np.zeros((3, 2), np.float32)
    truth = dataset.truth
    found = jax.jit(lambda x: (dataset.log_prob(x), dataset.score(x)))(x)
    clean = jax.jit(lambda x: (truth.log_prob(x, 1.0, 0.0), truth.score(x, 1.0, 0.0)))(x)
    for value, expected in zip(found, clean, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.slow
def test_the_entropy_of_one_gaussian_is_the_closed_form_and_monte_carlo_agrees():
    dataset = DATASETS.build("gaussian_mixture", modes=1, dim=3)
    # Unit variance after standardisation, whatever sd is.
    assert dataset.entropy() == (pytest.approx(1.5 * math.log(2 * math.pi * math.e), abs=1e-5), 0.0)
    value, error = dataclasses.replace(dataset, exact_entropy=None).entropy(samples=4096)
    # False alarm in 6e-7 of seeds.
    assert abs(value - dataset.exact_entropy) < 5 * error
    assert error == pytest.approx(math.sqrt(1.5 / 4096), rel=0.1)


def test_no_density_no_entropy():
    dataset = dataclasses.replace(DATASETS.build("nine_gaussians"), density=False)
    with pytest.raises(ValueError, match="dataset 'nine_gaussians' has thickness 0, so no density and no"):
        dataset.entropy()


@pytest.mark.parametrize(
    ("registry", "kind", "group"),
    [
        (FAMILIES, "family", "diffbench.families"),
        (DATASETS, "dataset", "diffbench.datasets"),
        (SAMPLERS, "sampler", "diffbench.samplers"),
        (METRICS, "metric", "diffbench.metrics"),
        (PROCESSES, "process", "diffbench.processes"),
        (NETWORKS, "network", "diffbench.networks"),
        (SOURCES, "score", "diffbench.sources"),
    ],
)
def test_each_registry_has_its_group_and_its_parts(registry, kind, group):
    assert (registry.kind, registry.group) == (kind, group)
    assert registry.loaded()
    for name in registry.loaded():
        assert isinstance(registry.complete(name), dict)
