"""Averages over a mixture of low-rank Gaussians against those over the same mixture with all its axes."""

import numpy as np
import pytest
from scipy import stats

from diffbench.laws.low_rank_potential import LowRank
from diffbench.laws.potentials import General


@pytest.fixture
def low(parts):
    means, weights, axes, stretches, noises = parts
    return LowRank(means, weights, axes[:, :, :2], stretches, noises)


@pytest.mark.slow
def test_averages_are_those_of_a_mixture_with_all_axes(parts, variances):
    means, weights, axes, stretches, noises = parts
    low = LowRank(means, weights, axes[:, :, :2], stretches, noises).moved(0.7, np.ones(7), 0.2)
    full = General(means, weights, axes, variances).moved(0.7, np.ones(7), 0.2)
    rng = np.random.default_rng(4)
    x, h = 2.0 * rng.normal(size=(30, 7)), np.array([0.2, 1.0, 9.0])
    assert np.asarray(low.mean_distance(x)) == pytest.approx(np.asarray(full.mean_distance(x)), rel=2e-6)
    told, wanted = (np.asarray(one.mean_kernels(x, h)) for one in (low, full))
    assert told == pytest.approx(wanted, rel=2e-5, abs=1e-12)
    assert low.self_distance() == pytest.approx(full.self_distance(), rel=1e-10)
    assert low.self_kernels(h) == pytest.approx(full.self_kernels(h), rel=1e-9)
    far = 1e4 * rng.normal(size=(5, 7))
    assert low.mean_excess(far) == pytest.approx(full.mean_excess(far), rel=1e-10)
    directions = rng.normal(size=(7, 4))
    for one, other in zip(low.projected(directions), full.projected(directions), strict=True):
        assert one == pytest.approx(other)


def test_moments_are_those_of_the_components(low, parts, variances):
    means, weights, axes = parts[:3]
    inner = np.einsum("k,kij,kj,klj->il", weights, axes, variances, axes)
    between = np.einsum("k,ki,kj->ij", weights, means, means)
    mean, covariance = low.moments()
    assert mean == pytest.approx(weights @ means)
    assert covariance == pytest.approx(inner + between - np.outer(mean, mean))


def test_the_kernel_of_two_draws_is_a_density_of_their_difference(low, parts, variances):
    # E k_h(Y, Y') = (2 pi h^2)^(D/2) times the density of Y - Y' blurred by h, at 0.
    means, weights, axes = parts[:3]
    covariances, h = np.einsum("kij,kj,klj->kil", axes, variances, axes), 0.8
    wanted = sum(
        a
        * b
        * stats.multivariate_normal(
            means[i] - means[j], covariances[i] + covariances[j] + h**2 * np.eye(7)
        ).pdf(np.zeros(7))
        for i, a in enumerate(weights)
        for j, b in enumerate(weights)
    )
    assert low.self_kernels(np.array([h])) == pytest.approx((2 * np.pi * h**2) ** 3.5 * wanted)
