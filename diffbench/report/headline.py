"""The headline tables: rows over all datasets, and those of one dataset, by great-tables.

great-tables sets the tables and escapes every label; the page has a style of its own for them, so that a
table is dark where the page is. A number is bold where its row is best and its lead over each other row is
more than noise; a head tells what its column means, on hover, on a tap and in the list of terms.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import pandas as pd
from markupsafe import Markup, escape

from diffbench.records.places import BRACKETS
from diffbench.report.definitions import TERMS, of_column
from diffbench.report.gathered import Gathered, budgets
from diffbench.signs import plain
from diffbench.spec import JsonObject
from diffbench.tables import rendering
from diffbench.tables.comparison import ROW, row_order
from diffbench.tables.digits import number

MOST = 40
"""Rows of a headline table; the long table has them all."""
ACROSS = 6
"""Columns of numbers of the table over all datasets."""

_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)

Best = set[tuple[tuple[str, ...], str]]
"""(labels of a row, column) of the numbers that lead by more than noise."""


def overall(found: Gathered, ident: str) -> Markup | None:
    """Returns the table over all datasets: u of each row by each metric; None where none has u.

    Args:
      found: The run.
      ident: What the table is called in the page.
    """
    metrics = found.scaled[:ACROSS]
    rows = found.ranking.rows
    rows = rows[rows["metric"].isin(metrics)]
    if rows.empty:
        return None
    many = budgets(found.long)
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    best: Best = set()
    for row in rows.to_dict("records"):
        key = tuple(str(row[name]) for name in ROW)
        around = "" if math.isnan(row["low"]) else f" ({number(row['low'])} to {number(row['high'])})"
        cells.setdefault(key, {})[row["metric"]] = number(row["iqm"]) + around
        if row["best"] and row["score"] == found.kind:
            best.add((key, row["metric"]))
    # The kind that the page is about goes first, each in the order of its first metric.
    order = sorted(cells, key=lambda key: (key[0] != found.kind, row_order(key[:1])))
    table = [
        [
            key[0],
            f"{key[1]} {key[2]}".strip() if many else key[1],
            key[3],
            *(cells[key].get(m, "-") for m in metrics),
        ]
        for key in order
    ]
    heads = {m: (f"{m} u", f"{of_column(m, found.columns.get(m, {}))} {TERMS['u']}") for m in metrics}
    note = f"{len(order) - MOST} rows more, in tables/ranking.csv." if len(order) > MOST else ""
    return _table(table[:MOST], ["score", "family", "sampler"], heads, order[:MOST], best, ident, note)


def of_dataset(found: Gathered, dataset: str, ident: str, most: int = MOST) -> Markup:
    """Returns the table of one dataset: its headline columns, in floor deviations where they have a floor.

    Args:
      found: The run.
      dataset: Label of the dataset.
      ident: What the table is called in the page.
      most: Rows that it shows.
    """
    metrics = found.headlines[dataset]
    shown = rendering.summary(found.long, dataset, metrics, over_floor=True, censored=_censored(found))
    here = found.long[found.long["dataset"] == dataset]
    order: list[tuple[str, ...]] = sorted(
        {tuple(map(str, key)) for key in here[list(ROW)].drop_duplicates().itertuples(index=False)},
        key=row_order,
    )
    floored = rendering.in_z(found.long, dataset)
    note = ""
    if len(order) > most:
        column = "z" if metrics and metrics[0] in floored else "value"
        order, shown = _nearest(found, here[here["metric"].isin(metrics[:1])], column, order, shown)
        note = f"{len(order) - most} rows more, in the table of all numbers below"
        note += f"; these are first by {metrics[0]}." if metrics else "."
    heads = {}
    for m in metrics:
        about = found.columns.get(m, {})
        sign = "z" if m in floored else rendering.arrow(str(about.get("better", "lower")))
        heads[m] = (f"{m} {sign}", f"{of_column(m, about)}{' ' + TERMS['z'] if m in floored else ''}")
    heads = {"NFE": ("NFE", TERMS["NFE"]), "cells": ("cells", TERMS["cells"]), **heads}
    best = leaders(found, dataset, metrics)
    return _table(shown[:most], ["score", "family", "sampler"], heads, order[:most], best, ident, note)


def _nearest(
    found: Gathered,
    here: pd.DataFrame,
    column: str,
    order: Sequence[tuple[str, ...]],
    shown: Sequence[list[str]],
) -> tuple[list[tuple[str, ...]], list[list[str]]]:
    """Returns rows, those first that a short table keeps: brackets, then the page's kind, its best first."""
    means = here.groupby(list(ROW), sort=False)[column].mean()
    sign = (
        -1.0
        if {found.columns.get(m, {}).get("better") for m in here["metric"].unique()} == {"higher"}
        else 1.0
    )

    def place(i: int) -> tuple[bool, bool, float]:
        mean = sign * float(means.get(order[i], math.nan))
        return (
            order[i][0] not in BRACKETS,
            order[i][0] != found.kind,
            mean if math.isfinite(mean) else math.inf,
        )

    places = sorted(range(len(order)), key=place)
    return [order[i] for i in places], [shown[i] for i in places]


