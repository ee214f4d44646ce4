"""Numbers for reading: the digits that say something, of a number alone and of one with its interval."""

from __future__ import annotations

import math
from decimal import Decimal

# Plain notation goes from a thousandth to below these; beyond them a power of ten is shorter.
_SMALL, _LARGE, _LARGE_WITHIN = -3, 5, 6
_MOST = 9  # digits of a mean: more than float32 has, so no more than a measurement can hold


def number(value: float | None, digits: int = 3) -> str:
    """Returns a number for reading: three significant digits, "-" where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    if 10.0**_SMALL <= abs(value) < 10.0**_LARGE:
        return f"{value:.{max(0, digits - 1 - _exponent(value, digits))}f}"
    return f"{value:.{digits - 1}e}"


def deviations(mean: float, half: float = math.nan) -> str:
    """Returns a number of standard deviations and half its interval, to tenths where they suffice.

    Args:
      mean: The number; "-" stands for one that is not finite.
      half: Half of its interval, not finite where there is none.
    """
    return within(mean, half, coarsest=-1)


def within(mean: float, half: float = math.nan, coarsest: int | None = None) -> str:
    """Returns a mean and half its interval as `mean ± half`, both to the same last place.

    That is the second digit of the half width: 14,923 ± 512 is `14920 ± 510`. A mean without an
    interval, and one whose seeds agree to the last bit, has three digits.

    Args:
      mean: The mean; "-" stands for one that is not finite.
      half: Half of its interval, not finite where there is none.
      coarsest: Power of ten that is fine enough unless the interval is smaller still.
    """
    if mean is None or not math.isfinite(mean):
        return "-"
    if not math.isfinite(half) or half == 0.0:
        return _alone(mean, coarsest) + (" ± 0" if half == 0.0 else "")
    first = _exponent(half, 2)
    place = first - 1 if coarsest is None else max(first - 1, min(coarsest, first))
    top = max(_exponent(mean, 3), first) if mean else first
    if top - place >= _MOST:
        # The interval is beyond the digits that a measurement holds.
        return f"{number(mean, _MOST)} ± {number(half, 2)}"
    plain = _SMALL <= top < _LARGE_WITHIN
    return " ± ".join(_to_place(value, place, plain) for value in (mean, half))


def _alone(mean: float, coarsest: int | None) -> str:
    if coarsest is None:
        return number(mean)
    size = abs(mean)
    if size >= 10.0**_LARGE_WITHIN:
        return number(mean)
    return _to_place(mean, coarsest if size < 100.0 else 0, plain=True)


def _exponent(value: float, digits: int) -> int:
    """Returns the power of ten of the first digit of a number rounded to some digits."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def _to_place(value: float, place: int, plain: bool) -> str:
    """Returns a number to a power of ten, without the sign of a zero."""
    # Decimals, for 10^place is not a float where the numbers are subnormal.
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(place))
    if not rounded:
        rounded = abs(rounded)
        return f"{rounded:f}" if plain and place <= 0 else "0"
    return f"{rounded:f}" if plain else f"{float(rounded):.{max(0, rounded.adjusted() - place)}e}"
