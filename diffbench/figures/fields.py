"""The learned score field beside the exact one, at a few noise levels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from diffbench.figures.base import DOUBLE, GREY, HEADING, canvas, headed, place, write_at
from diffbench.figures.records import Run
from diffbench.figures.words import caption
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED

_NEEDED = ("field_x", "field_log_snr", "field_score", "field_exact")
_LEFT, _RIGHT, _TOP, _GAP = 0.25, 0.62, 0.22, 0.1  # inches
_NOTE = "Arrow length: square root of the score's size, one scale for each column."
_LONGEST = 1.5  # arrows, in steps of the grid


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields a figure for each dataset in two dimensions, family and budget: its first seed."""
    for dataset in run.datasets:
        for family in run.families:
            for budget in run.budgets:
                rows = run.of(dataset=dataset, family=family, budget=budget, score=LEARNED)
                for row in sorted(rows, key=lambda row: row.seed):
                    arrays = run.curves(row, "score_error")
                    if all(name in arrays for name in _NEEDED) and arrays["field_x"].size:
                        name = run.name(family, budget)
                        yield f"score_field_{dataset}_{name}", _figure(arrays, f"{dataset}, {name}")
                        break


def _figure(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draws the exact field above the learned one, a column for each noise level."""
    x, levels = arrays["field_x"], arrays["field_log_snr"]
    low, high = x.min(axis=0), x.max(axis=0)
    grid = float(np.sqrt(np.prod(high - low) / len(x)))
    span = high - low + 2 * grid
    wide = (DOUBLE - _LEFT - _RIGHT - (len(levels) - 1) * _GAP) / max(len(levels), 3)
    tall = wide * float(np.clip(span[1] / span[0], 0.4, 1.6))
    width = _LEFT + len(levels) * (wide + _GAP) - _GAP + _RIGHT
    title, above = headed(title, width)
    note, foot = caption(_NOTE, width - _LEFT - 0.05)
    height = above + 2 * (tall + _TOP) + foot
    figure = canvas(width, height)
    write_at(figure, _LEFT, 0.06, title, va="top", **HEADING)
    norm, colours = Normalize(0, 1), mpl.colormaps["flare"]
    # From noise to data, as samplers go.
    for j, k in enumerate(np.argsort(levels)):
        exact, learned, level = arrays["field_exact"][k], arrays["field_score"][k], float(levels[k])
        sizes = np.linalg.norm(exact, axis=1)
        known = sizes[np.isfinite(sizes)]
        unit = float(np.quantile(known, 0.95)) if known.size else 1.0
        error = np.linalg.norm(learned - exact, axis=1) / np.maximum(sizes, 1e-2 * unit)
        shades = colours(norm(np.nan_to_num(error, nan=1.0)))
        for i, (name, field) in enumerate(((EXACT, exact), (LEARNED, learned))):
            top = above + _TOP + i * (tall + _TOP)
            axes = place(figure, _LEFT + j * (wide + _GAP), top, wide, tall)
            quiver(axes, x, arrows(field, grid, unit), shades if i else np.full(x.shape[0], "0.25"))
            axes.set(xlim=(low[0] - grid, high[0] + grid), ylim=(low[1] - grid, high[1] + grid))
            axes.set_aspect("equal", adjustable="datalim")
            if j == 0:
                axes.set_ylabel(f"{name} score", fontsize=8.5)
            axes.set_title(_error(arrays, level) if i else f"log SNR = {level:g}")
    write_at(figure, _LEFT, height - 0.04, note, va="bottom", color=GREY)
    cax = place(figure, width - _RIGHT + 0.08, above + tall + 2 * _TOP, 0.08, tall)
    bar = figure.colorbar(ScalarMappable(norm, colours), cax=cax, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0", "0.5", "1+"])
    bar.outline.set_visible(False)
    bar.set_label("|learned - exact| / |exact|")
    return figure


def quiver(axes: Axes, x: np.ndarray, drawn: np.ndarray, colours: np.ndarray) -> None:
    """Draws arrows `[G, 2]` at points x `[G, 2]`, leaving out what is not finite."""
    kept = np.isfinite(drawn).all(axis=1)
    axes.quiver(
        *x[kept].T,
        *drawn[kept].T,
        color=colours[kept],
        angles="xy",
        scale_units="xy",
        scale=1,
        pivot="mid",
        width=0.0042,
        headwidth=3.2,
        headlength=3.6,
        headaxislength=3.2,
    )
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("0.75")


def arrows(field: np.ndarray, grid: float, unit: float) -> np.ndarray:
    """Returns arrows, `[G, 2]`: a score of size unit is a step of the grid long.

    Lengths go as the square root of the size: at low noise scores between two modes are
    small beside those far out. The longest are cut, not turned.
    """
    sizes = np.linalg.norm(field, axis=1, keepdims=True)
    lengths = np.minimum(np.sqrt(sizes / (unit or 1.0)), _LONGEST)
    return grid * lengths * field / np.maximum(sizes, 1e-12)


def _error(arrays: Mapping[str, np.ndarray], level: float) -> str:
    """Returns the metric's error at a level: over points of the truth, not of the grid."""
    curve, at = arrays.get("score_error_curve"), arrays.get("score_error_log_snr")
    if curve is None or at is None or not (at[0] <= level <= at[-1]):
        return ""
    value = float(np.exp(np.interp(level, at, np.log(np.maximum(curve, 1e-30)))))
    return f"score_error {value:.2g}" if math.isfinite(value) else ""
