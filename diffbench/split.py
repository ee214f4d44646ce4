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

from diffbench.statistics import Interval, t_interval

PARTS = ("total", "solver", "learning", "finite_data")
NAMES = {"solver": "solving", "learning": "learning", "finite_data": "finite data"}
_KEYS = ["dataset", "family", "budget", "sampler", "metric"]
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
      names the parts above zero, the largest first.
    """
    sound = long[(long["status"] == "ok") & long["floor_sd"].gt(0.0)]
    by_seed = ["dataset", "score", "family", "sampler", "metric", "seed"]
    others = sound[sound["score"].isin(["exact", "empirical"])].set_index(by_seed)["value"]
    rows = []
    for key, group in sound[sound["score"] == "learned"].groupby(_KEYS, sort=False):
        labels: dict[str, Any] = dict(zip(_KEYS, key, strict=True))
        noise = processes.get(labels["family"])
        values = group.set_index("seed")["value"]
        floor = group["floor_mean"].iloc[0]

        def beside(score: str, labels: Any = labels, noise: Any = noise, values: Any = values) -> pd.Series:
            """Returns the row of another score, by the same sampler and for the same seeds."""
            places = [
                (labels["dataset"], score, noise, labels["sampler"], labels["metric"], seed)
                for seed in values.index
            ]
            return pd.Series(others.reindex(places).to_numpy(), values.index)

        exact = beside("exact")
        parts = {
            "total": t_interval(values - floor),
            "solver": t_interval(exact - floor),
            "learning": t_interval(values - exact),
            "finite_data": t_interval(beside("empirical") - exact),
        }
        row = {**labels, "seeds": len(values), "floor_sd": group["floor_sd"].iloc[0]}
        for part, interval in parts.items():
            row |= {part: interval.mean, f"{part}_low": interval.low, f"{part}_high": interval.high}
        rows.append({**row, "errs_in": _verdict(parts)})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _verdict(parts: Mapping[str, Interval]) -> str:
    """Returns the parts whose intervals lie above zero, the largest first."""
    known = {part: interval for part, interval in parts.items() if part in NAMES and interval.n}
    if not known:
        return "not known"
    if not any(math.isfinite(interval.low) for interval in known.values()):
        return "needs 2 seeds"
    above = [part for part, interval in known.items() if interval.low > 0.0]
    return ", ".join(NAMES[part] for part in sorted(above, key=lambda p: -known[p].mean)) or "nothing seen"
