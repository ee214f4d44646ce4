"""Mean ranks over datasets, and which rows can be told apart: what a critical-difference diagram shows.

On each dataset the rows of one kind of score are ranked by u, the mean over seeds, ties half a rank each; a
row's rank is the mean over datasets. Only rows that have every dataset are ranked. Two rows are told apart
by Wilcoxon's signed-rank test over datasets, its p-values Holm's over all pairs of the kind, and not by
their ranks, which depend on the company.

References:
  Demsar (2006), Statistical comparisons of classifiers over multiple data sets.
  Benavoli, Corani, Mangili (2016), Should we really use post-hoc tests based on mean-ranks?
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from diffbench.tables.comparison import ROW
from diffbench.tables.ranking import Ranking, Row
from diffbench.tables.signed_rank import TESTED

_ONE, _TWO = ([f"{key}_{i}" for key in ROW[1:]] for i in (1, 2))


class Ranks(NamedTuple):
    """Rows of one metric and kind of score over all datasets.

    Attributes:
      metric: The column.
      score: The kind of score.
      datasets: How many datasets.
      rows: The rows, as `ROW` has them but for the kind of score, the best mean rank first.
      mean: Their mean ranks, `[rows]`; 1 is best everywhere.
      p: Wilcoxon's p by Holm, `[rows, rows]`, 1 on the diagonal.
    """

    metric: str
    score: str
    datasets: int
    rows: list[Row]
    mean: np.ndarray
    p: np.ndarray


def ranks(found: Ranking) -> list[Ranks]:
    """Returns mean ranks of each metric and kind that has `TESTED` datasets and three rows on all of them."""
    told = []
    for (metric, score), pairs in found.pairs.groupby(["metric", "score"], sort=False):
        here = (found.apart["metric"] == metric) & (found.apart["score"] == score)
        differences = _on_all(found.apart[here])
        datasets = len(next(iter(differences.values()), {}))
        totals = _totals(differences, datasets)
        if datasets >= TESTED and len(totals) > 2:
            rows = sorted(totals, key=totals.__getitem__)
            p = np.ones((len(rows), len(rows)))
            for (one, two), value in zip(_named(pairs), pairs["wilcoxon"], strict=True):
                if one in totals and two in totals:
                    i, j = rows.index(one), rows.index(two)
                    p[i, j] = p[j, i] = value
            mean = np.array([totals[row] / datasets for row in rows])
            told.append(Ranks(str(metric), str(score), datasets, rows, mean, p))
    return told


def _named(table: pd.DataFrame) -> list[tuple[Row, Row]]:
    ones, twos = (list(table[keys].itertuples(index=False, name=None)) for keys in (_ONE, _TWO))
    return list(zip(ones, twos, strict=True))


def _on_all(apart: pd.DataFrame) -> dict[tuple[Row, Row], dict[str, float]]:
    """Returns differences by pair and dataset, of rows of which each two have every dataset."""
    found: dict[tuple[Row, Row], dict[str, float]] = {}
    for pair, dataset, difference in zip(_named(apart), apart["dataset"], apart["difference"], strict=True):
        found.setdefault(pair, {})[dataset] = difference
    every = max(found.values(), key=len, default={}).keys()
    whole = {pair: by_dataset for pair, by_dataset in found.items() if by_dataset.keys() == every}
    kept: list[Row] = []
    for row in dict.fromkeys(row for pair in whole for row in pair):
        if all((other, row) in whole for other in kept):
            kept.append(row)
    return {pair: by_dataset for pair, by_dataset in whole.items() if {*pair} <= {*kept}}


def _totals(differences: dict[tuple[Row, Row], dict[str, float]], datasets: int) -> dict[Row, float]:
    """Returns the sum of ranks over datasets: 1 on each, and one more for each row that is better there."""
    totals = {row: float(datasets) for pair in differences for row in pair}
    for (one, two), by_dataset in differences.items():
        for difference in by_dataset.values():
            tie = 0.5 * (difference == 0.0)
            totals[one] += (difference < 0.0) + tie
            totals[two] += (difference > 0.0) + tie
    return totals
