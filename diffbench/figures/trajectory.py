"""From noise to data: the paths of a learned score and of the exact one, from the same starting points.

A strip of frames for each dataset and family; `film` draws the same paths as a moving picture. All frames are
at unit variance, so noise and data are seen through one window. Points are dots, images are images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from diffbench.figures.base import DOUBLE, GREY, HEADING, canvas, headed, place, write_at
from diffbench.figures.images import Ink, ink_of, mosaic
from diffbench.figures.records import Colour, Run
from diffbench.figures.view import frame, view_of
from diffbench.figures.words import caption, fitted
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED

SHOWN = 6  # frames of a strip
DOTS = 200  # of a frame, at most
_NEEDED = ("trajectory_log_snr", "trajectory_curve", "trajectory_learned", "trajectory_exact")
_LEFT, _GAP, _TOP, _UNDER = 0.26, 0.07, 0.2, 0.17  # inches
_ACROSS = 4  # images of a frame, each way
_DARK: Colour = (0.25, 0.25, 0.25)
_NOTE = (
    "Both rows start from the same noise and are seen at unit variance. Below: root mean square distance of "
    "the rows."
)


class Look(NamedTuple):
    """How the points of a frame are drawn.

    Attributes:
      begin: (axes, colour, side in inches) -> what is drawn there, of no points yet.
      put: (what is drawn, points `[n, D]`): moves it.
      note: What the reader must know of it, or nothing.
    """

    begin: Callable[[Axes, Colour, float], Artist]
    put: Callable[[Artist, np.ndarray], None]
    note: str


class Paths(NamedTuple):
    """The paths of one family on one dataset.

    Attributes:
      name: What the figure is called.
      title: What it shows.
      log_snr: Of the frames, most noise first, `[K]`.
      apart: Root mean square distance of the two paths, `[K]`.
      rows: Exact and learned paths, `[K, n, D]`, each with its name and colour.
      look: How points are drawn.
    """

    name: str
    title: str
    log_snr: np.ndarray
    apart: np.ndarray
    rows: tuple[tuple[str, np.ndarray, Colour], ...]
    look: Look


def paths(run: Run) -> Iterator[Paths]:
    """Yields the paths of each dataset and family: of its longest budget, the first seed."""
    for dataset in run.datasets:
        truth = run.reference(dataset)
        if truth is None or not np.isfinite(truth).all():
            continue
        for family in run.families:
            rows = run.of(dataset=dataset, family=family, score=LEARNED)
            for row in sorted(rows, key=lambda row: (-run.budgets.index(row.budget), row.seed)):
                arrays = run.curves(row, "trajectory_error")
                if not all(name in arrays for name in _NEEDED):
                    continue
                log_snr, apart, learned, exact = (arrays[name] for name in _NEEDED)
                shape, name = run.shape(row), run.name(family, row.budget)
                look = _dots(truth, exact) if shape is None else _pictures(ink_of(shape, truth))
                both = (EXACT, exact, _DARK), (LEARNED, learned, run.colours[family])
                yield Paths(f"trajectory_{dataset}_{name}", f"{dataset}, {name}", log_snr, apart, both, look)
                break


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields the strip of each dataset and family."""
    for found in paths(run):
        yield found.name, _strip(found)


def _strip(found: Paths) -> Figure:
    """Draws the exact path above the learned one, a column for each of a few frames."""
    which = _spread(found.rows[0][1])
    side, height, (title, above), (note, _) = layout(found)
    figure = canvas(DOUBLE, height)
    write_at(figure, _LEFT, 0.06, title, va="top", **HEADING)
    for i, (name, path, colour) in enumerate(found.rows):
        top = above + _TOP + i * (side + _GAP)
        label = fitted(f"{name} score", side, lines=1, size=8.5)
        write_at(
            figure, _LEFT / 2, top + side / 2, label, rotation=90, ha="center", va="center", fontsize=8.5
        )
        for j, k in enumerate(which):
            axes = place(figure, _LEFT + j * (side + _GAP), top, side, side)
            found.look.put(found.look.begin(axes, colour, side), path[k])
            if i == 0:
                axes.set_title(f"log SNR {round(float(found.log_snr[k]), 1) + 0.0:.1f}")
            else:
                axes.set_xlabel(f"{found.apart[k]:.2g}" if j else "apart: 0")
    write_at(figure, _LEFT, height - 0.04, note, va="bottom", color=GREY)
    return figure


def _spread(path: np.ndarray) -> np.ndarray:
    """Returns which frames of a path `[K, n, D]` are shown: as much happens between any two."""
    moved = np.sqrt((np.diff(path.astype(np.float64), axis=0) ** 2).sum(axis=2).mean(axis=1))
    gone = np.concatenate([[0.0], np.cumsum(np.nan_to_num(moved))])
    wanted = np.linspace(0.0, gone[-1], SHOWN)
    return np.unique(np.abs(gone[:, None] - wanted).argmin(axis=0))


def layout(found: Paths) -> tuple[float, float, tuple[str, float], tuple[str, float]]:
    """Returns side of a frame and height of a figure, in inches; heading and caption with their heights.

    The moving picture is as high, so that one takes the place of the other.
    """
    side = (DOUBLE - _LEFT - 0.02) / SHOWN - _GAP
    heading = headed(found.title, DOUBLE)
    words = caption(" ".join(filter(None, (_NOTE, found.look.note))), DOUBLE - _LEFT - 0.05)
    return side, heading[1] + _TOP + 2 * side + _GAP + _UNDER + words[1], heading, words


def _dots(truth: np.ndarray, exact: np.ndarray) -> Look:
    """Returns the look of points: dots in the plane of the truth, in a window that holds noise and data."""
    view = view_of(truth)
    ends = [np.quantile(x @ view.axes, [0.005, 0.995], axis=0) for x in (exact[0], exact[-1], truth)]
    low, high = np.min(ends, axis=(0, 1)), np.max(ends, axis=(0, 1))
    middle, half = (low + high) / 2, 0.54 * float((high - low).max()) or 1.0

    def begin(axes: Axes, colour: Colour, side: float) -> Artist:
        frame(axes)
        axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
        return axes.scatter([], [], s=(1.5 * side) ** 2, color=[colour], alpha=0.75, linewidths=0)

    def put(drawn: Artist, x: np.ndarray) -> None:
        x = x[:DOTS]
        flat = x[np.isfinite(x).all(axis=1)].astype(np.float64) @ view.axes
        # What the window does not hold is not drawn: far points would be far numbers of pixels.
        shown = (np.abs(flat - middle) <= 1.1 * half).all(axis=1)
        if isinstance(drawn, PathCollection):
            drawn.set_offsets(flat[shown])

    return Look(begin, put, f"Seen: {view.note}." if view.note else "")


def _pictures(ink: Ink) -> Look:
    """Returns the look of images: the first few, side by side."""
    height, width, _ = ink.shape
    blank = np.ones((_ACROSS * (height + 1) - 1, _ACROSS * (width + 1) - 1, 3))

    def begin(axes: Axes, colour: Colour, side: float) -> Artist:
        frame(axes)
        return axes.imshow(blank, interpolation="nearest")

    def put(drawn: Artist, x: np.ndarray) -> None:
        if isinstance(drawn, AxesImage):
            # What is not finite is paper.
            known = np.nan_to_num(x[: _ACROSS**2], nan=ink.low, posinf=ink.high, neginf=ink.low)
            page, filled = blank.copy(), mosaic(known, ink, _ACROSS)
            page[: len(filled)] = filled
            drawn.set_data(page)

    return Look(begin, put, "")
