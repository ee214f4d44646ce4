"""What a call was given, held against what it may be: each message says what was expected and what came."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from diffbench import arrayfiles, checks
from diffbench.process import Process
from diffbench.spec import Json, JsonObject

MOST = 2**31 - 1
"""The largest seed."""


def whole(name: str, value: int, least: int = 0, most: int = MOST) -> int:
    """Returns a whole number, also one of NumPy, as Python's own, which is what specifications hold.

    Raises:
      TypeError: If it is not a whole number.
      ValueError: If it is too small or too large.
    """
    found = int(value) if isinstance(value, np.integer) else value
    checks.count(name, found, least, most)
    return found


def plain(params: Mapping[str, object]) -> JsonObject:
    """Returns parameters with NumPy's numbers as Python's own, which is what specifications hold."""
    return {key: one.item() if isinstance(one, np.generic) else one for key, one in params.items()}


def table(name: str, value: object, such_as: str) -> Json:
    """Returns a table of settings.

    Raises:
      TypeError: If it is none.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a table such as {such_as}; got {type(value).__name__}")
    return value


def points(x: ArrayLike, dim: int) -> np.ndarray:
    """Returns points `[..., D]`, float32.

    Raises:
      ValueError: If they are no real numbers, or their last axis is another.
    """
    found = arrayfiles.real(x, "x")
    if found.ndim < 1 or found.shape[-1] != dim:
        turned = "; it may be the other way round" if found.ndim == 2 and len(found) == dim else ""
        raise ValueError(f"x must have shape [n, {dim}]; got {list(found.shape)}{turned}")
    return found.astype(np.float32)


def time(t: float, process: Process, name: str = "", *, zero: bool = False) -> float:
    """Returns a time of a process.

    Args:
      t: The time.
      process: The process.
      name: What the message calls it.
      zero: Whether 0, the data itself, is one too.

    Raises:
      TypeError: If it is not one number.
      ValueError: If it is out of range.
    """
    if np.ndim(t) or isinstance(t, str | bytes) or not hasattr(t, "__float__"):
        shown = f"an array of shape {list(np.shape(t))}" if np.ndim(t) else repr(t)
        raise TypeError(f"t must be one number, the same for all points; got {shown}")
    found = float(t)
    if not (process.t_min <= found <= process.t_max or (zero and found == 0.0)):
        of = f" of {name}" if name else ""
        either = "0 or in" if zero else "in"
        raise ValueError(f"t must be {either} [{process.t_min:g}, {process.t_max:g}]{of}; got {found:g}")
    return found
