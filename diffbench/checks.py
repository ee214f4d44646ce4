"""Checks of numbers at the door: each message says what was expected and what came."""

from __future__ import annotations

import math


def positive(**values: float) -> None:
    """Raises unless each named value is a positive finite number.

    Raises:
      TypeError: If a value is not a number.
      ValueError: If it is not positive and finite.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number; got {value!r}")
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive and finite; got {value}")


def count(name: str, value: int, least: int = 1) -> None:
    """Raises unless a named value is a whole number of at least `least`.

    Raises:
      TypeError: If the value is not a whole number.
      ValueError: If it is too small.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number; got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}; got {value}")


def ordered(low: str, a: float, high: str, b: float) -> None:
    """Raises unless a and b are positive and a < b; `low` and `high` name them."""
    positive(**{low: a, high: b})
    if a >= b:
        raise ValueError(f"{low} must be below {high}; got {low} = {a} and {high} = {b}")


def choice(name: str, value: str, options: tuple[str, ...]) -> None:
    """Raises a ValueError unless a named value is one of the options."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(options)}; got {value!r}")


def end_time(t_end: float | None) -> None:
    """Raises unless `t_end`, where a sampler stops, is None or in (0, 1)."""
    if t_end is not None:
        positive(t_end=t_end)
        if t_end >= 1:
            raise ValueError(f"t_end must be in (0, 1); got {t_end}")
