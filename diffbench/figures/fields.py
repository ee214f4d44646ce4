"""The learned score field beside the exact one, at a few noise levels, over contours of the density."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy import ndimage

from diffbench.figures.base import GREY, HEADING, canvas, headed, place, sheet, write_at
from diffbench.figures.records import Run
from diffbench.figures.words import caption, fitted, is_paper
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED

_NEEDED = ("field_x", "field_log_snr", "field_score", "field_exact")
_LEFT, _RIGHT, _TOP, _GAP, _TICKS = 0.42, 0.62, 0.22, 0.1, 0.3  # inches
_CONTOURS, _PALE = (0.05, 0.25, 0.75), "#7f9fbf"
_NOTE = (
    "Arrow length: square root of the score's size, one scale for each noise level. Contours: density at "
    "that noise, at 5, 25 and 75% of its peak."
)
_LONGEST = 1.5  # arrows, in steps of the grid


class Level(NamedTuple):
    """Fields at one noise level.

    Attributes:
      log_snr: The level.
      exact: Exact score, `[G, 2]`.
      learned: Learned score, `[G, 2]`.
      error: What the metric says of the level, empty where it does not.
      density: The density of x_t over its peak, on a grid over the window, rows upwards; None where no points
        of the truth are known.
    """

    log_snr: float
    exact: np.ndarray
    learned: np.ndarray
    error: str
    density: np.ndarray | None


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
                        truth, units = run.seen_by_models(dataset)
                        title = f"{dataset}, {name}, seed {row.seed}"
                        figure = _figure(arrays, truth, f"{_NOTE} Axes: {units}.", title)
                        yield f"score_field_{dataset}_{name}", figure
                        break


def _window(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Returns the lower and the upper end of what is shown, `[2]` each, and the step of the grid."""
    low, high = x.min(axis=0), x.max(axis=0)
    grid = float(np.sqrt(np.prod(high - low) / len(x)))
    return low - grid, high + grid, grid


def _levels(arrays: Mapping[str, np.ndarray], truth: np.ndarray | None) -> list[Level]:
    """Returns the levels from noise to data, as samplers go."""
    low, high, _ = _window(arrays["field_x"])
    found = []
    for k in np.argsort(arrays["field_log_snr"]):
        level, exact = float(arrays["field_log_snr"][k]), arrays["field_exact"][k]
        shown = None
        if truth is not None and np.isfinite(truth).all():
            shown = blurred(truth, alpha_of(arrays["field_x"], exact, truth, level), level, low, high)
        found.append(Level(level, exact, arrays["field_score"][k], _error(arrays, level), shown))
    return found


