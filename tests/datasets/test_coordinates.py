"""A dataset in its own coordinates is the same dataset by the rule for a change of variables."""

import functools

import jax
import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.datasets.coordinates import in_data_coordinates

NAMES = ("nine_gaussians", "circle", "checkerboard")
NOISES = [(1.0, 0.0), (0.8, 0.6), (0.1, 2.0)]


@functools.cache
def built(name):
    dataset = DATASETS.build(name)
    return dataset, in_data_coordinates(dataset), np.asarray(dataset.sample(jax.random.key(0), 200))


@pytest.mark.parametrize("name", NAMES)
def test_standardising_does_nothing_and_samples_are_the_same_bits(name):
    dataset, raw, x = built(name)
    np.testing.assert_array_equal(raw.standardise(x), x)
    np.testing.assert_array_equal(raw.restore(x), x)
    np.testing.assert_array_equal(raw.sample(jax.random.key(0), 200), x)
    assert raw.smallest_sigma == dataset.smallest_sigma * dataset.scale


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("alpha", "sigma"), NOISES)
def test_density_and_score_change_by_the_scale(name, alpha, sigma):
    # x = alpha (scale u + mean) + sigma eps, so p(x) = p(u_t)/scale^D with sigma/scale.
    dataset, raw, x = built(name)
    noise = np.random.RandomState(1).standard_normal(x.shape).astype(np.float32)
    x_t = np.asarray(alpha * x + sigma * noise, np.float32)
    u_t = np.asarray((x_t - alpha * dataset.mean) / dataset.scale, np.float32)
    here = (alpha, sigma / dataset.scale)
    expected = np.asarray(dataset.truth.log_prob(u_t, *here)) - 2.0 * np.log(dataset.scale)
    np.testing.assert_allclose(raw.truth.log_prob(x_t, alpha, sigma), expected, rtol=2e-3, atol=2e-3)
    expected = np.asarray(dataset.truth.score(u_t, *here)) / dataset.scale
    found = np.asarray(raw.truth.score(x_t, alpha, sigma))
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.slow
def test_lengths_and_the_entropy_are_scaled():
    dataset, raw, x = built("circle")
    u = dataset.standardise(x)
    np.testing.assert_allclose(raw.distance(x), dataset.scale * np.asarray(dataset.distance(u)), atol=1e-6)
    np.testing.assert_allclose(raw.intrinsic(x), dataset.intrinsic(u), atol=1e-6)
    (inner, _), (outer, _) = dataset.entropy(2**12), raw.entropy(2**12)
    # The same points, so the difference has no sampling noise.
    assert outer - inner == pytest.approx(2.0 * np.log(dataset.scale), abs=2e-3)


def test_modes_are_those_of_the_points():
    dataset, raw, x = built("nine_gaussians")
    u = dataset.standardise(x)
    np.testing.assert_allclose(raw.modes.weights, dataset.modes.weights)
    np.testing.assert_allclose(raw.modes.responsibilities(x), dataset.modes.responsibilities(u), atol=1e-4)
    np.testing.assert_allclose(raw.modes.mahalanobis(x), dataset.modes.mahalanobis(u), rtol=1e-4, atol=1e-4)
