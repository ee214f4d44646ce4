"""Laws that every registered dataset obeys, and the parts that datasets share."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import quickly
from tiny_suite import WITHOUT_DEFAULTS

from diffbench.contracts import DATASETS
from diffbench.laws import curves, surfaces
from diffbench.laws import mixtures as laws
from diffbench.pairwise import by_rows

NAMES = tuple(name for name in DATASETS.names() if name not in WITHOUT_DEFAULTS)
ROWS = 2048  # One shape for all that is compiled here.


class Facts(NamedTuple):
    log_prob: jax.Array
    score: jax.Array
    slope: jax.Array


@functools.cache
def built(name):
    return DATASETS.build(name)


@functools.cache
def drawn(name):
    dataset = built(name)
    return dataset.standardise(dataset.sample(jax.random.key(1), ROWS))


@quickly
def facts_of(truth, x, alpha, sigma):
    """Returns log density and score, and the gradient of the log density."""
    log_prob, back = jax.vjp(lambda x: truth.log_prob(x, alpha, sigma), x)
    return Facts(log_prob, truth.score(x, alpha, sigma), back(jnp.ones_like(log_prob))[0])


@quickly
def log_prob_of(truth, x, alpha, sigma):
    return truth.log_prob(x, alpha, sigma)


def z_scores(values):
    values = np.asarray(values, np.float64)
    return values.mean(axis=0) / (values.std(axis=0, ddof=1) / math.sqrt(len(values)))


def noised(name, alpha, sigma):
    x0 = drawn(name)
    eps = np.random.RandomState(2).standard_normal(x0.shape).astype(np.float32)
    return alpha * x0 + sigma * eps, eps


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_shape_mean_and_scale_of_the_record(name):
    dataset, x = built(name), drawn(name)
    assert x.shape == (ROWS, dataset.dim)
    assert x.dtype == jnp.float32
    assert dataset.name == name
    assert np.abs(z_scores(x)).max() < 5.0
    assert abs(z_scores((x**2).mean(axis=1) - 1.0)) < 5.0
    np.testing.assert_array_equal(drawn(name), dataset.standardise(dataset.sample(jax.random.key(1), ROWS)))
    assert (np.asarray(x) != dataset.standardise(dataset.sample(jax.random.key(3), ROWS))).any(axis=1).all()
    np.testing.assert_allclose(dataset.standardise(dataset.restore(x)), x, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_lengths_are_those_of_the_samples(name):
    dataset, x = built(name), np.asarray(drawn(name)[:1024])
    widest = np.linalg.norm(x[:, None] - x, axis=-1).max()
    assert 0 < dataset.resolution < 0.3 * widest
    assert widest / 1.5 < dataset.diameter < 1.5 * widest


@pytest.mark.parametrize("name", NAMES)
def test_score_is_the_gradient_of_log_prob(name):
    for alpha, sigma in [(1.0, 0.0), (0.95, 0.3), (0.2, 0.98), (1.0, 20.0)]:
        facts = facts_of(built(name).truth, noised(name, alpha, sigma)[0], alpha, sigma)
        # In units of the steepest score of these points.
        np.testing.assert_allclose(facts.score, facts.slope, atol=2e-5 * np.abs(facts.score).max())


@pytest.mark.parametrize("name", NAMES)
def test_sigma_times_score_is_minus_the_expected_noise_given_x(name):
    for alpha, sigma in [(1.0, 0.05), (0.9, 0.4), (0.3, 0.95)]:
        x, eps = noised(name, alpha, sigma)
        left = eps + sigma * np.asarray(facts_of(built(name).truth, x, alpha, sigma).score)
        # E[(eps + sigma score) f(x)] = 0 for every f: the samples have the stated density.
        waves = np.asarray(x) @ (3.0 * np.random.RandomState(0).standard_normal((x.shape[1], 8)))
        tests = np.concatenate([np.ones((ROWS, 1)), x, np.cos(waves), np.sin(waves)], axis=1)
        assert np.abs(z_scores((left[:, :, None] * tests[:, None, :]).reshape(ROWS, -1))).max() < 5.0


@pytest.mark.parametrize("name", [name for name in NAMES if built(name).dim == 2])
def test_density_integrates_to_one(name):
    dataset = built(name)
    for alpha, sigma in [(1.0, 0.0), (0.8, 0.6)]:
        # Every point of the data lies within the diameter of the mean.
        axis, step = np.linspace(-1.0, 1.0, 241, retstep=True)
        reach = dataset.diameter + 5.0 * sigma
        grid = reach * np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        log_prob = log_prob_of(dataset.truth, grid.astype(np.float32), alpha, sigma)
        mass = np.exp(np.asarray(log_prob, np.float64)).sum() * (reach * step) ** 2
        assert mass == pytest.approx(1.0, abs=2e-4)


@pytest.mark.parametrize("name", NAMES)
def test_truth_is_finite_from_small_noise_to_large_and_far_away(name):
    dataset = built(name)
    rays = np.random.RandomState(5).standard_normal((ROWS // 4, dataset.dim))
    rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    for sigma in (0.01, 0.1, 1.0, 20.0, 200.0):
        near = drawn(name)[: ROWS // 4] + 5.0 * sigma * rays
        x = np.concatenate([5.0 * sigma * rays, near, 100.0 * rays, 0.0 * rays]).astype(np.float32)
        facts = facts_of(dataset.truth, x, 1.0, sigma)
        assert np.isfinite(facts.log_prob).all()
        assert np.isfinite(facts.score).all()
        # Through much noise the data is a point.
        if sigma == 200.0:
            np.testing.assert_allclose(facts.score, -x / (sigma**2 + 1.0), atol=2e-4 / sigma)


@pytest.mark.parametrize("name", ["anisotropic", "two_moons", "checkerboard", "torus"])
def test_blocks_of_rows_change_nothing(name, monkeypatch):
    truth, x = built(name).truth, noised(name, 0.9, 0.3)[0]
    blocks = []

    def smaller(function, rows, terms):
        def counted(block):
            blocks.append(block.shape[0])
            return function(block)

        return by_rows(counted, rows, terms, budget=16)

    monkeypatch.setattr(laws, "by_rows", smaller)
    monkeypatch.setattr(surfaces, "by_rows", smaller)
    monkeypatch.setattr(curves, "by_rows", smaller)
    parts = quickly(lambda x: (truth.log_prob(x, 0.9, 0.3), truth.score(x, 0.9, 0.3)))(x[:72])
    for whole, part in zip(facts_of(truth, x, 0.9, 0.3), parts, strict=False):
        np.testing.assert_allclose(whole[:72], part, rtol=2e-5, atol=2e-5)
    assert set(blocks) == {16, 8}


def test_compiling_changes_nothing():
    truth, x = built("two_moons").truth, noised("two_moons", 0.9, 0.3)[0]
    compiled = facts_of(truth, x, 0.9, 0.3)
    np.testing.assert_allclose(compiled.log_prob, truth.log_prob(x, 0.9, 0.3), rtol=2e-5, atol=5e-5)
    np.testing.assert_allclose(compiled.score, truth.score(x, 0.9, 0.3), rtol=2e-5, atol=5e-5)


def test_one_program_serves_all_parameters_of_a_kind():
    traces = []

    @jax.jit
    def program(truth, x):
        traces.append(type(truth.law).__name__)
        return truth.score(x, 0.9, 0.3).sum()

    x = jnp.ones((8, 2))
    # Curves, mixtures and circles: three kinds.
    for name, params in [
        ("two_moons", {}),
        ("two_moons", {"thickness": 0.1}),
        ("swiss_roll", {}),
        ("circle", {}),
        ("circle", {"thickness": 0.2}),
        ("nine_gaussians", {}),
        ("nine_gaussians", {"sd": 0.1}),
    ]:
        program(DATASETS.build(name, **params).truth, x)
    assert len(traces) == 3, traces


def test_entropy_closed_form_is_the_monte_carlo_one():
    dataset = DATASETS.build("gaussian_mixture", modes=1, dim=3)
    closed, error = dataset.entropy()
    assert error == 0.0
    # One spherical Gaussian has unit variance once standardised.
    assert closed == pytest.approx(1.5 * (1.0 + math.log(2.0 * math.pi)), abs=1e-6)
    x = dataset.standardise(dataset.sample(jax.random.key(0), ROWS))
    assert abs(z_scores(-log_prob_of(dataset.truth, x, 1.0, 0.0) - closed)) < 5.0


def test_entropy_by_monte_carlo_has_its_standard_error():
    dataset = DATASETS.build("sphere", dim=3, thickness=0.05)
    entropy, error = dataset.entropy(ROWS)
    # A thin shell: log area plus the entropy of the normal thickness, curvature aside.
    radius = 1.0 / dataset.scale
    shell = math.log(4.0 * math.pi * radius**2) + 0.5 * math.log(2.0 * math.pi * math.e * 0.05**2)
    assert 0.0 < error < 0.04
    assert entropy == pytest.approx(shell, abs=5.0 * error + 0.003)


def test_a_law_of_thickness_zero_has_no_entropy():
    with pytest.raises(ValueError, match="thickness 0, so no density and no entropy"):
        DATASETS.build("circle", thickness=0.0).entropy()


def test_isometry_is_orthonormal_and_fixed():
    frame = laws.isometry(7, 3)
    np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(frame[0], [0.558030, -0.251616, 0.365971], atol=1e-6)
