"""The low-rank mixture against covariances that are formed, and against autodiff, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from diffbench.laws.low_rank import LowRankMixture

RANK = 2
BLURS = (0.0, 0.3, 20.0)


def law_of(parts, dtype):
    means, weights, axes, stretches, noises = parts
    arrays = (means, np.log(weights), axes[:, :, :RANK], stretches, noises)
    return LowRankMixture(*(jnp.asarray(a, dtype) for a in arrays))


def dense(parts, variances, y, blur):
    """Returns log(weight x density) of each component by its covariance, `[n, K]`."""
    means, weights, axes = parts[:3]
    variances = variances + blur**2
    covariances = np.einsum("kij,kj,klj->kil", axes, variances, axes)
    rows = [
        np.log(w) + stats.multivariate_normal(m, c).logpdf(y)
        for m, w, c in zip(means, weights, covariances, strict=True)
    ]
    return np.stack(rows, axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("blur", BLURS)
def test_density_and_score_are_those_of_the_covariances(parts, variances, blur):
    y = 2.0 * np.random.default_rng(1).normal(size=(40, 7)) * max(1.0, blur)
    with jax.enable_x64(True):
        law, s = law_of(parts, jnp.float64), jnp.asarray(blur, jnp.float64)
        y = jnp.asarray(y, jnp.float64)
        log_prob, score = np.asarray(law.log_prob(y, s)), np.asarray(law.score(y, s))
        gradient = np.asarray(jax.grad(lambda y: law.log_prob(y, s).sum())(y))
    assert log_prob == pytest.approx(special.logsumexp(dense(parts, variances, y, blur), axis=1), rel=1e-10)
    assert score == pytest.approx(gradient, rel=1e-8, abs=1e-10)


@pytest.mark.slow
def test_float32_keeps_six_digits_of_the_score(parts):
    y = np.random.default_rng(2).normal(size=(40, 7))
    told = np.asarray(law_of(parts, jnp.float32).score(jnp.asarray(y, jnp.float32), jnp.asarray(0.1)))
    with jax.enable_x64(True):
        exact = np.asarray(law_of(parts, jnp.float64).score(jnp.asarray(y), jnp.asarray(0.1)))
    assert np.abs(told - exact).max() < 1e-5 * np.abs(exact).max()


@pytest.mark.slow
def test_modes_are_those_of_the_covariances(parts, variances):
    y = np.random.default_rng(3).normal(size=(20, 7))
    joint = dense(parts, variances, y, 0.0)
    law, y = law_of(parts, jnp.float32), jnp.asarray(y, jnp.float32)
    assert np.asarray(law.responsibilities(y)) == pytest.approx(special.softmax(joint, axis=1), abs=1e-3)
    log_det = np.log(variances).sum(axis=1)
    squares = -2.0 * (joint - np.log(parts[1])) - log_det - y.shape[1] * np.log(2.0 * np.pi)
    assert np.asarray(law.mahalanobis(y)) == pytest.approx(squares, rel=1e-4, abs=1e-3)


@pytest.mark.slow
def test_draws_have_the_moments_of_the_components(parts):
    x = np.asarray(law_of(parts, jnp.float32).sample(jax.random.key(0), 60_000), np.float64)
    mean, covariance = law_of(parts, jnp.float32).components(0.0).moments()
    assert (np.abs(x.mean(axis=0) - mean) < 5.0 * np.sqrt(np.diag(covariance) / len(x))).all()
    assert np.cov(x.T) == pytest.approx(covariance, abs=0.06)
