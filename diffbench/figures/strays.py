"""Starting points coloured by where the exact flow leads them, and the points that a solver leads astray."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from diffbench.figures.base import panel_width, panels, sheet, titled
from diffbench.figures.records import Row, Run
from diffbench.figures.view import frame
from diffbench.figures.words import is_paper
from diffbench.sources.exact import NAME as EXACT

FEW = 10  # evaluations: that many show strays, and a good choice of solver has few


class Flown(NamedTuple):
    """Where a solver leads the points, and where it should; standardised.

    Attributes:
      start: Starting points, `[n, D]`.
      end: Where the exact flow leads, `[n, D]`.
      reached: Where the solver leads, `[n, D]`.
      strays: Which of them landed elsewhere, `[n]`.
    """

    start: np.ndarray
    end: np.ndarray
    reached: np.ndarray
    strays: np.ndarray


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields for each dataset the starting points of the exact score on its first process, by solver."""
    for dataset in run.datasets:
        here = [row for row in run.of(dataset=dataset, score=EXACT) if row.measured("flow_error")]
        here = [row for row in here if row.family == here[0].family and row.seed == here[0].seed]
        shown = [(row, flown) for row in _best(run, here) if (flown := flown_by(run, row)) is not None]
        if shown and shown[0][1].start.shape[1] > 1:
            yield f"strays_{dataset}", _figure(dataset, shown)


def flown_by(run: Run, row: Row) -> Flown | None:
    """Returns what the records of a row say of its points, None where they lack it."""
    arrays, flow = run.curves(row, "flow_error"), run.flow(row)
    if "flow_reached" not in arrays or not {"start", "end"} <= {*flow}:
        return None
    reached = np.asarray(arrays["flow_reached"], np.float64)
    error = np.linalg.norm(reached - flow["end"], axis=1)
    share = run.value(row, "flow_elsewhere")
    count = 0 if np.isnan(share) else round(share * len(error))
    # Another mode is farther than any error within one.
    strays = np.zeros(len(error), bool)
    strays[np.argsort(np.where(np.isfinite(error), error, np.inf))[len(error) - count :]] = True
    return Flown(np.asarray(flow["start"]), np.asarray(flow["end"]), reached, strays)


def _best(run: Run, rows: Sequence[Row]) -> list[Row]:
    """Returns for each solver its row of least error among those of the most evaluations up to `FEW`."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if 0 < row.nfe <= FEW:
            # Its label without what differs among its rows.
            found.setdefault(row.sampler.split("(")[0], []).append(row)
    best = []
    for each in found.values():
        most = max(row.nfe for row in each)
        best.append(min((r for r in each if r.nfe == most), key=lambda r: run.value(r, "flow_error")))
    return best


def _figure(dataset: str, shown: Sequence[tuple[Row, Flown]]) -> Figure:
    across = min(len(shown), 2 if is_paper() else 3)
    down = -(-len(shown) // across)
    width = sheet().single if across == 1 else sheet().double
    names = [f"{row.sampler}: {100 * flown.strays.mean():.0f}% stray" for row, flown in shown]
    titles, above = titled(names, panel_width(across, width))
    legend: list[Artist] = [
        Line2D(
            [], [], marker="o", ls="none", color="0.5", label="start, by the angle at which it should land"
        ),
        Line2D([], [], marker="o", ls="none", mfc="none", color="black", label="lands elsewhere"),
    ]
    counts = " or ".join(f"{nfe:g}" for nfe in sorted({row.nfe for row, _ in shown}))
    title = f"{dataset}: starting points, exact score, {shown[0][0].family}, NFE {counts}"
    figure, axes = panels(down, across, width, panel_width(across, width), legend, title=title, above=above)
    for spare in axes.flat[len(shown) :]:
        spare.remove()
    for ax, name, (_, flown) in zip(axes.flat, titles, shown, strict=False):
        ax.set_title(name)
        _panel(ax, flown)
    return figure


def _panel(ax: Axes, flown: Flown) -> None:
    """Draws starting points in the plane in which the flow's ends spread most."""
    plane = _plane(flown.end)
    start, end = flown.start @ plane, (flown.end - flown.end.mean(axis=0)) @ plane
    turn = np.arctan2(end[:, 1], end[:, 0]) / (2 * np.pi) % 1.0
    # Of what lands near the middle the angle says nothing.
    far = np.linalg.norm(end, axis=1)
    colours = sns.color_palette("twilight_shifted", as_cmap=True)(turn)
    colours[far < 0.15 * far.max()] = (0.8, 0.8, 0.8, 1.0)
    ax.scatter(start[:, 0], start[:, 1], s=7, c=colours, lw=0.3, edgecolors="0.5", zorder=2)
    astray = start[flown.strays]
    ax.scatter(astray[:, 0], astray[:, 1], s=16, facecolors="none", edgecolors="black", lw=0.7, zorder=3)
    half = 1.08 * float(np.abs(start).max())
    ax.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    frame(ax)


def _plane(x: np.ndarray) -> np.ndarray:
    """Returns two directions, `[D, 2]`: the coordinates of two, the first principal axes of more."""
    dim = x.shape[1]
    if dim == 2:
        return np.eye(2)
    vectors = np.linalg.eigh(np.cov(x.T))[1][:, ::-1][:, :2]
    return vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), [0, 1]])
