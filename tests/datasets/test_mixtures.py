"""Mixtures against Distrax, which defines them a second time."""

import math

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import quickly
from scipy import special

from diffbench.contracts import DATASETS
from diffbench.datasets.base import mixture_dataset
from diffbench.datasets.mixtures import NINE_WEIGHTS
from diffbench.laws.mixtures import IsotropicMixture

CASES = [("nine_gaussians", {}), ("anisotropic", {}), ("gaussian_mixture", {"dim": 32, "modes": 4})]


@quickly
def facts_of(modes, x):
    return modes.weights, modes.responsibilities(x), modes.mahalanobis(x)


@quickly
def log_probs(truth, x, alpha, sigma, logits, means, triangles):
    mixture = distrax.MixtureSameFamily(
        distrax.Categorical(logits=logits), distrax.MultivariateNormalTri(means, triangles)
    )
    return truth.log_prob(x, alpha, sigma), mixture.log_prob(x)


def components(dataset, alpha, sigma):
    """Returns the components of the diffused mixture in standardised coordinates, float64."""
    law = jax.tree.map(lambda a: np.asarray(a, np.float64), dataset.truth.law)
    if law.variances.ndim == 1:
        covariance = law.variances[:, None, None] * np.eye(dataset.dim)
    else:
        covariance = np.einsum("kij,kj,klj->kil", law.axes, law.variances, law.axes)
    covariance = alpha**2 * covariance / dataset.scale**2 + sigma**2 * np.eye(dataset.dim)
    return law.log_weights, alpha * (law.means - dataset.mean) / dataset.scale, covariance


def drawn(dataset, alpha, sigma):
    x0 = np.asarray(dataset.standardise(dataset.sample(jax.random.key(0), 2048)))[:256]
    return alpha * x0 + sigma * np.random.RandomState(0).standard_normal(x0.shape).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "params"), CASES)
def test_log_prob_is_that_of_distrax(name, params):
    dataset = DATASETS.build(name, **params)
    for alpha, sigma in [(1.0, 0.0), (0.7, 0.4), (1.0, 20.0)]:
        logits, means, covariance = components(dataset, alpha, sigma)
        other = [np.asarray(a, np.float32) for a in (logits, means, np.linalg.cholesky(covariance))]
        ours, theirs = log_probs(dataset.truth, drawn(dataset, alpha, sigma), alpha, sigma, *other)
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-4)


@pytest.mark.parametrize(("name", "params"), CASES)
def test_modes_are_those_of_the_mixture(name, params):
    dataset = DATASETS.build(name, **params)
    logits, means, covariance = components(dataset, 1.0, 0.0)
    x = drawn(dataset, 1.0, 0.1)
    away = x[:, None, :] - means
    squares = np.einsum("nki,kij,nkj->nk", away, np.linalg.inv(covariance), away)
    joint = logits - 0.5 * squares - 0.5 * np.linalg.slogdet(covariance)[1]
    weights, responsibilities, mahalanobis = facts_of(dataset.modes, x)
    np.testing.assert_allclose(weights, np.exp(logits), rtol=1e-5)
    np.testing.assert_allclose(mahalanobis, squares, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(responsibilities, special.softmax(joint, axis=1), atol=1e-4)


def test_shares_of_samples_are_the_weights():
    dataset = DATASETS.build("imbalanced")
    keys = jax.random.split(jax.random.key(0), 16)
    x = np.concatenate([dataset.sample(key, 2048) for key in keys])
    # The modes are ten standard deviations apart.
    nearest = ((x[:, None, :] - np.asarray(dataset.truth.law.means)) ** 2).sum(axis=2).argmin(axis=1)
    shares = np.bincount(nearest, minlength=4) / len(x)
    expected = np.array([0.9, 0.09, 0.009, 0.001])
    assert (np.abs(shares - expected) < 5.0 * np.sqrt(expected / len(x))).all()


def test_nine_gaussians_are_those_of_the_case_study():
    dataset = DATASETS.build("nine_gaussians")
    law = dataset.truth.law
    np.testing.assert_array_equal(law.means[:4], [[-2, -2], [-2, 0], [-2, 2], [0, -2]])
    np.testing.assert_allclose(law.variances, 1.0 / 16.0)
    np.testing.assert_allclose(np.exp(law.log_weights[7]), 0.243297 / sum(NINE_WEIGHTS), rtol=1e-5)


def test_anisotropic_modes_are_stretched_along_their_own_axes():
    dataset = DATASETS.build("anisotropic", long=0.7, short=0.1)
    x = np.asarray(dataset.sample(jax.random.key(0), 2048))
    turn = 0.6 * np.pi  # Of the second mode, which sits at a fifth of a turn.
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    away = x - 2.5 * np.array([np.cos(0.4 * np.pi), np.sin(0.4 * np.pi)])
    near = (np.abs(away @ across) < 0.5) & (np.abs(away @ along) < 2.0)
    assert 300 < near.sum() < 520
    np.testing.assert_allclose((away[near] @ along).std(), 0.7, rtol=0.2)
    np.testing.assert_allclose((away[near] @ across).std(), 0.1, rtol=0.2)


def test_layouts_are_fixed_and_differ():
    first, again, other = (
        DATASETS.build("gaussian_mixture", dim=3, layout=k).truth.law.means for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first[0], [1.764052, 0.400157, 0.978738], rtol=1e-5)
    assert np.abs(first - other).max() > 0.5


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("nine_gaussians", {"sd": 0.0}, "sd must be positive and finite; got 0.0"),
        ("eight_gaussians", {"radius": -1.0}, "radius must be positive and finite; got -1.0"),
        ("imbalanced", {"sd": float("nan")}, "sd must be positive and finite; got nan"),
        ("nine_gaussians", {"sd": 1e30}, r"sd must be from 1e-15 to 1e\+15, so that .*; got 1e\+30"),
        ("eight_gaussians", {"radius": 1e-30}, r"radius must be from 1e-15 to 1e\+15, .*; got 1e-30"),
        ("anisotropic", {"long": 1e16}, r"long must be from 1e-15 to 1e\+15, .*; got 1e\+16"),
        ("anisotropic", {"modes": 0}, "modes must be at least 1; got 0"),
        ("anisotropic", {"long": -0.1}, "long must be positive and finite; got -0.1"),
        ("gaussian_mixture", {"dim": 0}, "dim must be at least 1; got 0"),
        ("gaussian_mixture", {"dim": 257}, "dim must be at most 256; got 257"),
        ("gaussian_mixture", {"modes": -2}, "modes must be at least 1; got -2"),
        ("gaussian_mixture", {"layout": -1}, "layout must be at least 0; got -1"),
    ],
)
def test_wrong_values_are_named(name, params, message):
    with pytest.raises(ValueError, match=message):
        DATASETS.build(name, **params)


