"""Squared distances between two sets of points, sums over pairs, and row-wise blocks.

Distances are sums of squared differences. The expanded square |x|^2 - 2 x.y + |y|^2
is faster in high dimension and loses its float32 digits where points are close,
which is where a density at small noise is decided.

Sums over all pairs take it nevertheless in many dimensions, about the middle of the points: what it
loses there is 1e-6 of the squares of random sign (a mean over pairs differs by less than 1e-7 of its
terms), a copy reads a distance of some 1e-3 of the data's, and it is ten times as fast.

Sums over all pairs go tile by tile: O(n m) time, O(n + m) memory beside one tile. A
tile is summed in the working dtype and the tiles in float64 on the host, so that a
float32 sum over 10^10 pairs keeps the digits that a U-statistic then cancels.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
T = TypeVar("T")
PairFunction = Callable[[Array, Any], tuple[Array, ...]]

# Below this many dimensions the sum is unrolled, so that it fuses into what follows.
_UNROLLED = 16
# From this many on, sums over pairs take the expanded square.
_PRODUCT = 32


def squared_distances(x: Array, y: Array) -> Array:
    """Returns |x_i - y_j|^2, `[n, m]`.

    Args:
      x: Points, `[n, D]`.
      y: Points, `[m, D]`.
    """
    dim = x.shape[1]
    if dim > _UNROLLED:
        return jnp.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=-1)
    squares = ((x[:, None, d] - y[None, :, d]) ** 2 for d in range(dim))
    return functools.reduce(operator.add, squares)


def _products(x: Array, y: Array) -> Array:
    """Returns |x_i - y_j|^2 by the expanded square, `[n, m]`; arguments as `squared_distances`."""
    cross = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.maximum((x**2).sum(axis=1)[:, None] - 2.0 * cross + (y**2).sum(axis=1), 0.0)


def by_rows(function: Callable[[Array], T], x: Array, terms: int, budget: int = 2**19) -> T:
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
    mapped = jax.lax.map(function, blocks)
    done: T = jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), mapped)
    if whole == x.shape[0]:
        return done
    rest = function(x[whole:])
    both: T = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), done, rest)
    return both


def pair_sums(
    function: PairFunction, parameters: object, x: Array, y: Array | None = None, *, block: int | None = None
) -> np.ndarray:
    """Returns sums of functions of the squared distance over all pairs, `[J]`, float64.

    Without y the pairs are the n (n - 1) ordered ones of different rows of x; each
    unordered one is computed once.

    Args:
      function: (squared distances `[b, b]`, parameters) -> J arrays of that shape;
        elementwise. A function of a module: one program is kept for each.
      parameters: Arrays that the function needs.
      x: Points, `[n, D]`.
      y: Points, `[m, D]`, or None.
      block: Rows and columns of one tile. The default suits the backend: a tile that
        stays in the L2 cache of a CPU, few and large ones elsewhere.
    """
    if block is None:
        block = 256 if jax.default_backend() == "cpu" else 2048
    rows = -(-x.shape[0] // block)
    if y is None:
        i, j = np.triu_indices(rows)
    else:
        i, j = (index.ravel() for index in np.indices((rows, -(-y.shape[0] // block))))
    tiles, with_itself = tile_sums(
        function,
        block,
        parameters,
        x,
        x if y is None else y,
        i.astype(np.int32),
        j.astype(np.int32),
        y is None,
    )
    sums = np.asarray(tiles, np.float64)  # [tiles, J]
    if y is not None:
        return sums.sum(axis=0)
    # A tile above the diagonal stands for its mirror image too.
    twice = np.where(i == j, 1.0, 2.0) @ sums
    return twice - x.shape[0] * np.asarray(with_itself, np.float64)


@functools.partial(jax.jit, static_argnums=(0, 1, 7))
def tile_sums(
    function: PairFunction,
    block: int,
    parameters: object,
    x: Array,
    y: Array,
    i: Array,
    j: Array,
    same: bool = False,
) -> tuple[Array, Array]:
    """Returns sums over the tiles of blocks i of x and j of y, and values at distance 0.

    Shapes `[tiles, J]` and `[J]`.
    """

    def padded(points: Array) -> tuple[Array, Array]:
        extra = -points.shape[0] % block
        weight = jnp.pad(jnp.ones(points.shape[0], points.dtype), (0, extra))
        return jnp.pad(points, ((0, extra), (0, 0))), weight

    by_products = x.shape[1] >= _PRODUCT and x.dtype == jnp.float32
    if by_products:
        # Where the squares that cancel are least.
        middle = y.mean(axis=0)
        x, y = x - middle, y - middle
    square = _products if by_products else squared_distances
    (x, in_x), (y, in_y) = padded(x), padded(y)

    def tile(index: tuple[Array, Array]) -> Array:
        def part(array: Array, number: Array) -> Array:
            return jax.lax.dynamic_slice_in_dim(array, number * block, block)

        squared = square(part(x, index[0]), part(y, index[1]))
        if by_products and same:  # a point is where it is
            itself = (index[0] == index[1]) & jnp.eye(block, dtype=bool)
            squared = jnp.where(itself, 0.0, squared)
        weight = part(in_x, index[0])[:, None] * part(in_y, index[1])
        return jnp.stack([(weight * value).sum() for value in function(squared, parameters)])

    with_itself = [value[0, 0] for value in function(jnp.zeros((1, 1), x.dtype), parameters)]
    return jax.lax.map(tile, (i, j)), jnp.stack(with_itself)
