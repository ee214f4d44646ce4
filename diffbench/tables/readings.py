"""The readings of one row: what each metric says of it, beside its floor and on the common scale."""

from __future__ import annotations

import pandas as pd

from diffbench.spec import Json
from diffbench.tables.comparison import commensurable

COLUMNS = ("metric", "value", "floor", "floor_sd", "z", "p", "u", "status")


def readings(long: pd.DataFrame, columns: Json, **labels: object) -> pd.DataFrame:
    """Returns the readings of the rows that have some labels, means over seeds.

    Args:
      long: The long table, with the Gaussian's rows for the common scale.
      columns: Columns of each metric.
      **labels: Labels of the row, such as `score="given"`.

    Returns:
      A row for each column of a metric: its value, mean and deviation of the floor, z, p (of the worst
      seed where there are several: their number is in "seeds"), u on the common scale, and the status; where
      one is not ok, "reason" says what became of it.
    """
    table = long.assign(u=commensurable(long, columns))
    for name, label in labels.items():
        table = table[table[name] == label]
    rows = []
    for metric, group in table.groupby("metric", sort=False):
        bad = group.loc[group["status"] != "ok"]
        rows.append(
            {
                "metric": metric,
                "value": group["value"].mean() if bad.empty else float("nan"),
                "floor": group["floor_mean"].mean(),
                "floor_sd": group["floor_sd"].mean(),
                "z": group["z"].mean() if bad.empty else float("nan"),
                "p": group["p_value"].min(),
                "u": group["u"].mean(),
                "status": "ok" if bad.empty else bad["status"].iloc[0],
                "reason": "" if bad.empty else bad["reason"].iloc[0],
            }
        )
    sound = all(row["status"] == "ok" for row in rows)
    return pd.DataFrame(rows, columns=[*COLUMNS] if sound else [*COLUMNS, "reason"])
