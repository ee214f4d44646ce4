"""The error split as a picture: solver, learning and finite data beside each other."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import ticker
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from diffbench.figures.base import GREY, PAGE, panels, sheet
from diffbench.figures.words import fitted, is_paper, scaled, tick, width_of

# Of the rows under three metrics; the table has them all.
MOST_PAGES = 4
_PARTS = {"solver": "solving", "learning": "learning", "finite_data": "finite data"}
_MARKERS = dict(zip(_PARTS, "osD", strict=True))
_LINE = 0.17  # height of a row, in inches
_MORE = 0.115  # what a second line of a label adds
_FLOOR = 2.0


def pages(split: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    """Yields the split of each dataset's learned rows, a panel for each headline metric.

    Args:
      split: The table of `diffbench.tables.split.error_split`.
      columns: The columns to show, in order; those without a split are left out.
    """
    known = [column for column in columns if column in set(split["metric"])]
    keys = ["dataset", "family", "budget", "sampler"]
    number = 0
    across = _across()
    for first in range(0, len(known), across):
        here = known[first : first + across]
        shown = split[split["metric"].isin(here)]
        names = shown.drop_duplicates(keys)[keys]
        many = names["budget"].nunique() > 1
        labels = [_label(row, many) for row in names.to_dict("records")]
        line = _LINE + _MORE * max((label.count("\n") for label in labels), default=0)
        page = int((PAGE - (1.5 if is_paper() else 1.2)) / line)
        for start in range(0, min(len(names), MOST_PAGES * page), page):
            number += 1
            part = slice(start, start + page)
            title = "error_split" + (f"_{number}" if number > 1 else "")
            yield (
                title,
                _figure(shown, here, names.iloc[part], labels[part], line, len(names) > MOST_PAGES * page),
            )


def _across() -> int:
    """Returns how many panels stand beside each other."""
    return 1 if is_paper() else 3


def _labels() -> float:
    """Returns how wide the labels are, in inches."""
    return 1.45 if is_paper() else 2.1


def _figure(
    split: pd.DataFrame,
    columns: Sequence[str],
    names: pd.DataFrame,
    labels: Sequence[str],
    line: float,
    more: bool,
) -> Figure:
    colours = dict(zip(_PARTS, sns.color_palette("colorblind", len(_PARTS)), strict=True))
    known = [part for part in _PARTS if split[part].notna().any()]
    legend: list[Artist] = [
        Line2D([], [], marker=_MARKERS[part], color=colours[part], ls="none", label=_PARTS[part])
        for part in known
    ]
    legend.append(Line2D([], [], marker="|", ms=8, label="total", color="0.3", ls="none"))
    if split[[f"{part}_low" for part in known]].notna().any(axis=None):
        legend.append(Line2D([], [], color="0.3", lw=0.8, label=f"95% t interval over {_seeds(split)}"))
    legend.append(Patch(color="0.92", label="noise floor, ± 2 sd"))
    if more:
        legend.append(Line2D([], [], ls="none", label="more rows: tables/error_split.md"))
    wide = sheet().double - _labels()
    figure, axes = panels(1, len(columns), wide, line * len(names) + 0.1, legend)
    _widen(figure, _labels())
    for j, column in enumerate(columns):
        rows = names.merge(split[split["metric"] == column], how="left", on=list(names.columns))
        _panel(axes[0, j], rows, colours, known, narrow=len(columns) == 3)
        axes[0, j].set_title(fitted(column, 1.4, lines=1, size=7.5))
        axes[0, j].set_xlabel("error over the floor, in its sd" if len(columns) < 3 else "error, in floor sd")
        axes[0, j].set_yticks(range(len(names)), labels if j == 0 else [""] * len(names))
        axes[0, j].tick_params(axis="y", length=2.5 if j == 0 else 0)
    return figure


def _seeds(split: pd.DataFrame) -> str:
    """Returns over how many seeds the rows are means."""
    ends = dict.fromkeys((int(split["seeds"].min()), int(split["seeds"].max())))
    return " to ".join(map(str, ends)) + " seeds"


def _widen(figure: Figure, by: float) -> None:
    """Makes room on the left for long labels, in inches."""
    wide, high = figure.get_size_inches()
    figure.set_size_inches(wide + by, high)
    for axes in figure.axes:
        box = axes.get_position()
        left, width = (box.x0 * wide + by) / (wide + by), box.width * wide / (wide + by)
        axes.set_position((left, box.y0, width, box.height))


def _label(row: Mapping[Hashable, str], many: bool) -> str:
    """Returns the label of a row; of one that is long each part has a line of its own."""
    parts = (
        f"{row['dataset']}:",
        row["family"] + (f" {row['budget']}" if many else "") + ",",
        row["sampler"],
    )
    text, wide = " ".join(parts), _labels() - 0.1
    if width_of(text) <= 2 * wide and "..." not in (shown := fitted(text, wide)):
        return shown
    return "\n".join(fitted(part, wide, lines=1) for part in parts)


def _panel(axes: Axes, rows: pd.DataFrame, colours: dict, parts: list[str], narrow: bool) -> None:
    """Draws one row of points for each learned row: means over seeds and their t intervals."""
    place = np.arange(len(rows))
    axes.axvspan(-_FLOOR, _FLOOR, color="0.92", lw=0, zorder=0)
    axes.axvline(0, color="0.6", lw=0.6, zorder=1)
    scale = rows["floor_sd"]
    axes.plot(rows["total"] / scale, place, marker="|", ms=9, color="0.3", ls="none", zorder=2)
    apart = 0.5 / max(len(parts), 1)
    for i, part in enumerate(parts):
        mean = rows[part] / scale
        ends = np.abs(np.stack([mean - rows[f"{part}_low"] / scale, rows[f"{part}_high"] / scale - mean]))
        ends = np.nan_to_num(ends)  # one seed has no interval
        y = place + apart * (i - (len(parts) - 1) / 2)
        axes.errorbar(
            mean, y, xerr=ends, fmt=_MARKERS[part], color=colours[part], ms=3.5, elinewidth=0.8, zorder=3
        )
    axes.set_xscale("symlog", linthresh=_FLOOR, linscale=0.6)
    low, high = axes.get_xlim()
    low, high = min(low, -3.0), max(high, 6.0)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(
        ticker.FixedLocator([t for t in _ticks(low, high, narrow) if low <= t <= high])
    )
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: tick(value)))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for at in np.flatnonzero(rows["total"].isna().to_numpy()):
        axes.text(0.0, float(at), "not here", ha="center", va="center", color=GREY, fontsize=scaled(6))
    sns.despine(ax=axes)


def _ticks(low: float, high: float, narrow: bool = False) -> list[float]:
    """Returns zero, the floor, and at most two powers of ten on each side; one in a narrow panel."""
    top = max(1, int(math.log10(max(high, -low))))
    powers = [10.0**k for k in sorted({max(1, (top + 1) // 2), top})][-1 if narrow else 0 :]
    near = [_FLOOR] if top <= 2 else []
    return [*(-p for p in (*powers, *near)), 0.0, *near, *powers]