def test_wrong_types_are_named():
    with pytest.raises(TypeError, match=r"modes must be a whole number; got 2\.5"):
        DATASETS.build("gaussian_mixture", modes=2.5)
    with pytest.raises(TypeError, match="sd must be a number; got 'a'"):
        DATASETS.build("nine_gaussians", sd="a")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("nine_gaussians", {"sd": 1e-6}),
        ("nine_gaussians", {"sd": 1e-8}),
        ("eight_gaussians", {"radius": 1e10}),
        ("imbalanced", {"sd": 2e-6}),
        ("anisotropic", {"short": 1e-7}),
        ("gaussian_mixture", {"sd": 1e-6}),
    ],
)
def test_an_sd_below_the_steps_of_float32_is_refused_with_the_bound(name, params):
    with pytest.raises(
        ValueError, match=rf"standard deviation of {name} must be at least \S+, 32 steps of float32 .*; got"
    ) as error:
        DATASETS.build(name, **params)
    assert "\n" not in str(error.value)


def law_of(mean, variance):
    return IsotropicMixture(
        means=jnp.asarray(mean), log_weights=jnp.log(jnp.array([0.5, 0.5])), variances=jnp.asarray(variance)
    )


def test_laws_of_plug_ins_are_held_to_the_same_bounds():
    near = jnp.array([[0.0, 0.0], [1.0, 0.0]])
    for means, variance, text in (
        # Far from the origin float32 has few digits, however wide the law is spread.
        (near + 1e6, 1.0, "must be at least 3.81, 32 steps of float32 at its coordinates .*; got 1"),
        (near, 1e-13, "must be at least 3.81e-06, 32 steps"),
        (near, 0.0, "lengths of mine must be from 1e-15 to 1e.15, .*; got 0 to 1"),
        (near, math.inf, "lengths of mine must be from .*; got inf to inf"),
        (near * math.nan, 1.0, "lengths of mine must be from .*; got 1 to nan"),
    ):
        with pytest.raises(ValueError, match=text):
            mixture_dataset("mine", law_of(means, [variance, max(variance, 0.0)]))
    assert mixture_dataset("mine", law_of(near + 1e4, [0.1, 0.1])).dim == 2


@pytest.mark.slow
@pytest.mark.parametrize("sd", [1e-5, 1e14])
def test_modes_far_apart_or_one_have_their_closed_entropy_at_the_bounds(sd):
    data = DATASETS.build("nine_gaussians", sd=sd)
    told, error = data.entropy()
    weights = np.array(NINE_WEIGHTS) / np.sum(NINE_WEIGHTS)
    choice = -(weights * np.log(weights)).sum() if sd < 1 else 0.0
    exact = choice + math.log(2 * math.pi * math.e * sd**2) - 2 * math.log(data.scale)
    # False alarm in 1e-4 of seeds.
    assert abs(told - exact) < 4 * error
