"""What every figure shares: sizes, colours, fonts, panels, the legend, and the files.

Figures are Matplotlib `Figure` objects of their own, never pyplot's: there is none to
close and no state to restore but the style, which `style` puts back.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

SINGLE, DOUBLE = 3.4, 7.0  # one and two columns of a paper, in inches
PAGE = 9.2  # the most that fits above a caption, in inches
DPI = 200
SUFFIXES = (".png", ".pdf")
GREY = "0.35"
ACROSS = 4  # panels of datasets beside each other
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (7, 1.5)))
# Inches: around a grid of panels, between panels, and a line of the legend.
_LEFT, _ABOVE, _BELOW, _GAP, _LEGEND_LINE = 0.5, 0.22, 0.4, 0.42, 0.165
_LETTER = 0.058  # mean width of a 7-point letter, in inches

RC: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with Matplotlib, so every machine has it
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
    "axes.unicode_minus": False,  # one font in a PDF holds 256 signs: a second costs a second
    "pdf.fonttype": 42,  # publishers refuse Type 3
    "text.parse_math": False,  # labels are the user's
    "savefig.facecolor": "white",
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Sets the style of all figures, whatever the user's own is, and puts that back."""
    with mpl.rc_context():
        mpl.rcdefaults()
        settings: Any = {**sns.axes_style("ticks"), **RC}
        mpl.rcParams.update(settings)
        yield


def encoded(figure: Figure, suffix: str) -> bytes:
    """Returns a figure as a file's bytes, without its time or maker."""
    buffer = io.BytesIO()
    empty = ("Software",) if suffix == ".png" else ("CreationDate", "Creator", "Producer")
    figure.savefig(buffer, format=suffix[1:], dpi=DPI, metadata=dict.fromkeys(empty))
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
    figure.text(left / wide, 1 - top / high, text, **kwargs)


def panels(
    rows: int, columns: int, width: float, height: float, legend: Sequence[Any] = ()
) -> tuple[Figure, np.ndarray]:
    """Returns a figure with a grid of panels and a legend below them.

    Args:
      rows: Rows of panels.
      columns: Panels in each row.
      width: Of the figure, in inches.
      height: Of a panel, in inches.
      legend: Legend handles, in order.

    Returns:
      The figure, and its axes as `[rows, columns]`.
    """
    longest = max((len(str(handle.get_label())) for handle in legend), default=0)
    across = max(1, min(len(legend), int((width - 0.1) / (longest * _LETTER + 0.5))))
    below = _BELOW + math.ceil(len(legend) / across) * _LEGEND_LINE
    figure = canvas(width, _ABOVE + rows * (height + _GAP) - _GAP + below)
    wide = (width - _LEFT - 0.08 - (columns - 1) * _GAP) / columns
    axes = np.empty((rows, columns), object)
    for i, j in np.ndindex(rows, columns):
        axes[i, j] = place(figure, _LEFT + j * (wide + _GAP), _ABOVE + i * (height + _GAP), wide, height)
    if legend:
        spacing = {"handlelength": 1.8, "handletextpad": 0.5, "columnspacing": 1.2, "labelspacing": 0.3}
        handles = list(legend)
        figure.legend(
            handles=handles, loc="lower center", ncols=across, frameon=False, borderaxespad=0.2, **spacing
        )
    return figure, axes


def dash(budgets: Sequence[str], budget: str) -> Any:
    """Returns the line style of a budget, one of a run's."""
    return _DASHES[budgets.index(budget) % len(_DASHES)]


def log_ticks(axis: Any, low: float, high: float) -> None:
    """Sets the ticks of a log axis as plain numbers, more of them where it is short."""
    decades = math.log10(high / low) if 0 < low < high else 0.0
    subs = (1.0,) if decades > 2.2 else (1.0, 3.0) if decades > 1.3 else (1.0, 2.0, 5.0)
    axis.set_major_locator(ticker.LogLocator(subs=subs, numticks=6))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def fitted(text: str, width: float, lines: int = 2) -> str:
    """Returns text in lines that fit a width in inches, broken at blanks and before brackets."""
    letters = max(6, int(width / _LETTER))
    if len(text) <= letters:
        return text
    found = textwrap.wrap(text.replace("(", " (", 1), letters, break_on_hyphens=False)
    if len(found) > lines:
        found = [*found[: lines - 1], f"{found[lines - 1][: letters - 2]}..."]
    return "\n".join(found)


def say(axes: Axes, text: str, width: float) -> None:
    """Writes in an empty panel why it is empty."""
    shown = fitted(text, 0.92 * width, lines=5)
    axes.text(0.5, 0.5, shown, transform=axes.transAxes, ha="center", va="center", color=GREY)


def extremes(values: Sequence[float]) -> tuple[float, float, float]:
    """Returns mean, least and largest of the finite values; NaN where there is none."""
    kept = np.asarray([v for v in values if v is not None and math.isfinite(v)], np.float64)
    return (float(kept.mean()), float(kept.min()), float(kept.max())) if kept.size else (math.nan,) * 3
