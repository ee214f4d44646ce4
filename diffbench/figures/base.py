"""What every figure shares: sizes, colours, fonts, panels, the legend, and the files.

Figures are Matplotlib `Figure` objects of their own, never pyplot's: there is none to
close and no state to restore but the style, which `style` puts back.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib import ticker
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.typing import LineStyleType

from diffbench.figures.words import BOLD, FONTS, SIZES, fitted, is_paper, lettered, tick, width_of
from diffbench.records.drawn import SCREEN

SINGLE, DOUBLE = 3.4, 7.0  # one and two columns of a page, in inches
COLUMN = 3.35  # of a paper in two columns: 3.25 (ICML) to 3.5 (IEEE)
PAGE = 9.2  # the most that fits above a caption, in inches
DPI = 200
SUFFIXES = (".png", ".pdf", ".svg")
# What each kind of file says of its time and maker.
_MAKERS = {
    ".png": ("Software",),
    ".pdf": ("CreationDate", "Creator", "Producer"),
    ".svg": ("Date", "Creator"),
}
GREY = "0.35"
ACROSS = 4  # panels of datasets beside each other
_DASHES: tuple[LineStyleType, ...] = ("-", (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (7, 1.5)))
# Inches: around a grid of panels, between panels, and a line of the legend.
_LEFT, _ABOVE, _BELOW, _GAP, _LEGEND_LINE = 0.5, 0.22, 0.4, 0.42, 0.165
_LEADING = 0.95  # of the serif font: nine points from line to line of eight
HEADING: dict[str, Any] = {"fontsize": 8.5, "fontweight": "bold"}

RC: dict[str, Any] = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 4.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "axes.titlepad": 3,
    "axes.labelpad": 2,
    "text.parse_math": False,  # labels are the user's
}
# What decides a file's bytes when it is written, also outside a style.
_WRITTEN: dict = {
    "axes.unicode_minus": False,  # one font in a PDF holds 256 signs: a second costs a second
    "pdf.fonttype": 42,  # publishers refuse Type 3
    "pdf.compression": 6,
    "svg.fonttype": "path",
    "svg.hashsalt": "diffbench",  # names of clips are drawn at random without one
    "savefig.facecolor": "white",
    "savefig.bbox": None,
    "text.hinting": "no_hinting",  # else a text is wider at one resolution than at another
}


class Sheet(NamedTuple):
    """What a style grants a figure: its widths in inches, and panels beside each other.

    Attributes:
      single: Of a figure with one panel.
      double: Of a figure with several.
      across: Panels of datasets beside each other.
    """

    single: float
    double: float
    across: int


def sheet() -> Sheet:
    """Returns the sheet of the style that is set: a figure for a paper is as wide as its column."""
    return Sheet(COLUMN, COLUMN, 2) if is_paper() else Sheet(SINGLE, DOUBLE, ACROSS)


_LETTERS = tuple(key for key in RC if key.endswith("size") and "tick.m" not in key and "marker" not in key)


@contextlib.contextmanager
def style(name: str = SCREEN) -> Iterator[None]:
    """Sets a style of all figures, whatever the user's own is, and puts that back.

    Args:
      name: "screen", or "paper" for serif letters of 8 points and figures as wide as a column.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        settings: dict = {**sns.axes_style("ticks"), **RC, **_WRITTEN, "font.family": [FONTS[name]]}
        sizes = {key: SIZES[name] / SIZES[SCREEN] * size for key, size in RC.items() if key in _LETTERS}
        mpl.rcParams.update(settings | sizes)
        yield


def led(figure: Figure) -> Figure:
    """Returns a figure with its lines of text as far apart as the rooms of this file take them to be.

    Matplotlib goes by the letters' own height, and lines of the serif font would lie a half further apart.
    """
    if is_paper():
        for text in figure.findobj(Text):
            text.set_linespacing(_LEADING)
    return figure


def encoded(figure: Figure, suffix: str) -> bytes:
    """Returns a figure as a file's bytes, without its time or maker."""
    buffer = io.BytesIO()
    with mpl.rc_context(_WRITTEN):
        figure.savefig(buffer, format=suffix[1:], dpi=DPI, metadata=dict.fromkeys(_MAKERS[suffix]))
    return buffer.getvalue()


def plain(title: str) -> str:
    """Returns a title as a file name that every system takes."""
    return re.sub(r"[^A-Za-z0-9.=+-]+", "_", title).strip("_.")[:120]


def canvas(width: float, height: float) -> Figure:
    """Returns an empty figure, its size in inches."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Adds axes at a place in inches from the top left corner."""
    wide, high = figure.get_size_inches()
    return figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high))


def write_at(figure: Figure, left: float, top: float, text: str, **kwargs: Any) -> None:
    """Writes text at a place in inches from the top left corner."""
    wide, high = figure.get_size_inches()
    figure.text(left / wide, 1 - top / high, lettered(text), **kwargs)


