"""Where an error comes from: learning, solving, or want of data.

The same sampler runs on the learned score and on the exact one, from the same noise. Over the
noise floor of a metric,

  total       = learned - floor,
  solver      = exact - floor,
  learning    = learned - exact,
  finite data = empirical - exact,

the differences taken seed by seed, with the sign turned where higher is better: more is worse. Where
the good value is truth itself, more and less are. `finite data` stands where the training set is finite
and the suite asks for its empirical score: the part that a perfect fit of that set would lose.

All parts of a row are means over the same seeds, those in which each of its scores has a value, so that
total = solver + learning holds of the means too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from diffbench.tables.headlines import sides
from diffbench.tables.statistics import Interval, t_interval

PARTS = ("total", "solver", "learning", "finite_data")
NAMES = {"solver": "solving", "learning": "learning", "finite_data": "finite data"}
# Draws of a seed that a part depends on.
_DRAWS = {"solver": 1, "learning": 2, "finite_data": 2}
_KEYS = ["dataset", "family", "budget", "sampler", "metric"]
# Where a row stands beside a learned one: same noise process, sampler, metric and seed.
_PLACE = ("dataset", "process", "sampler", "metric", "seed")
_BESIDE = ("dataset", "family", "sampler", "metric", "seed")
_ENDS = ("", "_low", "_high")
COLUMNS = (*_KEYS, "seeds", "floor_sd", *(f"{part}{end}" for part in PARTS for end in _ENDS), "errs_in")


def error_split(
    long: pd.DataFrame, processes: Mapping[str, str], columns: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Returns a row for each learned row and metric with a floor: its parts and intervals.

    Args:
      long: The long table.
      processes: The label of each family's process: what exact rows of it are called.
      columns: Columns of each metric, which say what is better; lower where they do not.

    Returns:
      Parts in the metric's own units with the ends of their 95% t intervals over seeds, NaN
      where a row to compare with is missing; divide by `floor_sd` for floor deviations. `seeds`
      counts the seeds behind them. `errs_in` names the parts that are worse than zero by their
      own interval and by the floor's deviation.
    """
    side = sides(columns or {})
    sound = long[(long["status"] == "ok") & long["floor_sd"].gt(0.0)]
    learned = sound[sound["score"] == "learned"].assign(process=lambda rows: rows["family"].map(processes))
    for score in ("exact", "empirical"):
        here = sound.loc[sound["score"] == score, [*_BESIDE, "value"]]
        names = {"family": "process", "value": score}
        learned = learned.merge(here.rename(columns=names), how="left", on=list(_PLACE))
    values = {score: learned[score].to_numpy(float) for score in ("exact", "empirical")}
    values["learned"] = learned["value"].to_numpy(float)
    floor, floor_sd = learned["floor_mean"].to_numpy(float), learned["floor_sd"].to_numpy(float)
    rows = []
    # Plain arrays: a pandas group for each row would take most of a large table's time.
    groups: Mapping[Any, Any] = learned.groupby(_KEYS, sort=False).indices
    for key, at in groups.items():
        sign = side.get(key[-1], 1.0)
        intervals, seeds = _parts({score: found[at] for score, found in values.items()}, floor[at], sign)
        row: dict[str, Any] = {
            **dict(zip(_KEYS, key, strict=True)),
            "seeds": seeds,
            "floor_sd": floor_sd[at[0]],
        }
        for part, interval in intervals.items():
            row |= {part: interval.mean, f"{part}_low": interval.low, f"{part}_high": interval.high}
        rows.append({**row, "errs_in": _verdict(intervals, floor_sd[at[0]], math.isnan(sign))})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _parts(
    values: Mapping[str, np.ndarray], floor: np.ndarray, sign: float
) -> tuple[dict[str, Interval], int]:
    """Returns the parts of one row over the seeds that its scores share, and how many those are.

    Args:
      values: By score, each `[seeds]`, NaN where there is none.
      floor: Mean of the floor, `[seeds]`.
      sign: 1 where more is worse, -1 where less is, NaN where both are.
    """
    learned, exact, empirical = (values[score] for score in ("learned", "exact", "empirical"))
    common, nobody = np.isfinite(learned), np.zeros(len(learned), bool)
    # A score that shares no seed with the others is not there to compare with.
    solved = common & np.isfinite(exact)
    common = solved if solved.any() else common
    emptied = solved & np.isfinite(empirical)
    common = emptied if emptied.any() else common
    has_exact, has_empirical = (common if found.any() else nobody for found in (solved, emptied))
    parts = {
        "total": learned - floor,
        "solver": np.where(has_exact, exact - floor, math.nan),
        "learning": np.where(has_exact, learned - exact, math.nan),
        "finite_data": np.where(has_empirical, empirical - exact, math.nan),
    }
    turned = -1.0 if sign < 0 else 1.0
    return {part: t_interval(turned * value[common]) for part, value in parts.items()}, int(common.sum())


def _verdict(parts: Mapping[str, Interval], floor_sd: float, two_sided: bool) -> str:
    """Returns the parts that are not zero on the bad side, the largest first.

    A few seeds that happen to agree make an interval too short, so a part must also exceed two
    standard errors by the floor's own deviation, which is known from many draws. The solver's part
    has one draw a seed, and its floor's mean has many; the other two are differences of two draws.
    """
    known = {part: interval for part, interval in parts.items() if part in NAMES and interval.n}
    if not known:
        return "not known"
    if not any(math.isfinite(interval.low) for interval in known.values()):
        return "needs 2 seeds"
    if two_sided:
        known = {part: _upwards(interval) for part, interval in known.items()}
    least = {part: 2.0 * floor_sd * math.sqrt(_DRAWS[part] / known[part].n) for part in known}
    above = [part for part, interval in known.items() if interval.low > 0.0 and interval.mean > least[part]]
    return ", ".join(NAMES[part] for part in sorted(above, key=lambda p: -known[p].mean)) or "nothing seen"


def _upwards(interval: Interval) -> Interval:
    """Returns an interval with its mean above zero, mirrored if it is not."""
    mean, low, high, n = interval
    return interval if mean > 0.0 else Interval(-mean, -high, -low, n)
