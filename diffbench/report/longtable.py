"""Every number of the page's runs as data for one table that sorts and filters in the browser.

The table is drawn by DataTables, in the bundle that itables brings. Its rows are JSON, in which every label
is a number in a list of labels, so that the page stays small; the browser shows all of it as text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from diffbench.records.outcome import OK
from diffbench.report.fitting import shares
from diffbench.report.gathered import Gathered, budgets
from diffbench.spec import JsonObject

MOST = 30_000
"""Rows that a page holds; tables/measurements.csv has them all."""
LABELS = ("run", "dataset", "score", "family", "budget", "sampler", "seed", "metric")
NUMBERS = ("value", "floor_mean", "floor_sd", "z", "p_value", "nfe")
HEADS = (*LABELS, *NUMBERS, "status", "reason", "record")
"""Columns of the table; `record` is the file of the measurement, in the results folder."""
DIGITS = 6


def data(found: Sequence[Gathered]) -> JsonObject:
    """Returns the table: "heads", "words" (each text once), "rows" and how many were left out as "more".

    In a row numbers are numbers, and a text is {its place in words} as a whole number; which columns hold
    texts is in "texts". Of more rows than there is room for, every dataset has its share: those that are not
    ok first, then those of its headline columns.
    """
    words: dict[str, int] = {}
    rows: list[list[object]] = []
    whole = sum(len(each.long) for each in found)
    kept = [_kept(each, share) for each, share in zip(found, _shares(found), strict=True)]
    for row in _rows(found, kept):
        rows.append([words.setdefault(cell, len(words)) if isinstance(cell, str) else cell for cell in row])
    texts = [i for i, head in enumerate(HEADS) if head not in (*NUMBERS, "seed")]
    hidden = [] if len(found) > 1 else ["run"]
    if not any(budgets(each.long) for each in found):
        hidden.append("budget")
    return {
        "heads": list(HEADS),
        "texts": texts,
        "hidden": hidden,
        "words": list(words),
        "rows": rows,
        "more": whole - len(rows),
    }


def _shares(found: Sequence[Gathered]) -> list[int]:
    return shares([len(each.long) for each in found], MOST)


def _kept(each: Gathered, most: int) -> np.ndarray:
    """Returns the places of the rows that a page holds, in their order."""
    long = each.long
    if len(long) <= most:
        return np.arange(len(long))
    headline = {(dataset, m) for dataset, metrics in each.headlines.items() for m in metrics}
    pairs = zip(long["dataset"], long["metric"], long["status"], strict=True)
    rank = np.array([0 if status != OK else 1 if (data, m) in headline else 2 for data, m, status in pairs])
    piles = [np.flatnonzero((long["dataset"] == dataset).to_numpy()) for dataset in each.datasets]
    chosen = [
        pile[np.argsort(rank[pile], kind="stable")[:share]]
        for pile, share in zip(piles, shares([len(pile) for pile in piles], most), strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _rows(found: Sequence[Gathered], kept: Sequence[np.ndarray]) -> Iterator[list[object]]:
    for each, places in zip(found, kept, strict=True):
        long = each.long.iloc[places]
        columns = [
            [each.name] * len(long),
            *([str(label) for label in long[c]] for c in LABELS[1:6]),
            [int(seed) for seed in long["seed"]],
            [str(label) for label in long["metric"]],
            *([_number(value) for value in long[c].to_numpy(float, na_value=math.nan)] for c in NUMBERS),
            [str(text) for text in long["status"]],
            [str(text) for text in long["reason"]],
            [each.tables.measured[i] for i in places],
        ]
        for row in zip(*columns, strict=True):
            yield list(row)


def _number(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
