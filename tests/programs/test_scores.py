"""Sources of scores: exact ones are the truth's, learned ones the family's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.process import PROCESSES
from diffbench.programs import model as models
from diffbench.programs import scores

FAMILY = {"name": "score_sde", "params": {}}
NETWORK = {"name": "mlp", "params": {"widths": [8, 8], "embedding_width": 6}}


def test_an_exact_source_gives_the_diffused_score_of_the_truth():
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build("vp")
    source = scores.exact(dataset.truth)
    assert source.spec == {"score": "exact"}
    x = jnp.asarray(np.random.RandomState(0).standard_normal((20, 2)), float)
    t = jnp.asarray(0.3)
    score = jax.jit(lambda arrays: scores.score_function(source.spec, arrays, process)(x, t))(source.arrays)
    b = 0.1 * 0.3 + 19.9 * 0.3**2 / 2
    alpha, variance = np.exp(-b / 2), -np.expm1(-b)
    law = dataset.truth.law
    means = alpha * (np.asarray(law.means, np.float64) - dataset.mean) / dataset.scale
    v = alpha**2 * np.asarray(law.variances, np.float64) / dataset.scale**2 + variance
    difference = means - np.asarray(x, np.float64)[:, None]
    log = np.asarray(law.log_weights, np.float64) - 0.5 * (difference**2).sum(-1) / v - np.log(v)
    share = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        score, (share[..., None] * difference / v[:, None]).sum(axis=1), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("n", [16, 2 * 1024 + 5])
def test_a_learned_source_gives_the_family_s_score_whatever_the_block(n):
    process = PROCESSES.build("vp")
    params = models.initialise(NETWORK, jax.random.key(0), 2)
    source = scores.learned(FAMILY, NETWORK, params)
    assert source.spec == {"score": "learned", "family": FAMILY, "network": NETWORK}
    x = jnp.asarray(np.random.RandomState(0).standard_normal((n, 2)), float)
    t = jnp.asarray(0.3)
    got = jax.jit(lambda arrays: scores.score_function(source.spec, arrays, process)(x, t))(source.arrays)
    whole = jax.jit(lambda params: models.model_of(FAMILY, NETWORK).score(params, x, t, process))(params)
    np.testing.assert_allclose(got, whole, rtol=1e-5, atol=1e-5)


def test_an_evaluator_is_an_argument_of_programs_and_its_arrays_are_no_part_of_them():
    process = PROCESSES.build("vp")
    x, t = jnp.asarray(np.random.RandomState(0).standard_normal((16, 2)), float), jnp.asarray(0.3)
    twice = jax.jit(lambda score, x: 2 * score(x, t))
    for seed in (0, 1):
        params = models.initialise(NETWORK, jax.random.key(seed), 2)
        score = scores.evaluator(scores.learned(FAMILY, NETWORK, params), process)
        expected = models.model_of(FAMILY, NETWORK).score(params, x, t, process)
        np.testing.assert_allclose(twice(score, x), 2 * expected, rtol=1e-5, atol=1e-5)
    assert twice._cache_size() == 1


def empirical_in_float64(points, x, alpha, sigma):
    """The score of the mixture of N(alpha y_i, sigma^2 I), written out."""
    gap = alpha * np.asarray(points, np.float64) - np.asarray(x, np.float64)[:, None]
    log = -(gap**2).sum(-1) / (2 * sigma**2)
    share = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return (share[..., None] * gap).sum(axis=1) / sigma**2


@pytest.mark.parametrize("k", [1, 7, 3000])
def test_an_empirical_source_is_the_exact_score_of_the_training_points(k):
    process = PROCESSES.build("vp")
    points = np.random.RandomState(k).standard_normal((k, 3)).astype(np.float32)
    source = scores.empirical(jnp.asarray(points))
    x = jnp.asarray(np.random.RandomState(1).standard_normal((600, 3)), float)
    for t in (0.01, 0.4, 1.0):
        got = scores.evaluator(source, process)(x, jnp.asarray(t))
        alpha, sigma = (float(f(jnp.asarray(t))) for f in (process.alpha, process.sigma))
        want = empirical_in_float64(points, x, alpha, sigma)
        np.testing.assert_allclose(got, want, rtol=2e-3, atol=2e-3 / sigma)


def test_a_constant_error_is_added_to_every_coordinate_at_every_time():
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build("vp")
    source = scores.exact(dataset.truth)
    x = jnp.asarray(np.random.RandomState(0).standard_normal((20, 2)), float)
    off = scores.perturbed(source, dim=2, size=0.75)
    for t in (0.01, 0.9):
        plain = scores.evaluator(source, process)(x, jnp.asarray(t))
        np.testing.assert_allclose(
            scores.evaluator(off, process)(x, jnp.asarray(t)) - plain, 0.75, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("dim", [2, 20])
def test_an_error_field_is_bounded_smooth_and_as_large_as_asked(dim):
    nothing = scores.Source({"score": "zero"}, ())
    x = jnp.asarray(np.random.RandomState(0).standard_normal((4000, dim)), float)
    source = scores.perturbed(nothing, dim=dim, error="field", size=0.5)
    inner, size, waves = source.arrays

    def field(x):
        return np.asarray(scores._ERROR_FUNCTIONS["field"](x, size, waves), np.float64)

    error = field(x)
    assert np.abs(error).max() <= 0.5
    np.testing.assert_allclose(np.sqrt((error**2).mean()), 0.5 / np.sqrt(2), rtol=0.15)
    step = 1e-2 / np.sqrt(dim)
    assert np.abs(field(x + step) - error).max() < 0.2
    again = scores.perturbed(nothing, dim=dim, error="field", size=0.5).arrays[2]
    np.testing.assert_array_equal(again.phases, waves.phases)
