"""Checks of numbers at the door: each message says what was expected and what came."""

from __future__ import annotations

# The largest number that float32 holds.
LARGEST = 3.4e38
# Lengths whose squares float32 holds with room for a thousandfold either way: noise and small alpha.
SHORTEST, LONGEST = 1e-15, 1e15


def positive(**values: float) -> None:
    """Raises unless each named value is a positive finite number.

    Raises:
      TypeError: If a value is not a number.
      ValueError: If it is not positive and finite.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number; got {value!r}")
        if not 0 < value <= LARGEST:  # false for NaN too
            shown = _short(value) if isinstance(value, int) else value
            raise ValueError(f"{name} must be positive and finite; got {shown}")


def _short(value: int) -> str:
    """Returns a whole number for a message, cut where it is absurdly long."""
    return str(value) if abs(value) < 10**20 else "a whole number beyond 1e20"


def finite(**values: float) -> None:
    """Raises unless each named value is a finite number that float32 holds.

    Raises:
      TypeError: If a value is not a number.
      ValueError: If it is not finite.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number; got {value!r}")
        if not abs(value) <= LARGEST:
            raise ValueError(f"{name} must be finite; got {value}")


def not_negative(**values: float) -> None:
    """Raises unless each named value is a finite number of at least 0.

    Raises:
      TypeError: If a value is not a number.
      ValueError: If it is negative or not finite.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number; got {value!r}")
        if not 0 <= value <= LARGEST:
            raise ValueError(f"{name} must be at least 0 and finite; got {value}")


def share(**values: float) -> None:
    """Raises unless each named value is a number in [0, 1].

    Raises:
      TypeError: If a value is not a number.
      ValueError: If it is out of range.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number; got {value!r}")
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be in [0, 1]; got {value}")


def length(**values: float) -> None:
    """Raises unless each named value is a length whose square float32 holds.

    Raises:
      TypeError: If a value is not a number.
      ValueError: If it is not positive and finite, or outside [`SHORTEST`, `LONGEST`].
    """
    positive(**values)
    for name, value in values.items():
        if not SHORTEST <= value <= LONGEST:
            raise ValueError(
                f"{name} must be from {SHORTEST:g} to {LONGEST:g}, so that float32 holds its square; "
                f"got {value:g}"
            )


def flag(**values: bool) -> None:
    """Raises a TypeError unless each named value is true or false."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be true or false; got {value!r}")


def count(name: str, value: int, least: int = 1, most: int = 10**9) -> None:
    """Raises unless a named value is a whole number from `least` to `most`.

    Raises:
      TypeError: If the value is not a whole number.
      ValueError: If it is too small or too large.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number; got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}; got {value}")
    if value > most:
        raise ValueError(f"{name} must be at most {most}; got {_short(value)}")


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
