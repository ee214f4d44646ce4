"""Whether a number of a row got worse from one run to another: more than its noise, and not by chance.

A change is worse (or better) where three things hold:

  interval   Student's 95% interval of the paired differences over seeds excludes 0;
  size       their mean exceeds one deviation of the floor, that is of a draw of truth; of a number without
             a floor, one deviation over the seeds of a run;
  chance     Holm's steps keep it among all numbers that changed, so that a page of hundreds calls one of
             them worse by chance alone in 5% of comparisons at the most (and one better in as many).

Its p-value is the smaller of two. Both are two-sided and only one side of each is worse: that pays for taking
the smaller.

  paired     Student's of the paired differences, which needs close pairs. Of numbers that go in steps, as
             counts and shares do, differences that tie are no closer than the rounding to a step, whose
             variance is added.
  floor's    A floor is at the most as skewed as chi-squared noise of one degree, and a row at z floor
             deviations is such noise with another centre, so r = sqrt(1 + sqrt(2) z) has deviation 1
             wherever the row lies. The difference of two r, its deviation taken from the seeds where it is
             larger there, gives a p-value for each seed, which Fisher's method combines (as in `verdict`).
             Trainings of a row differ by more than the floor (in `quick` by up to 3.6 such deviations), so
             of a row that was trained, with several seeds, the deviation is that within the two runs, 1 at
             the least, and p is Student's of 2 S - 2 degrees instead; with one seed it is `TRAINING`.

With one seed there is no interval, and the floor alone judges: from truth itself it takes nine deviations, or
a hundred of a row that was trained. Of samples in files one seed says that these two sets differ, not that
those of another training would.

References:
  Holm (1979), A simple sequentially rejective multiple test procedure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from diffbench.tables.statistics import t_interval
from diffbench.tables.verdict import LEVEL, combined

WORSE, BETTER, EQUAL, UNKNOWN = "worse", "better", "equal", "not known"
IDENTICAL = "the same number"
TRAINING = 4.0
"""Deviation of r over trainings, where one seed cannot tell it: more than that of any row of `quick`."""
# Relative: float32 sums in another order, on another machine.
ROUNDING = 1e-6


class Pairs(NamedTuple):
    """A number of a row in two runs, over the seeds that both have.

    Attributes:
      a: In the first, `[S]`.
      b: In the second, `[S]`.
      floor_mean: Mean of its floor, NaN where it has none.
      floor_sd: Deviation of its floor, NaN where it has none.
      side: 1 where more is worse, -1 where less is, NaN where truth itself is best.
      trained: Whether seeds are trainings, or may be: they then differ by more than the floor.
    """

    a: np.ndarray
    b: np.ndarray
    floor_mean: float
    floor_sd: float
    side: float
    trained: bool = False

    def _bad(self, value: np.ndarray) -> np.ndarray:
        """Returns how bad values are, in their units over the floor's mean."""
        over = value - (0.0 if math.isnan(self.floor_mean) else self.floor_mean)
        return np.abs(over) if math.isnan(self.side) else self.side * over

    @property
    def harm(self) -> np.ndarray:
        """How much worse each seed became, `[S]`."""
        return self._bad(self.b) - self._bad(self.a)

    @property
    def over_floor(self) -> tuple[np.ndarray, np.ndarray]:
        """How many floor deviations each seed is bad, in the first and in the second, `[S]`."""
        return self._bad(self.a) / self.floor_sd, self._bad(self.b) / self.floor_sd


class Change(NamedTuple):
    """What a change comes to.

    Attributes:
      verdict: "worse", "better", "equal" or "not known".
      p_value: Two-sided; NaN where nothing is tested.
      note: Why it is not what it seems, or empty.
    """

    verdict: str
    p_value: float = math.nan
    note: str = ""


