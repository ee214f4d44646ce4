"""Rows over all datasets: which model is better, by how much, how sure.

Under each metric with a common scale u (1 for truth, 0 for the Gaussian of the data's moments) a row has a
value for each dataset and seed. Rows of one kind of score are ranked among themselves: what lies between
kinds is the error split's.

  iqm          interquartile mean of the row's values over datasets and seeds, with the percentile interval of
               a bootstrap that draws seeds anew within each dataset; below 10 seeds it covers less than the
               95% that it claims, and says so;
  improvement  of two rows: the chance that a seed of the first beats one of the second, ties one half, mean
               over datasets;
  lead         of two rows: the mean difference over datasets, seed by seed, with Student's interval over
               seeds;
  best         the first of its kind where it beats each other row: its lead is more than noise (the
               interval is above 0) and its improvement more than a half. Of rows that are equal it names
               one in 5% of tables at the most, and in fewer the more there are; nothing is corrected for
               many tables;
  difference   of two rows on a dataset: mean of the paired differences over seeds with Student's interval.

What two rows come to over datasets is `signed_rank`'s.

References:
  Agarwal et al. (2021), Deep reinforcement learning at the edge of the statistical precipice.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from diffbench.records.places import BRACKETS
from diffbench.spec import Json, JsonObject
from diffbench.tables import signed_rank
from diffbench.tables.comparison import ROW, commensurable
from diffbench.tables.statistics import Interval, t_interval

RESAMPLES = 1000
KEY = 0
ENOUGH_SEEDS = 10
"""Seeds of each dataset from which the bootstrap keeps its word."""
MOST = 24
"""Rows of a kind that are compared two by two, the first ones: pairs grow with their square."""
DIGITS = 6
"""Decimals that are kept: sums in another order, on another machine, move later ones."""
RANKED = (
    "metric", *ROW, "iqm", "low", "high", "datasets", "seeds", "interval", "best",
)  # fmt: skip
PAIRED = (
    "metric", "score", *(f"{key}_{i}" for i in (1, 2) for key in ROW[1:]), "datasets", "improvement",
    "lead", "lead_low", "lead_high", *signed_rank.COLUMNS,
)  # fmt: skip
APART = (
    "metric", "score", *(f"{key}_{i}" for i in (1, 2) for key in ROW[1:]), "dataset", "difference", "low",
    "high", "seeds",
)  # fmt: skip

Row = tuple[str, ...]
"""Labels of a row, as `ROW` has them."""
Values = dict[str, dict[int, float]]
"""u of a row by dataset and seed."""


class Ranking(NamedTuple):
    """Rows over all datasets.

    Attributes:
      rows: A row for each metric and row, as `RANKED` has it, the best of each kind first.
      pairs: A row for each metric and two rows of a kind, as `PAIRED` has it.
      apart: A row for each of these and dataset, as `APART` has it.
    """

    rows: pd.DataFrame
    pairs: pd.DataFrame
    apart: pd.DataFrame


def ranking(long: pd.DataFrame, columns: Json) -> Ranking:
    """Returns rows over all datasets; empty where no metric has a common scale.

    Args:
      long: The long table.
      columns: Columns of each metric.
    """
    rows: list[JsonObject] = []
    pairs: list[JsonObject] = []
    apart: list[JsonObject] = []
    for metric, kinds in _scaled(long, columns).items():
        for kind in kinds.values():
            ordered = sorted(kind, key=lambda row: (-len(kind[row]), -iqm(_flat(kind[row])), row))
            rows += _ranked(metric, ordered, kind)
            found = [_pair(metric, one, two, kind) for one, two in itertools.combinations(ordered[:MOST], 2)]
            pairs += signed_rank.among(found)
            for one, two in itertools.combinations(ordered[:MOST], 2):
                apart += _apart(metric, one, two, kind)
    return Ranking(_table(rows, RANKED), _table(pairs, PAIRED), _table(apart, APART))


def _table(rows: Sequence[Json], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns)).round(DIGITS)


def _scaled(long: pd.DataFrame, columns: Json) -> dict[str, dict[str, dict[Row, Values]]]:
    """Returns u by metric, kind of score, row, dataset and seed."""
    u = commensurable(long, columns).to_numpy(float)
    labels = zip(*(long[c].tolist() for c in ("metric", *ROW, "dataset", "seed")), strict=True)
    found: dict[str, dict[str, dict[Row, Values]]] = {}
    for value, (metric, *row, dataset, seed) in zip(u, labels, strict=True):
        if row[0] not in BRACKETS and math.isfinite(value):
            kind = found.setdefault(metric, {}).setdefault(row[0], {})
            kind.setdefault(tuple(row), {}).setdefault(dataset, {})[int(seed)] = float(value)
    return found


def _flat(values: Values) -> np.ndarray:
    return np.array([u for seeds in values.values() for u in seeds.values()])


def iqm(values: np.ndarray) -> Any:
    """Returns the interquartile mean over the last axis: a quarter of the values is cut at either end."""
    return stats.trim_mean(values, 0.25, axis=-1)


def bootstrap(
    groups: Sequence[np.ndarray], key: int = KEY, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Returns the 95% percentile interval of the interquartile mean, values drawn anew within each group.

    Args:
      groups: Values of each dataset, `[seeds]`.
      key: What the draws come from.
      resamples: How many.
    """
    if all(len(group) == 1 for group in groups):
        return math.nan, math.nan
    rng = np.random.default_rng(key)
    drawn = [group[rng.integers(0, len(group), (resamples, len(group)))] for group in groups]
    low, high = np.quantile(iqm(np.concatenate(drawn, axis=1)), [0.025, 0.975])
    return float(low), float(high)


