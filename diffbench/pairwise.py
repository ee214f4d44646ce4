"""Squared distances between two sets of points, and row-wise blocks of work.

Distances are sums of squared differences. The expanded square |x|^2 - 2 x.y + |y|^2
is faster in high dimension and loses its float32 digits where points are close,
which is where a density at small noise is decided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Array = jax.Array

# Below this many dimensions the sum is unrolled, so that it fuses into what follows.
_UNROLLED = 16


def squared_distances(x: Array, y: Array) -> Array:
    """Returns |x_i - y_j|^2, `[n, m]`.

    Args:
      x: Points, `[n, D]`.
      y: Points, `[m, D]`.
    """
    dim = x.shape[1]
    if dim > _UNROLLED:
        return jnp.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=-1)
    return sum((x[:, None, d] - y[None, :, d]) ** 2 for d in range(dim))


def by_rows(function: Callable[[Array], Any], x: Array, terms: int, budget: int = 2**19) -> Any:
    """Applies a function of rows to blocks of rows, so that its memory stays bounded.

    Args:
      function: `[b, D]` -> arrays with b rows; each row must depend on its row alone.
      x: Rows, `[n, D]`.
      terms: Numbers that the function holds at once for each row.
      budget: Numbers that it may hold at once.
    """
    block = max(16, budget // max(terms, 1))
    if x.shape[0] <= block:
        return function(x)
    whole = x.shape[0] // block * block
    blocks = x[:whole].reshape(-1, block, x.shape[1])
    done = jax.lax.map(function, blocks)
    done = jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), done)
    if whole == x.shape[0]:
        return done
    rest = function(x[whole:])
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), done, rest)