def changes(pairs: Sequence[Pairs]) -> list[Change]:
    """Returns what each change comes to, among all that are read together."""
    alone = [_alone(one) for one in pairs]
    tested = [i for i, change in enumerate(alone) if not math.isnan(change.p_value)]
    kept: set[int] = set()
    for place, i in enumerate(sorted(tested, key=lambda i: alone[i].p_value)):
        if alone[i].p_value > LEVEL / (len(tested) - place):
            break
        kept.add(i)
    return [
        change
        if i in kept or change.verdict not in (WORSE, BETTER)
        else Change(EQUAL, change.p_value, f"{change.verdict} by itself; chance among {len(tested)} changes")
        for i, change in enumerate(alone)
    ]


def _alone(one: Pairs) -> Change:
    """Returns what a change comes to by itself."""
    if len(one.a) == 0:
        return Change(UNKNOWN, note="no seed has a value in both")
    if (np.abs(one.b - one.a) <= ROUNDING * np.maximum(np.abs(one.a), np.abs(one.b))).all():
        return Change(EQUAL, note=IDENTICAL)
    harm, mean = one.harm, float(one.harm.mean())
    floored = one.floor_sd > 0.0
    if len(harm) == 1:
        if not floored:
            return Change(UNKNOWN, note="one seed, and no floor to judge it by")
        p_value, size, interval = _by_floor(one), one.floor_sd, True
    else:
        size = one.floor_sd if floored else max(one.a.std(ddof=1), one.b.std(ddof=1))
        around = t_interval(harm)
        interval = not around.low <= 0.0 <= around.high
        p_value = _paired(harm, _step(one))
        if floored:
            p_value = min(p_value, _by_floor(one))
    # A single seed that its p-value does not tell is equal, as an interval that holds 0 makes several.
    if not interval or abs(mean) <= size or (len(harm) == 1 and p_value > LEVEL):
        return Change(EQUAL, p_value)
    return Change(WORSE if mean > 0.0 else BETTER, p_value)


def _by_floor(one: Pairs) -> float:
    """Returns the two-sided p-value of two draws, or two trainings, of each seed."""
    a, b = (np.sqrt(np.maximum(0.0, 1.0 + math.sqrt(2.0) * z)) for z in one.over_floor)
    if one.trained and len(a) > 1:
        within = max(1.0, math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2.0))
        t = abs(float((b - a).mean())) / (within * math.sqrt(2.0 / len(a)))
        return 2.0 * float(stats.t.sf(t, 2 * (len(a) - 1)))
    one_draw = TRAINING if one.trained else 1.0
    deviation = max(math.sqrt(2.0) * one_draw, float((b - a).std(ddof=1)) if len(a) > 1 else 0.0)
    sides = (combined(stats.norm.sf(sign * (b - a) / deviation)) for sign in (1.0, -1.0))
    return min(1.0, 2.0 * min(sides))


def _paired(harm: np.ndarray, step: float) -> float:
    """Returns the two-sided p-value of the paired t test, of values that are rounded to a step."""
    error = math.sqrt((float(harm.var(ddof=1)) + step**2 / 6.0) / len(harm))
    t = abs(float(harm.mean())) / error if error > 0.0 else math.inf
    return 2.0 * float(stats.t.sf(t, len(harm) - 1))


def _step(one: Pairs) -> float:
    """Returns the step in which values go; 0 where they vary freely (then they do not tie) or not at all."""
    smallest = 1e-9 * float(np.abs([one.a, one.b]).max())
    apart = one.b - one.a
    if (np.diff(np.sort(apart)) > smallest).all():
        return 0.0
    gaps = np.concatenate([np.diff(np.sort(values)) for values in (one.a, one.b)])
    if (gaps > smallest).any():
        return float(gaps[gaps > smallest].min())
    # All seeds of a run agree. Where truth itself has noise, that is chance; else only a count has any.
    if one.floor_sd > 0.0:
        return float(np.abs(apart).max())
    return 1.0 if (np.concatenate([one.a, one.b]) % 1.0 == 0.0).all() else 0.0
