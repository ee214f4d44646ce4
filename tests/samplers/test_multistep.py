"""Multistep schemes in both precisions, in one process."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES


def walked(name, params, dtype):
    """Returns a compiled walk, kept alive as the cache of programs keeps it, and where it leads."""
    process = jax.tree.map(lambda a: jnp.asarray(a, dtype), PROCESSES.build("vp"))
    walk = SAMPLERS.build(name, steps=6, **params).walk

    @jax.jit
    def run(x, process):
        return walk.run(jax.random.key(0), x, lambda x, t: -x / (1.0 + t), process, 6)

    return run, run(jnp.ones((3, 2), dtype), process)


@pytest.mark.parametrize("name", ["deis", "dpm_solver_pp", "unipc"])
def test_a_program_in_float32_that_is_kept_leaves_float64_its_digits(name):
    params = {"order": 3}
    with jax.enable_x64(True):
        first = np.asarray(walked(name, params, jnp.float64)[1])
    kept, short = walked(name, params, jnp.float32)
    with jax.enable_x64(True):
        again = np.asarray(walked(name, params, jnp.float64)[1])
    assert first.dtype == again.dtype == np.float64
    np.testing.assert_array_equal(again, first)
    np.testing.assert_allclose(short, first, rtol=1e-5)
    assert kept._cache_size() == 1
