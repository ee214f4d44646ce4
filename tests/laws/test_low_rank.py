"""The low-rank mixture against covariances that are formed, and against autodiff, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from diffbench.laws.low_rank import LowRankMixture
from diffbench.laws.low_rank_potential import LowRank
from diffbench.laws.potentials import General

MODES, DIM, RANK = 3, 7, 2
BLURS = (0.0, 0.3, 20.0)


@pytest.fixture(scope="module")
def parts():
    rng = np.random.default_rng(0)
    axes = np.stack([np.linalg.qr(rng.normal(size=(DIM, DIM)))[0] for _ in range(MODES)])
    weights = rng.dirichlet(np.ones(MODES))
    stretches, noises = rng.uniform(0.3, 2.0, (MODES, RANK)), rng.uniform(0.01, 0.1, MODES)
    return rng.normal(size=(MODES, DIM)), weights, axes, stretches, noises


def law_of(parts, dtype):
    means, weights, axes, stretches, noises = parts
    arrays = (means, np.log(weights), axes[:, :, :RANK], stretches, noises)
    return LowRankMixture(*(jnp.asarray(a, dtype) for a in arrays))


def variances_of(parts):
    stretches, noises = parts[3:]
    return np.append(stretches, np.zeros((MODES, DIM - RANK)), axis=1) + noises[:, None]


def dense(parts, y, blur):
    """Returns log(weight x density) of each component by its covariance, `[n, K]`."""
    means, weights, axes = parts[:3]
    variances = variances_of(parts) + blur**2
    covariances = np.einsum("kij,kj,klj->kil", axes, variances, axes)
    rows = [
        np.log(w) + stats.multivariate_normal(m, c).logpdf(y)
        for m, w, c in zip(means, weights, covariances, strict=True)
    ]
    return np.stack(rows, axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("blur", BLURS)
def test_density_and_score_are_those_of_the_covariances(parts, blur):
    y = 2.0 * np.random.default_rng(1).normal(size=(40, DIM)) * max(1.0, blur)
    with jax.enable_x64(True):
        law, s = law_of(parts, jnp.float64), jnp.asarray(blur, jnp.float64)
        y = jnp.asarray(y, jnp.float64)
        log_prob, score = np.asarray(law.log_prob(y, s)), np.asarray(law.score(y, s))
        gradient = np.asarray(jax.grad(lambda y: law.log_prob(y, s).sum())(y))
    assert log_prob == pytest.approx(special.logsumexp(dense(parts, y, blur), axis=1), rel=1e-10)
    assert score == pytest.approx(gradient, rel=1e-8, abs=1e-10)


@pytest.mark.slow
def test_float32_keeps_six_digits_of_the_score(parts):
    y = np.random.default_rng(2).normal(size=(40, DIM))
    told = np.asarray(law_of(parts, jnp.float32).score(jnp.asarray(y, jnp.float32), jnp.asarray(0.1)))
    with jax.enable_x64(True):
        exact = np.asarray(law_of(parts, jnp.float64).score(jnp.asarray(y), jnp.asarray(0.1)))
    assert np.abs(told - exact).max() < 1e-5 * np.abs(exact).max()


@pytest.mark.slow
def test_modes_are_those_of_the_covariances(parts):
    y = np.random.default_rng(3).normal(size=(20, DIM))
    joint = dense(parts, y, 0.0)
    law, y = law_of(parts, jnp.float32), jnp.asarray(y, jnp.float32)
    assert np.asarray(law.responsibilities(y)) == pytest.approx(special.softmax(joint, axis=1), abs=1e-3)
    log_det = np.log(variances_of(parts)).sum(axis=1)
    squares = -2.0 * (joint - np.log(parts[1])) - log_det - DIM * np.log(2.0 * np.pi)
    assert np.asarray(law.mahalanobis(y)) == pytest.approx(squares, rel=1e-4, abs=1e-3)


@pytest.mark.slow
def test_draws_have_the_moments_of_the_components(parts):
    x = np.asarray(law_of(parts, jnp.float32).sample(jax.random.key(0), 60_000), np.float64)
    mean, covariance = law_of(parts, jnp.float32).components(0.0).moments()
    assert (np.abs(x.mean(axis=0) - mean) < 5.0 * np.sqrt(np.diag(covariance) / len(x))).all()
    assert np.cov(x.T) == pytest.approx(covariance, abs=0.06)


@pytest.mark.slow
def test_averages_are_those_of_a_mixture_with_all_axes(parts):
    means, weights, axes, stretches, noises = parts
    low = LowRank(means, weights, axes[:, :, :RANK], stretches, noises).moved(0.7, np.ones(DIM), 0.2)
    full = General(means, weights, axes, variances_of(parts)).moved(0.7, np.ones(DIM), 0.2)
    rng = np.random.default_rng(4)
    x, h = 2.0 * rng.normal(size=(30, DIM)), np.array([0.2, 1.0, 9.0])
    assert np.asarray(low.mean_distance(x)) == pytest.approx(np.asarray(full.mean_distance(x)), rel=2e-6)
    told, wanted = (np.asarray(one.mean_kernels(x, h)) for one in (low, full))
    assert told == pytest.approx(wanted, rel=2e-5, abs=1e-12)
    assert low.self_distance() == pytest.approx(full.self_distance(), rel=1e-10)
    assert low.self_kernels(h) == pytest.approx(full.self_kernels(h), rel=1e-9)
    far = 1e4 * rng.normal(size=(5, DIM))
    assert low.mean_excess(far) == pytest.approx(full.mean_excess(far), rel=1e-10)
    directions = rng.normal(size=(DIM, 4))
    for one, other in zip(low.projected(directions), full.projected(directions), strict=True):
        assert one == pytest.approx(other)
