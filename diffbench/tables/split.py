"""Where an error comes from: learning, solving, or want of data.

The same sampler runs on the learned score and on the exact one, from the same noise. Over the
noise floor of a metric,

  total       = learned - floor,
  solver      = exact - floor,
  learning    = learned - exact,
  finite data = empirical - exact,

the differences taken seed by seed. `finite data` stands where the training set is finite and the
suite asks for its empirical score: the part that a perfect fit of that set would lose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from diffbench.tables.statistics import Interval, t_interval

PARTS = ("total", "solver", "learning", "finite_data")
NAMES = {"solver": "solving", "learning": "learning", "finite_data": "finite data"}
_KEYS = ["dataset", "family", "budget", "sampler", "metric"]
# Where a row stands beside a learned one: same noise process, sampler, metric and seed.
_PLACE = ("dataset", "process", "sampler", "metric", "seed")
_BESIDE = ("dataset", "family", "sampler", "metric", "seed")
_ENDS = ("", "_low", "_high")
COLUMNS = (*_KEYS, "seeds", "floor_sd", *(f"{part}{end}" for part in PARTS for end in _ENDS), "errs_in")


def error_split(long: pd.DataFrame, processes: Mapping[str, str]) -> pd.DataFrame:
    """Returns a row for each learned row and metric with a floor: its parts and intervals.

    Args:
      long: The long table.
      processes: The label of each family's process: what exact rows of it are called.

    Returns:
      Parts in the metric's own units with the ends of their 95% t intervals over seeds, NaN
      where a row to compare with is missing; divide by `floor_sd` for floor deviations. `errs_in`
      names the parts that are above zero by their own interval and by the floor's deviation.
    """
    sound = long[(long["status"] == "ok") & long["floor_sd"].gt(0.0)]
    learned = sound[sound["score"] == "learned"].assign(process=lambda rows: rows["family"].map(processes))
    for score in ("exact", "empirical"):
        here = sound.loc[sound["score"] == score, [*_BESIDE, "value"]]
        names = {"family": "process", "value": score}
        learned = learned.merge(here.rename(columns=names), how="left", on=list(_PLACE))
    parts = pd.DataFrame(
        {
            "total": learned["value"] - learned["floor_mean"],
            "solver": learned["exact"] - learned["floor_mean"],
            "learning": learned["value"] - learned["exact"],
            "finite_data": learned["empirical"] - learned["exact"],
        }
    )
    rows = []
    # Plain arrays: a pandas group for each row would take most of a large table's time.
    values, floor_sd = parts.to_numpy(float), learned["floor_sd"].to_numpy(float)
    groups: Mapping[Any, Any] = learned.groupby(_KEYS, sort=False).indices
    for key, at in groups.items():
        intervals = {part: t_interval(values[at, k]) for k, part in enumerate(PARTS)}
        row: dict[str, Any] = {
            **dict(zip(_KEYS, key, strict=True)),
            "seeds": len(at),
            "floor_sd": floor_sd[at[0]],
        }
        for part, interval in intervals.items():
            row |= {part: interval.mean, f"{part}_low": interval.low, f"{part}_high": interval.high}
        rows.append({**row, "errs_in": _verdict(intervals, floor_sd[at[0]])})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _verdict(parts: Mapping[str, Interval], floor_sd: float) -> str:
    """Returns the parts that are above zero, the largest first.

    A few seeds that happen to agree make an interval too short, so a part must also exceed two
    standard errors by the floor's own deviation, which is known from many draws.
    """
    known = {part: interval for part, interval in parts.items() if part in NAMES and interval.n}
    if not known:
        return "not known"
    if not any(math.isfinite(interval.low) for interval in known.values()):
        return "needs 2 seeds"
    above = [
        part
        for part, interval in known.items()
        if interval.low > 0.0 and interval.mean > 2.0 * floor_sd / math.sqrt(interval.n)
    ]
    return ", ".join(NAMES[part] for part in sorted(above, key=lambda p: -known[p].mean)) or "nothing seen"
