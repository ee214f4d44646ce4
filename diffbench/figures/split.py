"""The error split as a picture: solver, learning and finite data beside each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from diffbench.figures.base import DOUBLE, PAGE, panels

COLUMNS = ("energy", "mmd2_local")
_PARTS = {"solver": "solving", "learning": "learning", "finite_data": "finite data"}
_MARKERS = dict(zip(_PARTS, "osD", strict=True))
_LINE = 0.17  # height of a row, in inches
_LABELS = 2.1  # width of the labels, in inches
_FLOOR = 2.0


def draw(split: pd.DataFrame) -> Iterator[tuple[str, Figure]]:
    """Yields the split of each dataset's learned rows, a panel for each headline metric.

    Args:
      split: The table of `diffbench.split.error_split`.
    """
    shown = split[split["metric"].isin(COLUMNS)]
    keys = ["dataset", "family", "budget", "sampler"]
    names = shown.drop_duplicates(keys)[keys].sort_values(keys)
    page = int((PAGE - 1.0) / _LINE)
    for number, start in enumerate(range(0, len(names), page), start=1):
        here = names.iloc[start : start + page]
        yield "error_split" + (f"_{number}" if number > 1 else ""), _figure(shown, here)


def _figure(split: pd.DataFrame, names: pd.DataFrame) -> Figure:
    columns = [column for column in COLUMNS if column in set(split["metric"])]
    colours = dict(zip(_PARTS, sns.color_palette("colorblind", len(_PARTS)), strict=True))
    known = [part for part in _PARTS if split[part].notna().any()]
    legend = [
        Line2D([], [], marker=_MARKERS[part], color=colours[part], ls="none", label=_PARTS[part])
        for part in known
    ]
    legend.append(Line2D([], [], marker="|", color="0.3", ls="none", ms=8, label="total"))
    figure, axes = panels(1, len(columns), DOUBLE - _LABELS, _LINE * len(names) + 0.1, legend)
    _widen(figure, _LABELS)
    for j, column in enumerate(columns):
        rows = names.merge(split[split["metric"] == column], how="left", on=list(names.columns))
        _panel(axes[0, j], rows, colours, known)
        axes[0, j].set_title(column)
        axes[0, j].set_xlabel("error over the floor, in its sd")
        if j == 0:
            many = names["budget"].nunique() > 1
            axes[0, j].set_yticks(range(len(names)), [_label(row, many) for row in rows.to_dict("records")])
        else:
            axes[0, j].set_yticks([])
    return figure


def _widen(figure: Figure, by: float) -> None:
    """Makes room on the left for long labels, in inches."""
    wide, high = figure.get_size_inches()
    figure.set_size_inches(wide + by, high)
    for axes in figure.axes:
        box = axes.get_position()
        left, width = (box.x0 * wide + by) / (wide + by), box.width * wide / (wide + by)
        axes.set_position((left, box.y0, width, box.height))


def _label(row: dict, many: bool) -> str:
    budget = f" {row['budget']}" if many else ""
    text = f"{row['dataset']}: {row['family']}{budget}, {row['sampler']}"
    return text if len(text) <= 46 else f"{text[:44]}.."


def _panel(axes: Axes, rows: pd.DataFrame, colours: dict, parts: list[str]) -> None:
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
    axes.xaxis.set_major_locator(ticker.FixedLocator([t for t in _ticks(low, high) if low <= t <= high]))
    axes.xaxis.set_major_formatter(
        ticker.FuncFormatter(lambda value, _: f"{value:g}" if abs(value) < 1e4 else f"{value:.0e}")
    )
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.set_ylim(len(rows) - 0.5, -0.5)
    sns.despine(ax=axes)


def _ticks(low: float, high: float) -> list[float]:
    """Returns zero, the floor, and at most two powers of ten on each side."""
    top = max(1, int(math.log10(max(high, -low))))
    powers = [10.0**k for k in sorted({max(1, (top + 1) // 2), top})]
    near = [_FLOOR] if top <= 2 else []
    return [*(-p for p in (*powers, *near)), 0.0, *near, *powers]
