"""The exact score is that of the diffused truth, written out."""

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import DATASETS
from diffbench.process import PROCESSES
from diffbench.sources.exact import score_of


def test_an_exact_source_gives_the_diffused_score_of_the_truth():
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build("vp")
    source = score_of(dataset.truth)
    assert source.spec == {"score": "exact"}
    x = jnp.asarray(np.random.RandomState(0).standard_normal((20, 2)), float)
    t = jnp.asarray(0.3)
    score = jax.jit(lambda arrays: source.score(arrays, process)(x, t))(source.arrays)
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
