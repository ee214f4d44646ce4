"""Mixtures, and a law in a subspace, blurred: SciPy's normal densities and their differences in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from diffbench.laws.mixtures import Embedded, GaussianMixture, IsotropicMixture, isometry

RNG = np.random.RandomState(3)
WEIGHTS = np.array([0.2, 0.5, 0.3])
MEANS = RNG.standard_normal((3, 2)) * 2.0
VARIANCES = np.array([0.04, 0.3, 1.0])
Y = RNG.standard_normal((40, 2)) * 2.0


def isotropic():
    return IsotropicMixture(jnp.asarray(MEANS), jnp.log(WEIGHTS), jnp.asarray(VARIANCES))


def axes():
    angles = np.array([0.3, 1.1, 2.0])
    return np.stack([[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angles])


def stretched():
    along = np.stack([VARIANCES, 0.1 * VARIANCES], axis=1)
    return GaussianMixture(jnp.asarray(MEANS), jnp.log(WEIGHTS), jnp.asarray(axes()), jnp.asarray(along))


def covariances(law):
    if isinstance(law, IsotropicMixture):
        return VARIANCES[:, None, None] * np.eye(2)
    along = np.stack([VARIANCES, 0.1 * VARIANCES], axis=1)
    return np.einsum("kij,kj,klj->kil", axes(), along, axes())


def joint(law, y, s):
    """Returns log(weight x density) of each component by SciPy, `[n, K]`."""
    parts = zip(WEIGHTS, MEANS, covariances(law), strict=True)
    return np.stack(
        [np.log(w) + stats.multivariate_normal(m, c + s**2 * np.eye(2)).logpdf(y) for w, m, c in parts], 1
    )


@pytest.mark.slow
@pytest.mark.parametrize("law", [isotropic(), stretched()], ids=["isotropic", "stretched"])
@pytest.mark.parametrize("s", [0.0, 0.4, 5.0])
def test_density_and_score_are_those_of_scipys_normals(law, s):
    expected = special.logsumexp(joint(law, Y, s), axis=1)
    np.testing.assert_allclose(law.log_prob(jnp.asarray(Y), jnp.asarray(s)), expected, rtol=2e-5, atol=2e-5)
    h = 1e-5
    slope = np.stack(
        [
            special.logsumexp(joint(law, Y + step, s), 1) - special.logsumexp(joint(law, Y - step, s), 1)
            for step in h * np.eye(2)
        ],
        axis=1,
    ) / (2 * h)
    found = np.asarray(law.score(jnp.asarray(Y), jnp.asarray(s)))
    np.testing.assert_allclose(found, slope, atol=1e-4 * (1.0 + np.abs(slope).max()))


@pytest.mark.parametrize("law", [isotropic(), stretched()], ids=["isotropic", "stretched"])
def test_responsibilities_are_bayes_rule_and_distances_those_of_the_precision(law):
    y = jnp.asarray(Y)
    np.testing.assert_allclose(law.responsibilities(y), special.softmax(joint(law, Y, 0.0), 1), atol=1e-5)
    off = Y[:, None] - MEANS
    expected = np.einsum("nki,kij,nkj->nk", off, np.linalg.inv(covariances(law)), off)
    np.testing.assert_allclose(law.mahalanobis(y), expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("law", [isotropic(), stretched()], ids=["isotropic", "stretched"])
def test_samples_have_the_moments_of_the_mixture(law):
    n = 2**15
    x = np.asarray(law.sample(jax.random.key(0), n), np.float64)
    mean = WEIGHTS @ MEANS
    centred = MEANS - mean
    covariance = np.einsum("k,kij->ij", WEIGHTS, covariances(law) + centred[:, :, None] * centred[:, None])
    # False alarm beyond 5 standard errors, for five numbers, in 3e-6 of seeds.
    assert (np.abs(x.mean(axis=0) - mean) < 5 * np.sqrt(np.diag(covariance) / n)).all()
    products = (x - mean)[:, :, None] * (x - mean)[:, None]
    assert (np.abs(products.mean(axis=0) - covariance) < 5 * products.std(axis=0) / np.sqrt(n)).all()


@pytest.mark.slow
def test_a_law_in_a_subspace_is_that_law_times_a_normal_across():
    frame = isometry(5, 2)
    np.testing.assert_allclose(frame.T @ frame, np.eye(2), atol=1e-12)
    law, s = Embedded(isotropic(), jnp.asarray(frame, jnp.float32)), 0.7
    y = RNG.standard_normal((20, 5)) * 2.0
    parts = [
        np.log(w) + stats.multivariate_normal(frame @ m, v * frame @ frame.T + s**2 * np.eye(5)).logpdf(y)
        for w, m, v in zip(WEIGHTS, MEANS, VARIANCES, strict=True)
    ]
    expected = special.logsumexp(parts, axis=0)
    np.testing.assert_allclose(law.log_prob(jnp.asarray(y), jnp.asarray(s)), expected, rtol=2e-5)
    across = y - y @ frame @ frame.T
    within = np.asarray(isotropic().score(jnp.asarray(y @ frame), jnp.asarray(s)))
    found = law.score(jnp.asarray(y), jnp.asarray(s))
    np.testing.assert_allclose(found, within @ frame.T - across / s**2, atol=1e-4)
