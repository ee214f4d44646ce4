"""Two runs row by row: did anything get worse?

Rows are paired by their specifications without versions (what a part is, not which edition of it measured)
and by seed. Worse or better is said where the interval of the paired differences excludes 0 and the mean
difference exceeds one deviation of the floor; seeds share data, weights and noise, so pairs are close.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from diffbench.records.places import AXES, unversioned
from diffbench.spec import Json, identify
from diffbench.tables.comparison import ROW
from diffbench.tables.headlines import sides
from diffbench.tables.statistics import Interval, t_interval

COLUMNS = ("dataset", *ROW, "metric", "a", "b", "difference", "low", "high", "seeds", "verdict")
WORSE, BETTER, SAME, UNKNOWN = "worse", "better", "same", "not known"


def compared(run_a: Json, long_a: pd.DataFrame, run_b: Json, long_b: pd.DataFrame) -> pd.DataFrame:
    """Returns how each row and metric column of two runs differ.

    Args:
      run_a: What the first folder's runs come to.
      long_a: Its long table.
      run_b: The same of the second.
      long_b: Its long table.

    Raises:
      ValueError: If the two have no row in common.
    """
    keys = ["lasting", "metric", "seed"]
    a, b = _keyed(run_a, long_a), _keyed(run_b, long_b)
    both = a.merge(b[[*keys, "value", "status"]], on=keys, suffixes=("", "_b"))
    if both.empty:
        raise ValueError("the two runs have no row and metric in common")
    side = sides(run_a["columns"])
    rows = []
    for (_, metric), group in both.groupby(["lasting", "metric"], sort=False):
        first = group.iloc[0]
        values_a, values_b = (group[c].to_numpy(float) for c in ("value", "value_b"))
        apart = t_interval(values_b - values_a)
        rows.append(
            {
                "dataset": first["dataset"],
                **{key: first[key] for key in ROW},
                "metric": metric,
                "a": float(np.mean(values_a)),
                "b": float(np.mean(values_b)),
                "difference": apart.mean,
                "low": apart.low,
                "high": apart.high,
                "seeds": apart.n,
                "verdict": _verdict(apart, side.get(str(metric), math.nan), group, values_a, values_b),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _verdict(apart: Interval, side: float, group: pd.DataFrame, a: np.ndarray, b: np.ndarray) -> str:
    ends = [(group[column] != "ok").sum() for column in ("status", "status_b")]
    if ends[0] != ends[1]:
        return WORSE if ends[1] > ends[0] else BETTER
    if apart.n < 2:
        return SAME if apart.n and apart.mean == 0.0 else UNKNOWN
    if apart.low <= 0.0 <= apart.high:
        return SAME
    sd = float(group["floor_sd"].max())
    if sd > 0.0 and abs(apart.mean) <= sd:
        return SAME
    if math.isnan(side):
        # Where truth itself is best, farther from its mean is worse.
        floor = float(group["floor_mean"].mean())
        middle = 0.0 if math.isnan(floor) else floor
        return WORSE if np.abs(b - middle).mean() > np.abs(a - middle).mean() else BETTER
    return WORSE if side * apart.mean > 0.0 else BETTER


def _keyed(run: Json, long: pd.DataFrame) -> pd.DataFrame:
    """Returns a long table with the hash of what each row is, versions left out."""
    older = {name: identify(unversioned(spec)) for name, spec in run["specs"].items()}
    lasting = {
        place: identify([older.get(axes[axis], "") for axis in AXES]) for place, axes in run["places"].items()
    }
    by_labels = {
        tuple(cell[key] for key in ("dataset", *ROW)): lasting[cell["place"]] for cell in run["cells"]
    }
    labels = zip(*(long[key] for key in ("dataset", *ROW)), strict=True)
    return long.assign(lasting=[by_labels[label] for label in labels])
