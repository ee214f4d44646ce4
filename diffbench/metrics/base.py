"""What the metrics share: points checked at the door, levels in reach, what a metric prepares."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, Dataset, Outcome
from diffbench.process import Process

# Rounding of log_snr at the two ends of a process must not count as out of reach.
_REACH = 1e-3


def points(name: str, x: Any, *, least: int = 1, dim: int | None = None) -> Array:
    """Returns points in the working dtype: float32, or float64 where that is enabled.

    Args:
      name: What the points are, for the message.
      x: Points, `[n, D]`.
      least: Smallest n that will do.
      dim: Required D, or None.

    Raises:
      ValueError: If the shape is not `[n, D]` with n >= least and D = dim.
    """
    x = jnp.asarray(x, float)
    if x.ndim != 2:
        raise ValueError(f"{name} must have shape [n, D]; got {list(x.shape)}")
    if x.shape[0] < least:
        raise ValueError(f"{name} must hold at least {least} points; got {x.shape[0]}")
    if dim is not None and x.shape[1] != dim:
        raise ValueError(f"{name} must have dimension {dim}; got {x.shape[1]}")
    return x


def covered(process: Process, dataset: Dataset, low: float, high: float) -> bool:
    """Whether process and exact score reach from one log_snr to another, most noise first."""
    ends = jnp.asarray([process.t_min, process.t_max], float)
    first, last = np.asarray(process.log_snr(ends), np.float64)
    reached = first >= high - _REACH and last <= low + _REACH
    return bool(reached and dataset.smallest_sigma <= math.exp(-high / 2.0))


def prepared(prepare: Callable[[Any, Dataset], Any], outcome: Outcome) -> Any:
    """Returns what a metric prepared, preparing it now if nobody has."""
    if outcome.prepared is not None:
        return outcome.prepared
    return prepare(outcome.reference, outcome.dataset)
