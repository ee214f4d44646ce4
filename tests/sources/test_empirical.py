"""The empirical score is the exact one of the training points."""

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.process import PROCESSES
from diffbench.programs import scores
from diffbench.sources.base import SOURCES, Given
from diffbench.sources.empirical import score_of


def empirical_in_float64(points, x, alpha, sigma):
    """The score of the mixture of N(alpha y_i, sigma^2 I), written out."""
    gap = alpha * np.asarray(points, np.float64) - np.asarray(x, np.float64)[:, None]
    log = -(gap**2).sum(-1) / (2 * sigma**2)
    share = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return (share[..., None] * gap).sum(axis=1) / sigma**2


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 7, 3000])
def test_an_empirical_source_is_the_exact_score_of_the_training_points(k):
    process = PROCESSES.build("vp")
    points = np.random.RandomState(k).standard_normal((k, 3)).astype(np.float32)
    source = score_of(jnp.asarray(points))
    x = jnp.asarray(np.random.RandomState(1).standard_normal((600, 3)), float)
    for t in (0.01, 0.4, 1.0):
        got = scores.evaluator(source, process)(x, jnp.asarray(t))
        alpha, sigma = (float(f(jnp.asarray(t))) for f in (process.alpha, process.sigma))
        want = empirical_in_float64(points, x, alpha, sigma)
        np.testing.assert_allclose(got, want, rtol=2e-3, atol=2e-3 / sigma)


def test_without_training_points_it_says_what_it_needs():
    with pytest.raises(ValueError, match="the empirical score needs a finite training set; got none"):
        SOURCES.build("empirical").make(Given(DATASETS.build("circle")))
