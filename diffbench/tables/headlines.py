"""Which columns a first look needs: what was asked for, then one for each way in which rows err.

The house's own columns are grouped by what they see. The first of a group stands for it; where that
one sees nothing and another of the group does, so does the other. Groups that see nothing beyond the
noise are shown where there is room, or not at all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from diffbench.records.places import BRACKETS, base_of
from diffbench.spec import Json
from diffbench.tables.comparison import ROW

ERRS = 3.0
"""Floor deviations, mean over seeds, from which a row errs: truth exceeds them once in fifty draws."""
_FEW = 4  # columns that are shown where no group is there


class Way(NamedTuple):
    """A way in which samples err.

    Attributes:
      columns: The columns that see it, the one that speaks for it first.
      quiet: Whether it is shown where nothing errs.
    """

    columns: tuple[str, ...]
    quiet: bool = True


WAYS = (
    Way(("energy", "sliced_w2", "w2", "mmd2")),  # globally
    Way(("mmd2_local",)),  # at the data's smallest length
    Way(("frechet_leading", "frechet")),  # in mean and covariance
    Way(("mode_tv", "missing_modes")),
    Way(("stray",), quiet=False),
    Way(("manifold_distance", "manifold_distance_q95")),
    Way(("intrinsic",), quiet=False),
    Way(("precision", "density"), quiet=False),
    Way(("recall", "coverage"), quiet=False),
    Way(("c2st", "c2st_z")),
    Way(("ct", "copied", "authenticity")),
    Way(("score_error",)),
    Way(("kl", "nll")),
    Way(("bpd_excess", "bpd")),
)


class Headlines(NamedTuple):
    """The columns of a first look.

    Attributes:
      columns: In the order in which they stand.
      spare: Those in which nothing errs, which may go where there is no room.
    """

    columns: list[str]
    spare: list[str]


def headlines(long: pd.DataFrame, dataset: str, columns: Json, leading: Sequence[str] = ()) -> Headlines:
    """Returns the columns of a first look at a dataset.

    Args:
      long: The long table.
      dataset: Label of the dataset.
      columns: Columns of each metric.
      leading: Metrics that go first: asked for by name, or brought by the user.
    """
    here = long[long["dataset"] == dataset]
    known = set(here.loc[np.isfinite(here["value"].to_numpy(float)), "metric"])
    there = set(here["metric"])
    order = [c for metric in columns.values() for c in metric if c in (known or there)]
    return chosen(order, worst(here, columns), first_of(columns, leading, there))


def first_of(columns: Json, leading: Sequence[str], present: Iterable[str]) -> list[str]:
    """Returns the columns of the metrics that go first: the first of each, then the second of each."""
    there = set(present)
    ways = {c: i for i, c in enumerate(c for way in WAYS for c in way.columns)}
    lists = []
    for metric in (m for m in dict.fromkeys(leading) if m in columns):
        # Stored columns are sorted by name: the one called as its metric speaks for it, else the house's.
        ranks = {c: (c != metric, ways.get(c, len(ways))) for c in columns[metric] if c in there}
        lists.append(sorted(ranks, key=ranks.__getitem__))
    return [c for level in itertools.zip_longest(*lists) for c in level if c is not None]


def named(names: Iterable[str], present: Iterable[str]) -> list[str]:
    """Returns the columns that are there of some names, those of one name (by two parameters) together."""
    there = list(present)
    return [c for name in names for c in there if base_of(c) == name]


def chosen(present: Sequence[str], worst_z: Mapping[str, float], first: Sequence[str] = ()) -> Headlines:
    """Returns the headlines among columns.

    Args:
      present: Columns that have values, in their order.
      worst_z: How far the worst row is from the floor, in its deviations, where there is a floor.
      first: Columns that are shown in any case, before the others.
    """
    found, spare = [*first], []
    for way in WAYS:
        here = [c for c in named(way.columns, present) if c not in first]
        erring = [c for c in here if worst_z.get(c, -math.inf) >= ERRS]
        # Without a floor nobody knows, and the column stays.
        quiet = [c for c in here[:1] if way.quiet and c not in erring]
        picked = [quiet, erring[:1]]
        # A column by other parameters stands beside that by these.
        alike = [[c for c in here if base_of(c) in map(base_of, one)] for one in picked]
        found += [c for one in alike for c in one if c not in found]
        spare += [c for c in alike[0] if c not in alike[1] and (c in worst_z or erring)]
    if not found:
        found = [*present[:_FEW]]
    return Headlines(found, spare)


def worst(long: pd.DataFrame, columns: Json) -> dict[str, float]:
    """Returns how far the worst row of each column with a floor is from it, to the bad side.

    Args:
      long: The long table, or the part of it that counts.
      columns: Columns of each metric.

    Returns:
      Mean over seeds in floor deviations, by column; infinite where the floor has no width.
    """
    rows = long[~long["score"].isin(BRACKETS) & long["floor_sd"].notna() & long["value"].notna()]
    side = rows["metric"].map(sides(columns)).to_numpy(float)
    apart = (rows["value"] - rows["floor_mean"]).to_numpy(float)
    # The side is NaN where both are bad.
    bad = np.where(np.isnan(side), np.abs(apart), side * apart)
    sd = rows["floor_sd"].to_numpy(float)
    z = np.divide(bad, sd, out=np.where(bad > 0.0, math.inf, 0.0), where=sd > 0.0)
    means = rows.assign(_bad=z).groupby(["dataset", "metric", *ROW], dropna=False)["_bad"].mean()
    return {str(k): float(v) for k, v in means.groupby("metric").max().items() if not math.isnan(v)}


def sides(columns: Json) -> dict[str, float]:
    """Returns the sign of an error in each column: 1 above truth, -1 below it, NaN on both sides."""
    signs = {"lower": 1.0, "higher": -1.0}
    return {
        column: signs.get(about.get("better", "lower"), math.nan)
        for metric in columns.values()
        for column, about in metric.items()
    }
