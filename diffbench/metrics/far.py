"""Energy and kernel statistics that no far point spoils.

An energy statistic cancels what it sums: with one sample of n at a distance L, the terms of size L
go out and what is left is of the size of the data. So the pairs of a far point are written as

  |a - y| = |a| + (|y|^2 - 2 a.y)/(|a - y| + |a|),

in float64: every |a| is in 2 E|X - Y| and in E|X - X'| with the same weight 2/n and is dropped from
both before it is added to anything. Pairs of near points are summed in float32 tiles, as always.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array
from diffbench.pairwise import PairFunction, pair_sums

# Sizes of the data up to which float32 tiles have the digits.
_NEAR = 4.0
# Where far points are put for what decays anyway, so that float32 can square them.
FARTHEST = 1e12
# Standardised coordinates beyond which squares leave float64.
LARGEST = 1e150
# Numbers of a block of pairs.
_BLOCK = 2**20


def parted(x: np.ndarray, y: np.ndarray, diameter: float) -> tuple[Array, np.ndarray]:
    """Returns the near points in the working dtype, and the far ones in float64.

    Args:
      x: Finite points, standardised, `[n, D]`, float64.
      y: Points of the truth, `[m, D]`: near is what they and its diameter say.
      diameter: Largest length in the data.
    """
    reach = _NEAR * max(diameter, float(np.abs(y).max()))
    is_near = np.abs(x).max(axis=1) <= reach
    return jnp.asarray(x[is_near], float), x[~is_near]


def norms(x: np.ndarray) -> np.ndarray:
    """Returns Euclidean norms over the last axis, whatever their size."""
    largest = np.abs(x).max(axis=-1, keepdims=True, initial=1e-300)
    return largest[..., 0] * np.sqrt(((x / largest) ** 2).sum(axis=-1))


def reduced(a: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Yields blocks `[b, m]` of |a - y| - |a| for points `[k, D]` and `[m, D]`, float64."""
    rows = max(1, _BLOCK // max(1, y.size))
    square = (y**2).sum(axis=1)
    for start in range(0, len(a), rows):
        one = a[start : start + rows]
        length = norms(one)[:, None]
        between = norms(one[:, None, :] - y)
        yield (square - 2.0 * one @ y.T) / np.maximum(between + length, 1e-300)


def too_far(x: np.ndarray) -> bool:
    """Whether some point is not finite, or too far for float64 to square."""
    return not bool((np.abs(x) <= LARGEST).all())


def cross_sum(x: tuple[Array, np.ndarray], y: tuple[Array, np.ndarray], distance: PairFunction) -> float:
    """Returns the sum over x and y of |x - y|, less m |a| for each far a of x and n |b| of y.

    Args:
      x: Near and far points, n in all.
      y: Near and far points, m in all.
      distance: The pair function of distances.
    """
    (near_x, far_x), (near_y, far_y) = x, y
    total = float(pair_sums(distance, (), near_x, near_y)[0]) if len(near_x) and len(near_y) else 0.0
    if len(far_x) and len(near_y):
        total += sum(float(part.sum()) for part in reduced(far_x, np.asarray(near_y, np.float64)))
    if len(far_y) and len(near_x):
        total += sum(float(part.sum()) for part in reduced(far_y, np.asarray(near_x, np.float64)))
    return total + _far_pairs(far_x, far_y)


def within_sum(x: tuple[Array, np.ndarray], distance: PairFunction) -> float:
    """Returns the sum over ordered pairs of different points, less 2 (n - 1) |a| for each far a."""
    near, far = x
    total = float(pair_sums(distance, (), near)[0]) if len(near) else 0.0
    if len(far) and len(near):
        total += 2.0 * sum(float(part.sum()) for part in reduced(far, np.asarray(near, np.float64)))
    return total + _far_pairs(far, far, same=True)


def _far_pairs(a: np.ndarray, b: np.ndarray, *, same: bool = False) -> float:
    """Returns the sum of |a - b| - |a| - |b| over all pairs of far points, or of different ones."""
    if not len(a) or not len(b):
        return 0.0
    total, of_b = 0.0, norms(b)
    rows = max(1, _BLOCK // b.size)
    for start in range(0, len(a), rows):
        one = a[start : start + rows]
        of_a = norms(one)[:, None]
        between = norms(one[:, None, :] - b)
        # From the longer, which |a - b| is close to where the other is short.
        longer, shorter = np.maximum(of_a, of_b), np.minimum(of_a, of_b)
        away = between - longer - shorter
        if same:
            # Taken out here: added and subtracted, it would take the digits of the rest with it.
            away[np.arange(len(one)), start + np.arange(len(one))] = 0.0
        total += float(away.sum())
    return total


def kernel_sums(kernels: PairFunction, rates: Any, x: tuple[Array, np.ndarray]) -> np.ndarray:
    """Returns sums of exp(-rate |x - x'|^2) over ordered pairs of different points, `[J]`."""
    near, far = x
    total = pair_sums(kernels, rates, near) if len(near) else np.zeros(len(rates))
    if len(far):
        both = np.concatenate([np.asarray(near, np.float64), far])
        total = total + 2.0 * far_kernels(far, both[: len(near)], rates)
        total = total + far_kernels(far, far, rates) - len(far)
    return total


def far_kernels(a: np.ndarray, y: np.ndarray, rates: Any) -> np.ndarray:
    """Returns sums of exp(-rate |a - y|^2) over all pairs, `[J]`, float64."""
    rates = np.asarray(rates, np.float64)
    total, rows = np.zeros(len(rates)), max(1, _BLOCK // max(1, y.size))
    for start in range(0, len(a) if len(y) else 0, rows):
        distance = norms(a[start : start + rows, None, :] - y)
        # Where even the widest kernel is nothing there is nothing to square.
        square = distance[distance < np.sqrt(745.0 / rates.min())] ** 2
        total += np.array([np.exp(-rate * square).sum() for rate in rates])
    return total
