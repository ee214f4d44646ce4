"""From the long table to the comparison: means over seeds, intervals, and a common scale.

The common scale u puts every metric that has a floor on one scale,

  u = 1 - (D - D_floor)/(D_gauss - D_floor),

1 for truth and 0 for the Gaussian of the data's moments, so that datasets and metrics can be
averaged. It stays empty where the Gaussian is not told from truth by 10 floor deviations. A cell
that failed gets min(0, the worst u of its column): leaving it out would reward failing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from diffbench.records.outcome import MISSING, OK
from diffbench.records.places import BRACKETS, GAUSSIAN, natural
from diffbench.sources.empirical import NAME as EMPIRICAL
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED
from diffbench.spec import Json
from diffbench.tables.statistics import t_interval

ROW = ("score", "family", "budget", "sampler")
# Brackets first, then what has no error of learning; what is learned comes last.
SCORES = (*BRACKETS, EXACT, EMPIRICAL)


def rank(score: str) -> int:
    """Returns where rows of a score stand: brackets first, learned scores last."""
    if score in SCORES:
        return SCORES.index(score)
    return len(SCORES) + (score == LEARNED)


def row_order(row: Sequence[str]) -> tuple[object, ...]:
    """Returns a key that sorts rows: by what their score is, then by labels, numbers as numbers."""
    score, *labels = row
    return (rank(score), *(natural(label) for label in (score, *labels)))


def header(dataset: str, column: str, what: str = "") -> str:
    """Returns the head of a column of the comparison, `dataset:column` or `dataset:column:what`.

    A colon of a label is there twice, so that the head of one column is never that of another.
    """
    return ":".join(part.replace(":", "::") for part in (dataset, column, what) if part)


def compare(long: pd.DataFrame, columns: Json) -> pd.DataFrame:
    """Returns the comparison: a row per score, family, budget and sampler.

    Columns are called as `header` says.

    For each dataset and metric column: mean over seeds, how many cells are behind it (`:cells`), the ends
    of its 95% t interval, the mean z, and the mean of u on the common scale. `cells` counts all
    cells of the row, on every dataset, and `completed` those of them in which every metric is there.

    Args:
      long: The long table.
      columns: Columns of each metric, in order.
    """
    order = {column: i for i, column in enumerate(c for metric in columns.values() for c in metric)}
    # Plain lists: one pandas group a row and column would take most of a large table's time.
    numbers = {c: long[c].to_numpy(float, na_value=math.nan) for c in ("value", "z", "floor_sd", "nfe")}
    numbers["u"] = commensurable(long, columns).to_numpy(float)
    labels = zip(*(long[c].tolist() for c in (*ROW, "dataset", "metric", "seed", "status")), strict=True)
    groups: dict[tuple[str, ...], dict[tuple[str, str], list[int]]] = {}
    ok: dict[tuple[str, ...], dict[tuple[str, int], bool]] = {}
    nfes: dict[tuple[str, ...], dict[tuple[str, int], float]] = {}
    for i, (*here, dataset, metric, seed, status) in enumerate(labels):
        key, cell = tuple(here), (dataset, seed)
        groups.setdefault(key, {}).setdefault((dataset, metric), []).append(i)
        done = ok.setdefault(key, {})
        done[cell] = done.get(cell, True) and status == OK
        nfes.setdefault(key, {}).setdefault(cell, float(numbers["nfe"][i]))
    rows = []
    for key, columns_of in groups.items():
        row: dict[str | tuple[str, ...], object] = dict(zip(ROW, key, strict=True))
        row |= {"completed": sum(ok[key].values()), "cells": len(ok[key])}
        for (dataset, metric), at in columns_of.items():
            interval, z = t_interval(numbers["value"][at]), t_interval(numbers["z"][at])
            place = (dataset, metric)
            row |= {(*place, ""): interval.mean, (*place, "cells"): interval.n}
            row |= {(*place, "low"): interval.low, (*place, "high"): interval.high}
            if not all(math.isnan(numbers["floor_sd"][i]) for i in at):
                row[*place, "z"] = z.mean
            u = numbers["u"][at]
            if not np.isnan(u).all():
                row[*place, "u"] = float(np.nanmean(u))
        nfe = [value for value in nfes[key].values() if not math.isnan(value)]
        row["nfe"] = sum(nfe) / len(nfe) if nfe else math.nan
        rows.append(row)
    if not rows:
        return pd.DataFrame()
    rows.sort(key=lambda row: row_order([str(row[key]) for key in ROW]))
    datasets = {dataset: i for i, dataset in enumerate(dict.fromkeys(long["dataset"]))}
    places = sorted(
        {key for row in rows for key in row if isinstance(key, tuple)},
        key=lambda key: (datasets[key[0]], order.get(key[1], 0), key[1], key[2]),
    )
    table = pd.DataFrame(rows, columns=[*ROW, "nfe", "completed", "cells", *places])
    names = [header(*key) for key in places]
    table = table.set_axis([*ROW, "nfe", "completed", "cells", *names], axis=1)
    return table.astype({name: "Int64" for name, key in zip(names, places, strict=True) if key[2] == "cells"})


# How many floor deviations the Gaussian must be away from truth to span a scale.
SPAN = 10.0


def commensurable(long: pd.DataFrame, columns: Json) -> pd.Series:
    """Returns u, the common scale, of every row of the long table, NaN where it has none.

    Args:
      long: The long table.
      columns: Columns of each metric.
    """
    better = {column: about["better"] for metric in columns.values() for column, about in metric.items()}
    u = pd.Series(math.nan, index=long.index)
    for (_, metric), group in long.groupby(["dataset", "metric"], sort=False):
        floor = group[group["floor_sd"] > 0.0]
        gauss = group.loc[group["score"] == GAUSSIAN, "value"].dropna()
        if floor.empty or gauss.empty:
            continue
        mean, sd = floor["floor_mean"].iloc[0], floor["floor_sd"].iloc[0]
        span = gauss.mean() - mean
        side = {"lower": 1.0, "higher": -1.0}.get(better[str(metric)])
        # Where truth itself is best, both sides of it are worse.
        worse = abs(span) if side is None else side * span
        if worse <= SPAN * sd:
            continue
        away = group["value"] - mean
        found = 1.0 - (away.abs() / abs(span) if side is None else away / span)
        failed = ~group["status"].isin([OK, MISSING])
        found[failed] = min(0.0, found[~failed].min())
        u[group.index] = found
    return u