def _ranked(metric: str, ordered: Sequence[Row], kind: Mapping[Row, Values]) -> Iterator[JsonObject]:
    leads = len(ordered) > 1 and all(
        beats(_improvement(kind[ordered[0]], kind[row]), _lead(kind[ordered[0]], kind[row]).low)
        for row in ordered[1:]
    )
    for place, row in enumerate(ordered):
        groups = [np.array([*seeds.values()]) for seeds in kind[row].values()]
        fewest = min(map(len, groups))
        low, high = bootstrap(groups)
        yield {
            "metric": metric,
            **dict(zip(ROW, row, strict=True)),
            "iqm": float(iqm(np.concatenate(groups))),
            "low": low,
            "high": high,
            "datasets": len(groups),
            "seeds": fewest,
            "interval": "" if math.isnan(low) or fewest >= ENOUGH_SEEDS else "anti-conservative",
            "best": place == 0 and leads,
        }


def beats(chance: float, low: float) -> bool:
    """Returns whether one row beats another beyond noise, by its improvement and the low end of its lead."""
    return chance > 0.5 and round(low, DIGITS) > 0.0  # NaN with one seed


def _lead(one: Values, two: Values) -> Interval:
    """Returns the lead of one row over another on the datasets of both, over seeds that all these have."""
    shared = [dataset for dataset in one if dataset in two]
    seeds = set.intersection(*({*one[d]} & {*two[d]} for d in shared)) if shared else set()
    return t_interval(float(np.mean([one[d][s] - two[d][s] for d in shared])) for s in sorted(seeds))


def improvement(one: np.ndarray, two: np.ndarray) -> float:
    """Returns the chance that a value of the first exceeds one of the second, ties one half."""
    above = one[:, None] - two[None, :]
    return float((np.sign(above) + 1.0).mean() / 2.0)


def _improvement(one: Values, two: Values) -> float:
    """Returns the improvement over the datasets that both have, NaN where there is none."""
    found = [improvement(np.array([*one[d].values()]), np.array([*two[d].values()])) for d in one if d in two]
    return float(np.mean(found)) if found else math.nan


def _names(one: Row, two: Row) -> JsonObject:
    return {f"{key}_{i}": label for i, row in ((1, one), (2, two)) for key, label in
            zip(ROW[1:], row[1:], strict=True)}  # fmt: skip


def _pair(metric: str, one: Row, two: Row, kind: Mapping[Row, Values]) -> JsonObject:
    """Returns two rows over the datasets that both have, with their "differences" there."""
    a, b = kind[one], kind[two]
    shared = [dataset for dataset in a if dataset in b]
    around = _lead(a, b)
    return {
        "metric": metric,
        "score": one[0],
        **_names(one, two),
        "datasets": len(shared),
        "improvement": _improvement(a, b),
        "lead": around.mean,
        "lead_low": around.low,
        "lead_high": around.high,
        "differences": np.array([x for d in shared if math.isfinite(x := _difference(a[d], b[d]))]),
    }


def _difference(a: Mapping[int, float], b: Mapping[int, float]) -> float:
    return t_interval(a[seed] - b[seed] for seed in a if seed in b).mean


def _apart(metric: str, one: Row, two: Row, kind: Mapping[Row, Values]) -> Iterator[JsonObject]:
    a, b = kind[one], kind[two]
    for dataset in (d for d in a if d in b):
        around = t_interval(a[dataset][seed] - b[dataset][seed] for seed in a[dataset] if seed in b[dataset])
        yield {
            "metric": metric, "score": one[0], **_names(one, two), "dataset": dataset,
            "difference": around.mean, "low": around.low, "high": around.high, "seeds": around.n,
        }  # fmt: skip
