"""Energy and kernel statistics that no far point spoils.

An energy statistic cancels what it sums: with one sample of n at a distance L, the terms of size L
go out and what is left is of the size of the data. So the pairs of a far point are written as

  |a - y| = |a| + (|y|^2 - 2 a.y)/(|a - y| + |a|),
  |a - b| = |a| + |b| - |a||b| |a/|a| + b/|b||^2/(|a - b| + |a| + |b|),

in float64: every |a| is in 2 E|X - Y| and in E|X - X'| with the same weight 2/n and is dropped from
both before it is added to anything. What is left of two far points is never above 0, however they are
rounded: a model that went astray cannot come closer than truth. Pairs of near points are summed in
float32 tiles, as always, and in float64 beside a far one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.spatial import distance as spatial

from diffbench.contracts import Points
from diffbench.pairwise import PairFunction, pair_sums

# Sizes of the data up to which float32 tiles have the digits.
_NEAR = 4.0
# Where far points are put for what decays anyway, so that their squares are numbers.
FARTHEST = 1e12
# Standardised coordinates beyond which squares leave float64.
LARGEST = 1e150
# Numbers of a block of pairs.
_BLOCK = 2**20


class Parted(NamedTuple):
    """Points of a sample, float64: those near the data, and those far from it, `[k, D]` each."""

    near: np.ndarray
    far: np.ndarray


def parted(x: np.ndarray, y: np.ndarray, diameter: float) -> Parted:
    """Returns the near and the far points of a sample.

    Args:
      x: Points, standardised, `[n, D]`, float64; one that is not finite is far.
      y: Points of the truth, `[m, D]`: near is what they and its diameter say.
      diameter: Largest length in the data.
    """
    reach = _NEAR * max(diameter, float(np.abs(y).max()))
    is_near = np.abs(x).max(axis=1) <= reach
    return Parted(x[is_near], x[~is_near])


def norms(x: np.ndarray) -> np.ndarray:
    """Returns Euclidean norms over the last axis, whatever their size."""
    largest = np.abs(x).max(axis=-1, keepdims=True, initial=1e-300)
    return largest[..., 0] * np.sqrt(((x / largest) ** 2).sum(axis=-1))


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns |a - b| of points `[k, D]` and `[m, D]` up to `LARGEST`, `[k, m]`, float64."""
    # By a power of two, which rounds nothing; what then leaves float64 below is far below the rest.
    largest = max(np.abs(a).max(initial=1.0), np.abs(b).max(initial=1.0))
    unit = 2.0 ** math.floor(math.log2(largest))
    return unit * spatial.cdist(a / unit, b / unit)


def _rows(a: np.ndarray, b: np.ndarray) -> Iterator[slice]:
    """Yields blocks of rows of a, such that a block of pairs with b is small."""
    rows = max(1, _BLOCK // max(1, b.size))
    for start in range(0, len(a) if len(b) else 0, rows):
        yield slice(start, start + rows)


def reduced(a: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Yields blocks `[b, m]` of |a - y| - |a| for points `[k, D]` and `[m, D]`, float64."""
    square = (y**2).sum(axis=1)
    for here in _rows(a, y):
        length = norms(a[here])[:, None]
        yield (square - 2.0 * a[here] @ y.T) / np.maximum(distances(a[here], y) + length, 1e-300)


def too_far(x: np.ndarray) -> bool:
    """Whether some point is not finite, or too far for float64 to square."""
    return not bool((np.abs(x) <= LARGEST).all())


def cross_sum(x: Parted, y: Parted, distance: PairFunction) -> float:
    """Returns the sum over x and y of |x - y|, less m |a| for each far a of x and n |b| of y.

    Args:
      x: n points.
      y: m points.
      distance: The pair function of distances.
    """
    if not len(x.far) and not len(y.far):
        return float(pair_sums(distance, (), jnp.asarray(x.near, float), jnp.asarray(y.near, float))[0])
    total = _sum(x.near, y.near) + _far_pairs(x.far, y.far)
    for far, near in ((x.far, y.near), (y.far, x.near)):
        total += sum(float(part.sum()) for part in reduced(far, near))
    return total


def within_sum(x: Parted, distance: PairFunction, *, exact: bool = False) -> float:
    """Returns the sum over ordered pairs of different points, less 2 (n - 1) |a| for each far a.

    Args:
      x: n points.
      distance: The pair function of distances.
      exact: Whether near points are summed in float64 though none is far.
    """
    if not exact and not len(x.far):
        return float(pair_sums(distance, (), jnp.asarray(x.near, float))[0])
    total = 2.0 * sum(float(part.sum()) for part in reduced(x.far, x.near))
    return total + _sum(x.near, x.near) + _far_pairs(x.far, x.far, same=True)


def _sum(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the sum of |a - b| over all pairs."""
    return sum(float(distances(a[here], b).sum()) for here in _rows(a, b))


def _far_pairs(a: np.ndarray, b: np.ndarray, *, same: bool = False) -> float:
    """Returns the sum of |a - b| - |a| - |b| over all pairs of far points, or of different ones."""
    total, of_b = 0.0, norms(b)
    towards_b = b / np.maximum(of_b, 1e-300)[:, None]
    for here in _rows(a, b):
        of_a = norms(a[here])[:, None]
        # Of two opposite ones nothing is left; a difference of lengths would leave their rounding.
        turned = spatial.cdist(a[here] / of_a, -towards_b, "sqeuclidean")
        longer, shorter = np.maximum(of_a, of_b), np.minimum(of_a, of_b)
        away = -shorter * (longer / (distances(a[here], b) + longer + shorter)) * turned
        if same:
            # Taken out here: added and subtracted, it would take the digits of the rest with it.
            away[np.arange(len(away)), here.start + np.arange(len(away))] = 0.0
        total += float(away.sum())
    return total


def kernel_sums(kernels: PairFunction, rates: Points, x: Parted) -> np.ndarray:
    """Returns sums of exp(-rate |x - x'|^2) over ordered pairs of different points, `[J]`."""
    if not len(x.far):
        return pair_sums(kernels, rates, jnp.asarray(x.near, float))
    both = np.concatenate(x)
    return far_kernels(both, both, rates) - len(both)


def far_kernels(a: np.ndarray, y: np.ndarray, rates: Points) -> np.ndarray:
    """Returns sums of exp(-rate |a - y|^2) over all pairs, `[J]`, float64."""
    rates = np.asarray(rates, np.float64)
    total = np.zeros(len(rates))
    for here in _rows(a, y):
        distance = distances(a[here], y)
        # Where even the widest kernel is nothing there is nothing to square.
        square = distance[distance < math.sqrt(745.0 / rates.min())] ** 2
        total += np.array([np.exp(-rate * square).sum() for rate in rates])
    return total