def leaders(found: Gathered, dataset: str, metrics: Sequence[str]) -> Best:
    """Returns the numbers of a dataset that lead every other row by more than noise, of the page's kind."""
    apart = found.ranking.apart
    apart = apart[(apart["dataset"] == dataset) & apart["metric"].isin(metrics)]
    # Among exact scores none is a model that anybody could choose.
    apart = apart[apart["score"] == found.kind]
    beaten: dict[str, dict[tuple[str, ...], int]] = {}
    for row in apart.to_dict("records"):
        wins = beaten.setdefault(row["metric"], {})
        one, two = (
            tuple(str(row["score"] if key == "score" else row[f"{key}_{i}"]) for key in ROW) for i in (1, 2)
        )
        wins.setdefault(one, 0)
        wins.setdefault(two, 0)
        wins[one] += row["low"] > 0.0
        wins[two] += row["high"] < 0.0
    return {
        (key, metric) for metric, wins in beaten.items() for key, won in wins.items() if won == len(wins) - 1
    }


def _censored(found: Gathered) -> set[str]:
    return rendering.censored_of(found.run["columns"])


def _table(
    rows: Sequence[Sequence[str]],
    labels: Sequence[str],
    heads: Mapping[str, tuple[str, str]],
    keys: Sequence[tuple[str, ...]],
    best: Best,
    ident: str,
    note: str = "",
) -> Markup:
    """Returns a table as great-tables sets it.

    Args:
      rows: Text of every cell.
      labels: Heads of the labels that stand first.
      heads: What stands over each column of numbers, and what it means.
      keys: Labels of each row.
      best: The numbers that are bold.
      ident: What the table is called in the page.
      note: What stands below.
    """
    from great_tables import GT, html, loc, style

    names = [f"c{i}" for i in range(len(labels) + len(heads))]
    frame = pd.DataFrame([[*map(plain, row)] for row in rows], columns=names, dtype=object)
    said: JsonObject = dict(zip(names, map(str, labels), strict=False))
    for name, (head, meaning) in zip(names[len(labels) :], heads.values(), strict=True):
        said[name] = html(
            f'<button type="button" class="term" title="{escape(meaning)}">{escape(head)}</button>'
        )
    table = GT(frame, id=ident).cols_label(said).cols_align("right", names[len(labels) :])
    for name, column in zip(names[len(labels) :], heads, strict=True):
        at = [i for i, key in enumerate(keys) if (key, column) in best]
        if at:
            table = table.tab_style(style.text(weight="bold"), loc.body(columns=[name], rows=at))
    quiet = [i for i, key in enumerate(keys) if key[0] in BRACKETS]
    if quiet:
        table = table.tab_style(style.css("font-style: italic"), loc.body(rows=quiet))
    if note:
        table = table.tab_source_note(note)
    # Its style is one for each table, of fixed colours: the page has one for all, dark and light.
    return Markup(_STYLE.sub("", table.as_raw_html()))
