"""Exact scores are gradients: their Jacobian is symmetric.

That they are the gradient of the stated log density is an identity of `tests/datasets`; a symmetric
Jacobian says it of the score's own code, which no log density enters.
"""

import functools

import jax
import numpy as np
import pytest
from tiny_suite import WITHOUT_DEFAULTS

from diffbench.contracts import DATASETS

pytestmark = pytest.mark.slow

# The data itself, a little noise, much noise, and VE's end.
LEVELS = [(1.0, 0.0), (0.95, 0.3), (0.2, 0.98), (1.0, 20.0)]
ROWS = 64


@functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
def jacobians(truth, x, alpha, sigma):
    """Returns d score_i / d x_j at each row, `[n, D, D]`."""
    return jax.vmap(jax.jacfwd(lambda x: truth.score(x[None], alpha, sigma)[0]))(x)


@pytest.mark.parametrize("name", [n for n in DATASETS.names() if n not in WITHOUT_DEFAULTS])
def test_the_jacobian_of_the_exact_score_is_symmetric(name):
    dataset = DATASETS.build(name)
    x0 = np.asarray(dataset.standardise(dataset.sample(jax.random.key(1), ROWS)))
    eps = np.random.RandomState(2).standard_normal(x0.shape).astype(np.float32)
    for alpha, sigma in LEVELS:
        found = np.asarray(jacobians(dataset.truth, alpha * x0 + sigma * eps, alpha, sigma))
        size = np.abs(found).max(axis=(1, 2), keepdims=True)
        assert (size > 0).all()
        # Rounding leaves 1e-6 of the largest entry; a field that turns by a ten-thousandth would show.
        np.testing.assert_allclose(found / size, found.swapaxes(1, 2) / size, atol=1e-5)
