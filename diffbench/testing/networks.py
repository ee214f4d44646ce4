"""The contract of a score network: shapes, levels of noise, rows of their own, something to train."""

from __future__ import annotations

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, key_for
from diffbench.networks.base import NETWORKS
from diffbench.programs import model as models
from diffbench.spec import Spec
from diffbench.testing.base import Examination, Findings

ROWS = 32
# (t, alpha, sigma): near the data, in the middle, at the end of VP and at that of VE.
LEVELS = ((1e-3, 1.0, 0.01), (0.5, 0.8, 0.6), (1.0, 0.0066, 1.0), (1.0, 1.0, 20.0))


def check_network(network: Spec, dim: int = 2) -> Findings:
    """Checks a registered network, initialised and not trained.

    Args:
      network: Name and parameters.
      dim: Dimension of the points it is tried on.

    Returns:
      What was measured against what bound.

    Raises:
      ContractError: If it breaks its contract.
    """
    look = Examination()
    key = key_for(0, "check", "network")
    start = models.initialise(network, key, dim)
    numbers = np.concatenate([np.zeros(0), *(np.ravel(leaf) for leaf in jax.tree.leaves(start))])
    look.expect("parameters", numbers.size > 0, "at least one to train", numbers.size)
    look.array("parameters", numbers, numbers.shape)

    def call(x: Array, t: Array, alpha: Array, sigma: Array, is_training: bool) -> Array:
        return NETWORKS.from_spec(network)(x, t, alpha, sigma, is_training)

    # No key outside training: what draws there would make a score that changes from call to call.
    run = jax.jit(lambda p, x, *level: hk.transform(call).apply(p, None, x, *level, False))
    train = jax.jit(lambda p, k, x, *level: hk.transform(call).apply(p, k, x, *level, True))
    z = jax.random.normal(key, (ROWS, dim))
    for t, alpha, sigma in LEVELS:
        x = jnp.hypot(alpha, sigma) * z
        level = [jnp.asarray(value, float) for value in (t, alpha, sigma)]
        where = f"at sigma/alpha = {sigma / alpha:.3g}"
        one = look.array(f"output {where}", run(start, x, *level), (ROWS, dim))
        each = look.array(
            f"output at a time each {where}", run(start, x, *(jnp.full(ROWS, v) for v in level)), (ROWS, dim)
        )
        size = 1e-3 * (1.0 + float(np.abs(one).max()))
        look.below(f"t [] against [n] {where}", float(np.abs(one - each).max()), size, "the same")
        # Programs take rows in blocks, so a sample must not depend on its company.
        alone = np.asarray(run(start, x[:8], *level))
        look.below(f"8 rows alone {where}", float(np.abs(one[:8] - alone).max()), size, "the same")
    look.expect("dtype", one.dtype == np.float32, "float32", one.dtype)
    look.array("output in training", train(start, key, x, *level), (ROWS, dim))

    def loss(params: models.Params) -> Array:
        return jnp.mean((train(params, key, x, *level) - z) ** 2)

    slopes = [float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(jax.grad(loss)(start))]
    look.expect(
        "gradient", np.isfinite(slopes).all() and max(slopes) > 0, "finite and not 0 everywhere", max(slopes)
    )
    look.version(NETWORKS.version_of(network["name"], network["params"]))
    return look.findings()
