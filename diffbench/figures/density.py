"""Samples of every family beside the truth, as densities on one scale."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Container, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from diffbench.figures.base import DOUBLE, GREY, PAGE, canvas, fitted, place, say, write_at
from diffbench.figures.records import Row, Run
from diffbench.figures.view import NORM, View, colours, frame, outside, show, view_of

COLUMNS = ("energy", "mmd2_local")  # the two whose z stand below each panel
_FAMILIES = 5  # beside the truth, on one page
# Inches: between panels, beside them, and above and below each.
_GAP, _LEFT, _RIGHT = 0.07, 0.22, 0.48
_HEAD, _TITLE, _NOTE, _FOOT = 0.20, 0.17, 0.16, 0.2
_LINE = 0.12  # a second line of a title, in inches
_BOLD: dict[str, Any] = {"fontsize": 8.5, "fontweight": "bold"}
_TICKS = {0: "0", 0.05: ".05", 0.25: ".25", 0.5: ".5", 1: "1"}


class Line(NamedTuple):
    """One line of panels: a score and budget, and for each column its seeds or none."""

    score: str
    budget: str
    cells: tuple[list[Row], ...]


def draw(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields the density figures of each dataset, more than one where they are many."""
    for dataset in run.datasets:
        truth = run.reference(dataset)
        if truth is None or not np.isfinite(truth).all():
            continue
        view = view_of(truth)
        for number, (columns, lines) in enumerate(_pages(run, dataset), start=1):
            title = f"density_{dataset}" + (f"_{number}" if number > 1 else "")
            yield title, _page(run, dataset, columns, lines, view, truth)


def _pages(run: Run, dataset: str) -> Iterator[tuple[Sequence[str], list[Line]]]:
    """Yields the columns and lines of each page."""
    rows = [row for row in run.of(dataset=dataset) if row.sampler]
    learned = {row.family for row in rows if row.fit_id}
    alone = {label for row in rows for label in _columns_of(run, row, learned)} - learned
    columns = [*sorted(learned), *sorted(alone)]
    for start in range(0, len(columns), _FAMILIES):
        here = columns[start : start + _FAMILIES]
        lines = _lines(run, rows, here)
        most = max(
            1,
            int(
                (PAGE - (1 + len(run.budgets)) * _HEAD - _FOOT) / (_side(len(here)) + _TITLE + _LINE + _NOTE)
            ),
        )
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
        samplers[column] = sorted({row.sampler for row in found}, key=_natural)
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


def _natural(label: str) -> list[tuple[int, str]]:
    """Returns a key that puts 50 before 1000."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", label)]


def _side(columns: int) -> float:
    """Returns the side of a panel, in inches: the truth has a column of its own."""
    return min(1.45, (DOUBLE - _LEFT - _RIGHT) / (columns + 1) - _GAP)


def _page(
    run: Run, dataset: str, columns: Sequence[str], lines: Sequence[Line], view: View, truth: np.ndarray
) -> Figure:
    """Draws a block of lines for each score and budget, and the truth beside each block."""
    side = _side(len(columns))
    rows = [row for line in lines for seeds in line.cells for row in seeds]
    title = _TITLE + _LINE * any("\n" in fitted(row.sampler, side) for row in rows)
    head = _HEAD + _LINE * any("\n" in fitted(row.family, 0.75 * side) for row in rows)
    step = side + title + _NOTE
    blocks = [list(group) for _, group in itertools.groupby(lines, lambda line: line[:2])]
    height = len(lines) * step + len(blocks) * head + _FOOT
    width = _LEFT + (len(columns) + 1) * (side + _GAP) + _RIGHT
    figure = canvas(width, height)
    top = head
    for block in blocks:
        score, budget, _ = block[0]
        middle = top + len(block) * step / 2
        label = f"{score} score" + (f", {budget}" if len(run.budgets) > 1 and budget else "")
        label = fitted(label, len(block) * step)
        write_at(figure, _LEFT / 2, middle, label, rotation=90, ha="center", va="center", fontsize=8.5)
        axes = place(figure, _LEFT, middle - step / 2 + title, side, side)
        show(axes, truth, view)
        axes.set_title("truth", **_BOLD)
        axes.set_xlabel(_note(run, run.of(dataset=dataset, score="truth")))
        for j in range(len(columns)):
            left = _LEFT + (j + 1) * (side + _GAP)
            for label in dict.fromkeys(row.family for line in block for row in line.cells[j]):
                name = fitted(label, 0.75 * side)
                font = {**_BOLD, "fontsize": 7} if "\n" in name else _BOLD
                name = fitted(label, 0.9 * side) if "\n" in name else name
                write_at(figure, left + side / 2, top, name, ha="center", va="bottom", **font)
            for i, line in enumerate(block):
                if line.cells[j]:
                    axes = place(figure, left, top + i * step + title, side, side)
                    _cell(run, axes, line.cells[j], view, side)
        top += len(block) * step + head
    _scale(figure, width - _RIGHT + 0.03, height)
    known = [column for column in COLUMNS if run.has(column)]
    said = [f"Below each panel: z of {' | '.join(known)}, mean over seeds (truth: about 0)."] if known else []
    said += [f"Seen: {view.note}."] if view.note else []
    write_at(figure, _LEFT, height - 0.04, " ".join(said), va="bottom", color=GREY)
    return figure


def _cell(run: Run, axes: Axes, seeds: Sequence[Row], view: View, side: float) -> None:
    """Draws the first seed of a cell, or says why there is nothing to draw."""
    first = min(seeds, key=lambda row: row.seed)
    samples = run.samples(first)
    axes.set_title(fitted(first.sampler, side))
    note = _note(run, seeds)
    if samples is None or not np.isfinite(samples).all():
        frame(axes)
        status = first.status if first.status != "ok" else "missing"
        say(axes, f"{status}: {first.reason or 'no finite samples'}", side)
    else:
        show(axes, samples, view)
        away = outside(samples, view)
        note += f", {away:.0%} out" if away >= 0.02 else ""
    axes.set_xlabel(note.removeprefix(", "))


def _note(run: Run, seeds: Sequence[Row]) -> str:
    """Returns the mean over seeds of the z of each column."""
    shown = []
    for column in filter(run.has, COLUMNS):
        z = [value for value in (run.z(row, column) for row in seeds) if math.isfinite(value)]
        mean = float(np.mean(z)) if z else math.nan
        shown.append("-" if not z else f"{mean:.1f}" if abs(mean) < 10 else f"{mean:.0f}")
    return f"z {' | '.join(shown)}" if {*shown} - {"-"} else ""


def _scale(figure: Figure, left: float, height: float) -> None:
    """Draws the colour scale, beside all panels."""
    tall = min(1.5, height - 0.8)
    axes = place(figure, left, (height - tall) / 2, 0.08, tall)
    bar = figure.colorbar(ScalarMappable(NORM, colours()), cax=axes)
    bar.ax.set_yticks(list(_TICKS), list(_TICKS.values()))
    bar.ax.minorticks_off()
    bar.set_label("density / peak of truth")
