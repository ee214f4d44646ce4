"""What the metrics share: points at the door, levels in reach, means over pairs, and neighbours.

Neighbours are found by a k-d tree in float64, whatever the working dtype: exact, O(n)
memory, and O(n log n) time in few dimensions; in many it falls back to looking at
nearly all pairs, which is no slower than a sort of their distances.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from scipy import spatial

from diffbench.contracts import Array, Dataset, Outcome, Points
from diffbench.pairwise import PairFunction, pair_sums
from diffbench.process import Process

T = TypeVar("T")

# Rounding of log_snr at the two ends of a process must not count as out of reach.
_REACH = 1e-3


def points(name: str, x: ArrayLike, *, least: int = 1, dim: int | None = None) -> Array:
    """Returns points in the working dtype: float32, or float64 where that is enabled.

    Args:
      name: What the points are, for the message.
      x: Points, `[n, D]`.
      least: Smallest n that will do.
      dim: Required D, or None.

    Raises:
      ValueError: If the shape is not `[n, D]` with n >= least and D = dim.
    """
    found = jnp.asarray(x, float)
    if found.ndim != 2:
        raise ValueError(f"{name} must have shape [n, D]; got {list(found.shape)}")
    if found.shape[0] < least:
        raise ValueError(f"{name} must hold at least {least} points; got {found.shape[0]}")
    if dim is not None and found.shape[1] != dim:
        raise ValueError(f"{name} must have dimension {dim}; got {found.shape[1]}")
    return found


def exact_points(name: str, x: ArrayLike, *, least: int = 1, dim: int | None = None) -> np.ndarray:
    """Returns points as they are, in float64: those too far for float32 keep their place.

    Args and errors as `points`.
    """
    found = np.asarray(x, np.float64)
    points(name, np.zeros(found.shape, np.float32) if found.ndim == 2 else found, least=least, dim=dim)
    return found


def covered(process: Process, dataset: Dataset, low: float, high: float) -> bool:
    """Whether process and exact score reach from one log_snr to another, most noise first."""
    ends = jnp.asarray([process.t_min, process.t_max], float)
    first, last = np.asarray(process.log_snr(ends), np.float64)
    reached = first >= high - _REACH and last <= low + _REACH
    return bool(reached and dataset.smallest_sigma <= math.exp(-high / 2.0))


def prepared(prepare: Callable[[Points, Dataset], T], outcome: Outcome) -> T:
    """Returns what a metric prepared, preparing it now if nobody has."""
    if outcome.prepared is not None:
        known: T = outcome.prepared
        return known
    return prepare(outcome.reference, outcome.dataset)


def first_rows(outcome: Outcome, most: int, *, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first min(n, m, most) points of samples and of reference, float64.

    Rows are independent draws, so the first ones are as good as any; as many on both
    sides, so that a classifier or a coverage means the same for any m.

    Args:
      outcome: Samples `[n, D]` and reference `[m, D]`.
      most: Largest number of points on each side.
      least: Smallest n and m that will do.

    Raises:
      ValueError: If a shape is wrong or a side too short.
    """
    y = exact_points("reference", outcome.reference, least=least)
    x = exact_points("samples", outcome.samples, least=least, dim=y.shape[1])
    rows = min(x.shape[0], y.shape[0], most)
    return x[:rows], y[:rows]


def within(function: PairFunction, parameters: object, x: Array) -> np.ndarray:
    """Returns means over the ordered pairs of different points, `[J]`, float64."""
    return pair_sums(function, parameters, x) / (x.shape[0] * (x.shape[0] - 1.0))


def between(function: PairFunction, parameters: object, x: Array, y: Array) -> np.ndarray:
    """Returns means over the pairs of x and y, `[J]`, float64."""
    return pair_sums(function, parameters, x, y) / (float(x.shape[0]) * y.shape[0])


def distance(squared: Array, parameters: tuple[()]) -> tuple[Array, ...]:
    """Returns distances from their squares: the pair function of the energy distance."""
    return (jnp.sqrt(squared),)


def nearest(x: np.ndarray, y: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns distances to the k nearest points of y, and which they are, each `[n, k]`.

    Args:
      x: Finite points, `[n, D]`.
      y: Finite points, `[m, D]`, m >= k.
      k: Number of neighbours, the nearest first.
    """
    distances, which = spatial.KDTree(y).query(x, k=np.arange(1, k + 1))
    return distances, which


def nearest_others(y: np.ndarray, k: int) -> np.ndarray:
    """Returns the distance of each point to its k-th nearest other point, `[m]`.

    Args:
      y: Finite points, `[m, D]`, m > k.
      k: Which neighbour, from 1.
    """
    # A point is its own nearest one; a copy of it, at distance 0 too, may stand in for it.
    return nearest(y, y, k + 1)[0][:, k]