def _figure(arrays: Mapping[str, np.ndarray], truth: np.ndarray | None, note: str, title: str) -> Figure:
    """Draws the exact field beside the learned one at each noise level: a column a level, a row in papers."""
    x, levels = arrays["field_x"], _levels(arrays, truth)
    low, high, grid = _window(x)
    down, across = (len(levels), 2) if is_paper() else (2, max(len(levels), 3))
    span = high - low
    wide = (sheet().double - _LEFT - _RIGHT - (across - 1) * _GAP) / across
    tall = wide * float(np.clip(span[1] / span[0], 0.4, 1.6))
    width = sheet().double if is_paper() else _LEFT + len(levels) * (wide + _GAP) - _GAP + _RIGHT
    title, above = headed(title, width)
    note, foot = caption(note, width - _LEFT - 0.05)
    height = above + down * (tall + _TOP) + _TICKS + foot
    figure = canvas(width, height)
    write_at(figure, _LEFT, 0.06, title, va="top", **HEADING)
    norm, colours = Normalize(0, 1), mpl.colormaps["flare"]
    for j, level in enumerate(levels):
        sizes = np.linalg.norm(level.exact, axis=1)
        known = sizes[np.isfinite(sizes)]
        unit = float(np.quantile(known, 0.95)) if known.size else 1.0
        error = np.linalg.norm(level.learned - level.exact, axis=1) / np.maximum(sizes, 1e-2 * unit)
        shades = colours(norm(np.nan_to_num(error, nan=1.0)))
        for i, (name, field) in enumerate(((EXACT, level.exact), (LEARNED, level.learned))):
            row, column = (j, i) if is_paper() else (i, j)
            top = above + _TOP + row * (tall + _TOP)
            axes = place(figure, _LEFT + column * (wide + _GAP), top, wide, tall)
            if level.density is not None:
                extent = (low[0], high[0], low[1], high[1])
                axes.contour(
                    level.density, _CONTOURS, extent=extent, colors=[_PALE], linewidths=0.7, zorder=0.5
                )
            quiver(axes, x, arrows(field, grid, unit), shades if i else np.full(x.shape[0], "0.25"))
            axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
            axes.set_aspect("equal", adjustable="datalim")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(ticker.MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
            axes.tick_params(labelbottom=row == down - 1, labelleft=column == 0)
            if row == down - 1:
                axes.set_xlabel("coordinate 1")
            if column == 0:
                axes.set_ylabel("coordinate 2")
            at = f"log SNR {level.log_snr:g}"
            said = f"{name}, {at}" if not i else f"{name}, error {level.error}" if level.error else name
            axes.set_title(fitted(said, wide + _GAP, lines=1, size=7.5))
    write_at(figure, _LEFT, height - 0.04, note, va="bottom", color=GREY)
    first = above + _TOP if is_paper() else above + tall + 2 * _TOP
    cax = place(figure, width - _RIGHT + 0.08, first, 0.08, tall)
    bar = figure.colorbar(ScalarMappable(norm, colours), cax=cax, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0", "0.5", "1+"])
    bar.outline.set_visible(False)
    bar.set_label("|learned - exact| / |exact|")
    return figure


def alpha_of(x: np.ndarray, exact: np.ndarray, truth: np.ndarray, log_snr: float) -> float:
    """Returns by how much a process has shrunk the data at a noise level: only it knows, and its score tells.

    The score of points of the truth, shrunk by alpha and blurred by alpha exp(-log_snr / 2), is nearest to
    the exact one at its own alpha. A per cent or two is all that contours need.

    Args:
      x: Where the score is known, `[G, 2]`.
      exact: The exact score there, `[G, 2]`.
      truth: Points of the truth, as models see them, `[m, 2]`.
      log_snr: The noise level.
    """
    known = np.isfinite(exact).all(axis=1)
    x, exact, data = x[known][:: max(1, known.sum() // 80)], exact[known], truth[:400]
    exact = exact[:: max(1, len(exact) // 80)]
    best, least = 1.0, math.inf
    for alpha in np.geomspace(0.05, 1.0, 61)[::-1] if len(x) else ():
        variance = (alpha**2) * math.exp(-log_snr)
        apart = alpha * data - x[:, None]
        near = -0.5 * (apart**2).sum(axis=2) / variance
        weight = np.exp(near - near.max(axis=1, keepdims=True))
        pull = (weight[..., None] * apart).sum(axis=1) / weight.sum(axis=1)[:, None]
        off = float(np.median(np.linalg.norm(pull / variance - exact, axis=1)))
        best, least = (float(alpha), off) if off < least else (best, least)
    return best


def blurred(
    truth: np.ndarray, alpha: float, log_snr: float, low: np.ndarray, high: np.ndarray, bins: int = 120
) -> np.ndarray:
    """Returns the density of x_t over its peak, `[bins, bins]`, rows upwards.

    Args:
      truth: Points of the truth, as models see them, `[m, 2]`.
      alpha: By how much they are shrunk.
      log_snr: The noise level.
      low: Lower ends of the window, `[2]`.
      high: Upper ends.
      bins: Along each side.
    """
    across, up = alpha * truth.T
    counts = np.histogram2d(across, up, bins, range=((low[0], high[0]), (low[1], high[1])))[0].T
    sigma = alpha * math.exp(-0.5 * log_snr) / ((high - low) / bins)
    # A little more, so that single points are no islands.
    found = ndimage.gaussian_filter(counts, np.hypot(sigma[::-1], 2.0), mode="constant")
    return found / (found.max() or 1.0)


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
    return f"{value:.2g}" if math.isfinite(value) else ""
