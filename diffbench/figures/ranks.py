"""Critical-difference diagrams: rows by mean rank over datasets, those that nothing tells apart joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from diffbench.figures.base import DOUBLE, GREY, HEADING, canvas, place, write_at
from diffbench.figures.words import fitted
from diffbench.spec import Json
from diffbench.tables.ranking import ranking
from diffbench.tables.ranks import Ranks, ranks
from diffbench.tables.signed_rank import TESTED

LEVEL = 0.05
"""Of the test: rows above it are joined by a bar."""
MOST = 12
"""Rows of a diagram, those of the best mean ranks."""
_LINE = 0.17  # height of a row, in inches
_MORE = 0.13  # what a second line of a label adds
_LABELS = 2.1  # width of the labels on either side, in inches


def pages(long: pd.DataFrame, columns: Json, shown: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    """Yields a diagram for each headline metric and kind of score; none below `TESTED` datasets.

    Args:
      long: The long table.
      columns: Columns of each metric.
      shown: The headlines.
    """
    here = long[long["metric"].isin(shown)]
    if here["dataset"].nunique() < TESTED:
        return
    for one in ranks(ranking(here, columns)):
        yield f"ranks_{one.metric}_{one.score}", _figure(one)


def _figure(found: Ranks) -> Figure:
    import scikit_posthocs  # takes two seconds, and few runs have so many datasets

    budgets = len({row[1] for row in found.rows}) > 1
    ranked = zip(found.rows[:MOST], found.mean, strict=False)
    names = [fitted(f"{_name(row, budgets)} ({mean:.2f})", _LABELS - 0.15) for row, mean in ranked]
    index = [str(i) for i in range(len(names))]
    above, below = 0.5, 0.42
    height = (_LINE + _MORE * any("\n" in name for name in names)) * (0.5 * len(names) + 4)
    figure = canvas(DOUBLE, above + below + height)
    gap = 0.02 * float(np.ptp(found.mean[:MOST]) + 1.0)
    axes = place(figure, _LABELS, above, DOUBLE - 2 * _LABELS, height)
    drawn = scikit_posthocs.critical_difference_diagram(
        pd.Series(found.mean[:MOST], index=index),
        pd.DataFrame(found.p[:MOST, :MOST], index=index, columns=index),
        alpha=LEVEL,
        ax=axes,
        label_fmt_left="{label}",
        label_fmt_right="{label}",
        elbow_props={"color": GREY, "linewidth": 0.7},
        marker_props={"color": "black", "s": 10},
        crossbar_props={"linewidth": 2.2, "solid_capstyle": "round"},
        text_h_margin=gap,
    )
    for text in drawn["labels"]:
        text.set(color="black", x=text.get_position()[0] + (-gap if text.get_ha() == "right" else gap))
        text.set_text(names[int(text.get_text())])
    title = f"{found.metric}, {found.score} rows: mean rank over {found.datasets} datasets, 1 is best"
    write_at(figure, 0.1, 0.08, fitted(title, DOUBLE - 0.3), va="top", **HEADING)
    more = f" The first {MOST} of {len(found.rows)} rows." if len(found.rows) > MOST else ""
    told = f"A bar joins rows that Wilcoxon's signed-rank test by Holm does not tell apart at 5%.{more}"
    write_at(figure, 0.1, figure.get_size_inches()[1] - 0.2, told, va="top", color=GREY)
    return figure


def _name(row: Sequence[str], budgets: bool) -> str:
    family, budget, sampler = row
    head = f"{family} {budget}".strip() if budgets else family
    return " / ".join(part for part in (head, sampler) if part)
