"""Samples of every family beside the truth, as densities on one scale."""

from __future__ import annotations

import itertools
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from diffbench.figures.base import DOUBLE, GREY, HEADING, PAGE, canvas, headed, place, say, write_at
from diffbench.figures.records import Row, Run
from diffbench.figures.view import NORM, View, colours, frame, outside, show, view_of
from diffbench.figures.words import BOLD, caption, fitted, lettered, width_of
from diffbench.records.outcome import MISSING, OK
from diffbench.records.places import GIVEN, TRUTH, natural
from diffbench.tables.digits import deviations

# Of one dataset: nobody leafs through more, and each takes a second to draw.
MOST_PAGES = 4
_NOTED = 2  # columns whose z stand below each panel
_FAMILIES = 5  # beside the truth, on one page
# Inches: between panels, beside them, and above and below each.
_GAP, _LEFT, _RIGHT = 0.07, 0.22, 0.48
_HEAD, _TITLE, _NOTE, _FOOT = 0.20, 0.17, 0.16, 0.2
_LINE = 0.12  # a second line of a title, in inches
_HEADING = 0.3  # the name of the dataset
_TICKS = {0: "0", 0.05: ".05", 0.25: ".25", 0.5: ".5", 1: "1"}


class Line(NamedTuple):
    """One line of panels: a score and budget, and for each column its seeds or none."""

    score: str
    budget: str
    cells: tuple[list[Row], ...]


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields the density figures of each dataset, more than one where they are many."""
    for dataset in run.datasets:
        truth = run.reference(dataset)
        if truth is None or not np.isfinite(truth).all():
            continue
        view = view_of(truth)
        cells: dict[tuple[str, ...], list[Row]] = {}
        for row in run.of(dataset=dataset):
            cells.setdefault((row.score, row.family, row.budget, row.sampler), []).append(row)
        notes = {_first(seeds).draw_id: _below(run, seeds, view) for seeds in cells.values()}
        found, more = list(_pages(run, dataset, view, notes)), ""
        if len(found) > MOST_PAGES:
            more = f"The first {MOST_PAGES} pages of many: --families and --samplers show others."
            found = list(itertools.islice(_pages(run, dataset, view, notes, more), MOST_PAGES))
        for number, (columns, lines) in enumerate(found, start=1):
            title = f"density_{dataset}" + (f"_{number}" if number > 1 else "")
            yield title, _page(run, dataset, columns, lines, view, truth, notes, more)


def _pages(
    run: Run, dataset: str, view: View, notes: Mapping[str, str], more: str = ""
) -> Iterator[tuple[Sequence[str], list[Line]]]:
    """Yields the columns and lines of each page."""
    rows = [row for row in run.of(dataset=dataset) if row.sampler or row.family]
    learned = {row.family for row in rows if row.fit_id}
    alone = {label for row in rows for label in _columns_of(run, row, learned)} - learned
    columns = [*sorted(learned, key=natural), *sorted(alone, key=natural)]
    for start in range(0, len(columns), _FAMILIES):
        here = columns[start : start + _FAMILIES]
        lines = _lines(run, rows, here)
        side = _side(len(here))
        title, head, below = _room(run, rows, side, notes)
        foot = caption(_said(run, view, more), DOUBLE)[1]
        heads = (1 + len(run.budgets)) * head
        left = PAGE - headed(dataset, DOUBLE)[1] - heads - foot
        most = max(1, int(left / (side + title + below)))
        page: list[Line] = []
        for _, group in itertools.groupby(lines, lambda line: line[:2]):
            block = list(group)
            for first in range(0, len(block), most):
                part = block[first : first + most]
                if len(page) + len(part) > most:
                    yield here, page
                    page = []
                page = [*page, *part]
        yield here, page


def _columns_of(run: Run, row: Row, learned: Container[str]) -> list[str]:
    """Returns the columns a row stands in: a process stands in those of its families."""
    if row.fit_id:
        return [row.family]
    return [label for label in run.families_of(row.family) if label in learned] or [row.family]


def _lines(run: Run, rows: Sequence[Row], columns: Sequence[str]) -> list[Line]:
    """Arranges cells in lines: learned scores last; samplers that all have in common last."""
    learned = {row.family for row in rows if row.fit_id}

    def shown(column: str, score: str) -> list[Row]:
        return [row for row in rows if row.score == score and column in _columns_of(run, row, learned)]

    samplers = {}
    for column in columns:
        found = [row for row in rows if column in _columns_of(run, row, learned)]
        samplers[column] = sorted({row.sampler for row in found}, key=natural)
    shared = [s for s in samplers[columns[0]] if all(s in labels for labels in samplers.values())]
    own = [[s for s in labels if s not in shared] for labels in samplers.values()]
    slots = [*itertools.zip_longest(*own, fillvalue=""), *((s,) * len(columns) for s in shared)]
    lines = []
    for score, budget in run.sources(rows):
        for slot in slots:
            cells = tuple(
                [row for row in shown(column, score) if row.sampler == sampler and row.budget == budget]
                for column, sampler in zip(columns, slot, strict=True)
            )
            if any(cells):
                lines.append(Line(score, budget, cells))
    return lines


def _side(columns: int) -> float:
    """Returns the side of a panel, in inches: the truth has a column of its own."""
    return min(1.45, (DOUBLE - _LEFT - _RIGHT) / (columns + 1) - _GAP)


def _room(run: Run, rows: Sequence[Row], side: float, notes: Mapping[str, str]) -> tuple[float, float, float]:
    """Returns the room above a panel, above a block and below a panel, in inches."""
    below = (fitted(notes.get(row.draw_id, ""), side + _GAP, size=7.5) for row in rows)
    return (
        _TITLE + _more(fitted(row.sampler, side, lines=3, size=7.5) for row in rows),
        _HEAD + _more(_name(row.family, side)[0] for row in rows),
        _NOTE + _more(below),
    )


def _said(run: Run, view: View, more: str) -> str:
    """Returns the caption."""
    known = _noted(run)
    said = [f"Below each panel: z of {' | '.join(known)}, mean over seeds (truth: about 0)."] if known else []
    return " ".join([*said, *([f"Seen: {view.note}."] if view.note else []), *([more] if more else [])])


def _page(
    run: Run,
    dataset: str,
    columns: Sequence[str],
    lines: Sequence[Line],
    view: View,
    truth: np.ndarray,
    notes: Mapping[str, str],
    more: str,
) -> Figure:
    """Draws a block of lines for each score and budget, and the truth beside each block."""
    side = _side(len(columns))
    rows = [row for line in lines for seeds in line.cells for row in seeds]
    title, head, below = _room(run, rows, side, notes)
    step = side + title + below
    blocks = [list(group) for _, group in itertools.groupby(lines, lambda line: line[:2])]
    width = _LEFT + (len(columns) + 1) * (side + _GAP) + _RIGHT
    note, foot = caption(_said(run, view, more), width - _LEFT - 0.05)
    heading, above = headed(dataset, width)
    height = above + len(lines) * step + len(blocks) * head + foot
    figure = canvas(width, height)
    write_at(figure, _LEFT, 0.06, heading, va="top", **HEADING)
    top = above + head
    for block in blocks:
        score, budget, _ = block[0]
        middle = top + len(block) * step / 2
        label = "given samples" if score == GIVEN else f"{score} score"
        label += f", {budget}" if len(run.budgets) > 1 and budget else ""
        label = fitted(label, len(block) * step, lines=1, size=8.5)
        write_at(figure, _LEFT / 2, middle, label, rotation=90, ha="center", va="center", fontsize=8.5)
        axes = place(figure, _LEFT, middle - step / 2 + title, side, side)
        show(axes, truth, view)
        axes.set_title("truth", **HEADING)
        axes.set_xlabel(_note(run, run.of(dataset=dataset, score=TRUTH)))
        for j in range(len(columns)):
            left = _LEFT + (j + 1) * (side + _GAP)
            for label in dict.fromkeys(row.family for line in block for row in line.cells[j]):
                name, size = _name(label, side)
                write_at(
                    figure,
                    left + side / 2,
                    top,
                    name,
                    ha="center",
                    va="bottom",
                    **{**HEADING, "fontsize": size},
                )
            for i, line in enumerate(block):
                if line.cells[j]:
                    axes = place(figure, left, top + i * step + title, side, side)
                    _cell(run, axes, line.cells[j], view, side, notes)
        top += len(block) * step + head
    _scale(figure, width - _RIGHT + 0.03, height)
    write_at(figure, _LEFT, height - 0.04, note, va="bottom", color=GREY)
    return figure


def _more(texts: Iterable[str]) -> float:
    """Returns the room that lines after the first take, in inches."""
    return _LINE * max((text.count("\n") for text in texts), default=0)


def _name(label: str, side: float) -> tuple[str, float]:
    """Returns the name above a column, and the size of its letters: smaller where it is long."""
    if width_of(label, BOLD * HEADING["fontsize"]) <= side:
        return lettered(label), HEADING["fontsize"]
    return fitted(label, side, lines=3, size=BOLD * 7.0), 7.0


def _first(seeds: Iterable[Row]) -> Row:
    return min(seeds, key=lambda row: row.seed)


def _below(run: Run, seeds: Sequence[Row], view: View) -> str:
    """Returns what stands below the panel of a cell: z over seeds, and the share out of sight."""
    samples, note = run.samples(_first(seeds)), _note(run, seeds)
    if samples is not None and np.isfinite(samples).all():
        away = outside(samples, view)
        note += f", {away:.0%} out" if away >= 0.02 else ""
    return note.removeprefix(", ")


def _cell(
    run: Run, axes: Axes, seeds: Sequence[Row], view: View, side: float, notes: Mapping[str, str]
) -> None:
    """Draws the first seed of a cell, or says why there is nothing to draw."""
    first = _first(seeds)
    samples = run.samples(first)
    axes.set_title(fitted(first.sampler, side, lines=3, size=7.5))
    axes.set_xlabel(fitted(notes[first.draw_id], side + _GAP, size=7.5))
    if samples is None or not np.isfinite(samples).all():
        frame(axes)
        status = first.status if first.status != OK else MISSING
        say(axes, f"{status}: {first.reason or 'no finite samples'}", side)
    else:
        show(axes, samples, view)


def _noted(run: Run) -> list[str]:
    """Returns the columns whose z stand below each panel."""
    return [column for column in run.headlines() if run.floored(column)][:_NOTED]


def _note(run: Run, seeds: Sequence[Row]) -> str:
    """Returns the mean over seeds of the z of each column, and over how many if that is not all."""
    shown, least = [], len(seeds)
    for column in _noted(run):
        z = [value for value in (run.z(row, column) for row in seeds) if math.isfinite(value)]
        shown.append(deviations(float(np.mean(z))) if z else "-")
        least = min(least, len(z)) if z else least
    some = f" ({least} of {len(seeds)})" if least < len(seeds) else ""
    return f"z {' | '.join(shown)}{some}" if {*shown} - {"-"} else ""


def _scale(figure: Figure, left: float, height: float) -> None:
    """Draws the colour scale, beside all panels."""
    tall = min(1.5, height - 0.8)
    axes = place(figure, left, (height - tall) / 2, 0.08, tall)
    bar = figure.colorbar(ScalarMappable(NORM, colours()), cax=axes)
    bar.ax.set_yticks(list(_TICKS), list(_TICKS.values()))
    bar.ax.minorticks_off()
    bar.set_label("density / peak of truth")
