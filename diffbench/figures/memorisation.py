"""What each source of scores makes of a finite training set: samples, and the scores behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffbench.figures.base import DOUBLE, GREY, HEADING, canvas, headed, place, say, write_at
from diffbench.figures.fields import arrows, quiver
from diffbench.figures.records import Row, Run
from diffbench.figures.view import View, frame, show, view_of
from diffbench.figures.words import caption, fitted

METRIC = "memorisation"
_FIELDS = ("field_x", "field_log_snr", "field_score")
_LEVELS = 2  # noise levels shown, the least noise first
_CAPTION = (
    "Circles: training points. Small points: single samples where the density is thin. Arrow length: square "
    "root of the score's size, one scale for each row."
)
_LEFT, _NOTE, _GAP = 0.3, 0.16, 0.07  # inches
_LEAST = 2.4  # width of a figure, so that its words fit, in inches
_SIDE = 1.5
_MANY = 100  # training points that can be told apart


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields a figure for each dataset in two dimensions and each process: its first seed."""
    for dataset in run.datasets:
        rows = [row for row in run.of(dataset=dataset) if row.sampler and row.measured(METRIC)]
        truth = run.reference(dataset)
        if truth is None or truth.shape[1] != 2 or not np.isfinite(truth).all():
            continue
        for process in dict.fromkeys(row.process for row in rows):
            cells = _cells(run, [row for row in rows if row.process == process])
            if cells:
                label = next((row.family for row in cells if not row.fit_id), cells[0].family)
                title = f"{dataset}, {label}"
                yield f"memorisation_{dataset}_{label}", _figure(run, cells, view_of(truth), title)


def _cells(run: Run, rows: Sequence[Row]) -> list[Row]:
    """Returns the first seed of the first sampler of each score, family and budget."""
    cells = []
    for score, budget in run.sources(rows):
        here = [row for row in rows if (row.score, row.budget) == (score, budget)]
        for family in dict.fromkeys(row.family for row in here):
            mine = [row for row in here if row.family == family]
            cells.append(min(mine, key=lambda row: (row.sampler, row.seed)))
    return cells


def _figure(run: Run, cells: Sequence[Row], view: View, title: str) -> Figure:
    """Draws a column for each source: the samples on top, the score field below."""
    side = min(_SIDE, (DOUBLE - _LEFT) / len(cells) - _GAP)
    fields = [run.curves(row, "score_error") for row in cells]
    found = {float(v) for arrays in fields for v in arrays.get("field_log_snr", ())}
    levels = sorted(found, reverse=True)[:_LEVELS]
    notes = [fitted(_note(run, row), side + _GAP, size=7.5) for row in cells]
    step = side + _NOTE + 0.12 * max(note.count("\n") for note in notes)
    width = max(_LEFT + len(cells) * (side + _GAP), _LEAST)
    title, above = headed(title, width)
    note, foot = caption(_CAPTION, width - _LEFT - 0.05)
    names = [fitted(_name(row), side, lines=3, size=7.5) for row in cells]
    top = above + 0.12 + 0.13 * (1 + max(name.count("\n") for name in names))
    height = top + (1 + len(levels)) * step + foot
    figure = canvas(width, height)
    write_at(figure, _LEFT, 0.06, title, va="top", **HEADING)
    write_at(figure, _LEFT / 2, top + side / 2, "samples", rotation=90, ha="center", va="center")
    for i, level in enumerate(levels, start=1):
        middle = top + i * step + side / 2
        text = f"score, log SNR {level:g}"
        write_at(figure, _LEFT / 2, middle, text, rotation=90, ha="center", va="center")
    for j, (row, arrays) in enumerate(zip(cells, fields, strict=True)):
        left = _LEFT + j * (side + _GAP)
        axes = place(figure, left, top, side, side)
        frame(axes)
        samples = run.samples(row)
        if samples is None:
            say(axes, f"{row.status}: {row.reason}", side)
        else:
            show(axes, samples, view)
        train = run.curves(row, METRIC).get("train")
        if train is not None:
            size = 7 if len(train) <= _MANY else 0.3
            axes.scatter(
                train[:, 0],
                train[:, 1],
                s=size,
                facecolors="none" if size > 1 else "0.2",
                edgecolors="0.2",
                lw=0.5,
            )
            axes.set(xlim=view.window[0], ylim=view.window[1])
        axes.set_title(names[j])
        axes.set_xlabel(notes[j])
        for i, level in enumerate(levels, start=1):
            axes = place(figure, left, top + i * step, side, side)
            frame(axes)
            if all(name in arrays for name in _FIELDS) and level in arrays["field_log_snr"]:
                _field(axes, arrays, level)
            else:
                say(axes, "not reached", side)
    write_at(figure, _LEFT, height - 0.04, note, va="bottom", color=GREY)
    return figure


def _name(row: Row) -> str:
    return f"{row.score}: {row.family}" if row.fit_id else row.score


def _field(axes: Axes, arrays: Mapping[str, np.ndarray], level: float) -> None:
    """Draws the score at one noise level."""
    x = arrays["field_x"]
    score = arrays["field_score"][list(arrays["field_log_snr"]).index(level)]
    low, high = x.min(axis=0), x.max(axis=0)
    grid = float(np.sqrt(np.prod(high - low) / len(x)))
    sizes = np.linalg.norm(score, axis=1)
    # Near a point of the data the score is about as large as 1/sigma.
    unit = math.exp(level / 2.0)
    quiver(axes, x, arrows(score, grid, unit if sizes.any() else 1.0), np.full(len(x), "0.25"))
    axes.set(xlim=(low[0] - grid, high[0] + grid), ylim=(low[1] - grid, high[1] + grid))
    axes.set_aspect("equal", adjustable="box")


def _note(run: Run, row: Row) -> str:
    """Returns what the metric says of a row."""
    values = run.measure(row.measured(METRIC)).get("values", {})
    copied, ct = values.get("copied"), values.get("ct")
    return "" if copied is None or ct is None else f"copied {copied:.0%}, ct {ct:.0f}"
