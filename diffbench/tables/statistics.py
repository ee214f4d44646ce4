"""Statistics over seeds: few numbers, so the intervals are Student's.

With 3 to 5 seeds a percentile bootstrap covers 74 to 84% of the time where it claims
95%; the t interval keeps its word for near-normal values.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A mean over seeds and its interval; the ends are NaN for a single value."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def half(self) -> float:
        """Half the width."""
        return (self.high - self.low) / 2


@functools.lru_cache(maxsize=1024)
def _quantile(level: float, degrees: int) -> float:
    """Returns a quantile of Student's t; a table asks for the same one many thousand times."""
    return float(stats.t.ppf(level, degrees))


def t_interval(values: Iterable[float | None], level: float = 0.95) -> Interval:
    """Returns the mean and its two-sided Student t interval; NaN values are left out.

    Args:
      values: One value per seed.
      level: Coverage, in (0, 1).

    Raises:
      ValueError: If level is out of range.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1); got {level}")
    kept = np.asarray([v for v in values if v is not None and math.isfinite(v)], np.float64)
    if kept.size == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(kept.mean())
    if kept.size == 1:
        return Interval(mean, math.nan, math.nan, 1)
    half = float(_quantile(0.5 + level / 2, kept.size - 1) * kept.std(ddof=1) / math.sqrt(kept.size))
    return Interval(mean, mean - half, mean + half, int(kept.size))