def panels(
    rows: int,
    columns: int,
    width: float,
    height: float,
    legend: Sequence[Artist] = (),
    title: str = "",
    above: float = _ABOVE,
) -> tuple[Figure, np.ndarray]:
    """Returns a figure with a grid of panels and a legend below them.

    Args:
      rows: Rows of panels.
      columns: Panels in each row.
      width: Of the figure, in inches.
      height: Of a panel, in inches.
      legend: Legend handles, in order; long labels are broken into lines.
      title: What the whole figure shows.
      above: Room for the title of each panel, in inches.

    Returns:
      The figure, and its axes as `[rows, columns]`.
    """
    for handle in legend:
        handle.set_label(fitted(str(handle.get_label()), width - 0.7, lines=3))
    across, lines = _arranged([str(handle.get_label()) for handle in legend], width - 0.1)
    title, head = headed(title, width)
    below = _BELOW + lines * _LEGEND_LINE
    gap = _GAP + above - _ABOVE
    figure = canvas(width, head + above + rows * (height + gap) - gap + below)
    if title:
        write_at(figure, _LEFT, 0.06, title, va="top", **HEADING)
    wide = panel_width(columns, width)
    axes = np.empty((rows, columns), object)
    for i, j in np.ndindex(rows, columns):
        top = head + above + i * (height + gap)
        axes[i, j] = place(figure, _LEFT + j * (wide + _GAP), top, wide, height)
    if legend:
        spacing = {"handlelength": 1.8, "handletextpad": 0.5, "columnspacing": 1.2, "labelspacing": 0.3}
        handles = list(legend)
        figure.legend(
            handles=handles, loc="lower center", ncols=across, frameon=False, borderaxespad=0.2, **spacing
        )
    return figure, axes


def panel_width(columns: int, width: float) -> float:
    """Returns how wide each of some panels beside each other is, in inches."""
    return (width - _LEFT - 0.08 - (columns - 1) * _GAP) / columns


def titled(titles: Sequence[str], wide: float) -> tuple[list[str], float]:
    """Returns titles of panels in lines that fit them, and the room above a panel, in inches."""
    found = [fitted(title, wide + 0.14, lines=3, size=RC["axes.titlesize"]) for title in titles]
    most = max((text.count("\n") for text in found), default=0)
    return found, _ABOVE + most * 0.13


def headed(title: str, width: float) -> tuple[str, float]:
    """Returns the heading of a figure in lines that fit, and its height, in inches."""
    if not title:
        return "", 0.0
    text = fitted(title, width - _LEFT - 0.1, lines=3, size=BOLD * HEADING["fontsize"])
    return text, 0.09 + 0.15 * (1 + text.count("\n"))


def _arranged(labels: Sequence[str], width: float) -> tuple[int, int]:
    """Returns how many columns of a legend fit a width in inches, and its lines of text."""
    for across in range(min(len(labels), 8), 0, -1):
        # Filled column by column as Matplotlib does, the first ones longer; each as wide as its longest.
        deep, longer = divmod(len(labels), across)
        starts = [i * deep + min(i, longer) for i in range(across + 1)]
        columns = [labels[a:b] for a, b in itertools.pairwise(starts)]
        if sum(max(map(width_of, column)) + 0.46 for column in columns) <= width or across == 1:
            return across, max(sum(1 + label.count("\n") for label in column) for column in columns)
    return 1, 0


def dash(names: Sequence[str], name: str) -> LineStyleType:
    """Returns the line style of a name, one of several: it tells them apart where there is no colour."""
    return _DASHES[names.index(name) % len(_DASHES)] if name in names else "-"


def weight(budgets: Sequence[str], budget: str) -> float:
    """Returns how thick the lines of a budget are, and how large its signs, over those of a run with one."""
    if len(budgets) < 2 or budget not in budgets:
        return 1.0
    return 0.7 + 0.8 * budgets.index(budget) / (len(budgets) - 1)


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Sets the ticks of a log axis as plain numbers, more of them where it is short."""
    decades = math.log10(high / low) if 0 < low < high else 0.0
    subs = (1.0,) if decades > 2.2 else (1.0, 3.0) if decades > 1.3 else (1.0, 2.0, 5.0)
    axis.set_major_locator(ticker.LogLocator(subs=subs, numticks=6))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: tick(value)))
    axis.set_minor_formatter(ticker.NullFormatter())


def say(axes: Axes, text: str, width: float) -> None:
    """Writes in an empty panel why it is empty."""
    shown = fitted(text, 0.92 * width, lines=5)
    axes.text(0.5, 0.5, shown, transform=axes.transAxes, ha="center", va="center", color=GREY)


def extremes(values: Sequence[float]) -> tuple[float, float, float]:
    """Returns mean, least and largest of the finite values; NaN where there is none."""
    kept = np.asarray([v for v in values if v is not None and math.isfinite(v)], np.float64)
    return (float(kept.mean()), float(kept.min()), float(kept.max())) if kept.size else (math.nan,) * 3
