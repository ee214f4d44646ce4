"""Samples of every family beside the truth, as densities on one scale.

Truth stands once, on top, beside the scale. Below it a block for each score and budget, its panels one
after the other, so that no place is left empty between them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from diffbench.figures.base import GREY, HEADING, PAGE, canvas, headed, place, say, sheet, write_at
from diffbench.figures.records import Row, Run
from diffbench.figures.view import NORM, THIN, View, colours, frame, outside, show, view_of
from diffbench.figures.words import BOLD, caption, fitted, is_paper, lettered, scaled, width_of
from diffbench.records.outcome import MISSING, OK
from diffbench.records.places import GIVEN, TRUTH, natural
from diffbench.tables.digits import deviations

# Of one dataset: nobody leafs through more, and each takes a second to draw.
MOST_PAGES = 4
_NOTED = 2  # columns whose z stand below each panel
# Inches: between panels, beside them, and above and below each.
_GAP, _LEFT, _RIGHT = 0.07, 0.22, 0.05
_HEAD, _TITLE, _NOTE, _FOOT = 0.14, 0.17, 0.16, 0.2
_LINE = 0.12  # a second line of a title, in inches
_BLOCK = 0.1  # between blocks
_SMALL = 1.0  # the least side of a panel, where one page then holds them all
_STRIP = _TITLE + _NOTE + 0.05  # above and below the truth
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


class Block(NamedTuple):
    """Lines of panels of a score and budget: each panel holds the seeds of one row."""

    score: str
    budget: str
    lines: tuple[Sequence[list[Row]], ...]


class Room(NamedTuple):
    """What panels take, in inches: panels beside each other, their side, the room above and below each."""

    across: int
    side: float
    above: float
    below: float
    width: float

    @property
    def step(self) -> float:
        """From a line of panels to the next."""
        return self.above + self.side + self.below


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields the density figures of each dataset, more than one where they are many."""
    for dataset in run.datasets:
        truth = run.reference(dataset)
        rows = [row for row in run.of(dataset=dataset) if row.sampler or row.family]
        if not rows or truth is None or not np.isfinite(truth).all():
            continue
        view = view_of(truth)
        cells: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            cells.setdefault((row.score, row.family, row.budget, row.sampler), []).append(row)
        notes = {_first(seeds).draw_id: _below(run, seeds, view) for seeds in cells.values()}
        said = _said(run, rows, view)
        room, found = _arranged(run, dataset, rows, notes, said)
        if len(found) > MOST_PAGES:
            said += f" The first {MOST_PAGES} pages of many: --families and --samplers show others."
            found = _pages(run, dataset, rows, room, said)[:MOST_PAGES]
        for number, blocks in enumerate(found, start=1):
            title = f"density_{dataset}" + (f"_{number}" if number > 1 else "")
            yield title, _page(run, dataset, blocks, room, view, truth, notes, said)


def _arranged(
    run: Run, dataset: str, rows: Sequence[Row], notes: Mapping[str, str], said: str
) -> tuple[Room, list[list[Block]]]:
    """Returns the room of panels and the pages: one page, if panels that are not too small fit it."""
    most, wide = (3, 1.0) if is_paper() else (5, 1.45)
    families: dict[tuple[str, str], set[str]] = {}
    cells: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in rows:
        families.setdefault((row.score, row.budget), set()).add(row.family)
        cells.setdefault((row.score, row.budget), set()).add((row.family, row.sampler))
    # As many beside each other as there are families; the truth has the scale beside it.
    least = max(2, min(most, max(map(len, families.values()))))
    sizes = range(least, most + 1)

    def arranged(across: int, side: float) -> tuple[Room, list[list[Block]]]:
        side = min(side, (sheet().double - _LEFT - _RIGHT) / across - _GAP)
        room = _room(rows, notes, across, side)
        return room, _pages(run, dataset, rows, room, said)

    for across, side in itertools.product(sizes, np.linspace(wide, _SMALL, 6)):
        lines = sum(math.ceil(len(each) / across) for each in cells.values())
        if (1 + lines) * (side + _TITLE) < PAGE and len((found := arranged(across, side))[1]) == 1:
            return found
    # Else the fewest pages, and of these the fewest empty places at the ends of blocks.
    spare = {across: sum(-len(each) % across for each in cells.values()) for across in sizes}
    tried = [arranged(across, side) for across, side in itertools.product(sizes, (wide, 0.85 * wide))]
    return min(tried, key=lambda found: (len(found[1]), spare[found[0].across]))


def _pages(run: Run, dataset: str, rows: Sequence[Row], room: Room, said: str) -> list[list[Block]]:
    """Returns the blocks of each page."""
    foot = caption(said, room.width - _LEFT - 0.05)[1]
    whole = PAGE - headed(dataset, room.width)[1] - _STRIP - room.side - foot
    left, page, found = whole, list[Block](), []
    for score, budget in run.sources(rows):
        cells = _cells([row for row in rows if (row.score, row.budget) == (score, budget)])
        lines = [cells[i : i + room.across] for i in range(0, len(cells), room.across)]
        while lines:
            fit = int((left - _BLOCK) / room.step)
            # A block is not torn where a page of its own would hold it.
            if page and fit < min(len(lines), int((whole - _BLOCK) / room.step)):
                found.append(page)
                left, page = whole, []
                continue
            part, lines = lines[: max(1, fit)], lines[max(1, fit) :]
            page.append(Block(score, budget, tuple(part)))
            left -= _BLOCK + len(part) * room.step
    return [*found, page]


def _cells(rows: Sequence[Row]) -> list[list[Row]]:
    """Returns the seeds of each family and sampler: a sampler of each family, then the next of each.

    Samplers that all families have come last, so that they stand in one line.
    """
    families = sorted({row.family for row in rows}, key=natural)
    samplers = {
        family: sorted({row.sampler for row in rows if row.family == family}, key=natural)
        for family in families
    }
    shared = [s for s in samplers[families[0]] if all(s in labels for labels in samplers.values())]
    own = [[s for s in samplers[family] if s not in shared] for family in families]
    slots = [*itertools.zip_longest(*own), *((s,) * len(families) for s in shared)]
    pairs = [(family, s) for slot in slots for family, s in zip(families, slot, strict=True) if s is not None]
    return [[row for row in rows if (row.family, row.sampler) == pair] for pair in pairs]


def _room(rows: Sequence[Row], notes: Mapping[str, str], across: int, side: float) -> Room:
    """Returns what panels take of one side, in inches."""
    below = (fitted(notes.get(row.draw_id, ""), side + _GAP, size=7.5) for row in rows)
    # A label that has more lines has them above its own sampler's.
    heads = (
        _more([_name(row.family, side)[0]]) + _more([fitted(row.sampler, side, lines=3, size=7.5)])
        for row in rows
    )
    width = max(_LEFT + across * (side + _GAP) + _RIGHT, sheet().single)
    return Room(across, side, _HEAD + _TITLE + max(heads), _NOTE + _more(below), width)


def _said(run: Run, rows: Sequence[Row], view: View) -> str:
    """Returns the caption."""
    known = _noted(run)
    said = [
        f"Points: single samples where the density is below {THIN:.0%} of the truth's peak.",
        f"Below each panel: z of {' | '.join(known)}, mean over seeds (truth: about 0)." if known else "",
        f"Seen: {view.note}." if view.note else "",
        f"{run.told(rows)}{'; the first seed is drawn' if len({row.seed for row in rows}) > 1 else ''}.",
    ]
    return " ".join(filter(None, said))


def _page(
    run: Run,
    dataset: str,
    blocks: Sequence[Block],
    room: Room,
    view: View,
    truth: np.ndarray,
    notes: Mapping[str, str],
    said: str,
) -> Figure:
    """Draws the truth and the scale, and below them a block for each score and budget."""
    note, foot = caption(said, room.width - _LEFT - 0.05)
    heading, above = headed(dataset, room.width)
    lines = sum(len(block.lines) for block in blocks)
    top = above + _STRIP + room.side
    height = top + lines * room.step + len(blocks) * _BLOCK + foot
    figure = canvas(room.width, height)
    write_at(figure, _LEFT, 0.06, heading, va="top", **HEADING)
    axes = place(figure, _LEFT, above + _TITLE, room.side, room.side)
    show(axes, truth, view)
    axes.set_title("truth", **HEADING)
    axes.set_xlabel(fitted(_note(run, run.of(dataset=dataset, score=TRUTH)), room.side + _GAP, size=7.5))
    _scale(figure, _LEFT + room.side + 0.2, above + _TITLE + room.side / 2, room.width)
    for block in blocks:
        top += _BLOCK
        tall = len(block.lines) * room.step
        label = "given samples" if block.score == GIVEN else f"{block.score} score"
        label += f", {block.budget}" if len(run.budgets) > 1 and block.budget else ""
        label = fitted(label, tall, lines=1, size=8.5)
        middle, size = top + tall / 2, scaled(8.5)
        write_at(figure, _LEFT / 2, middle, label, rotation=90, ha="center", va="center", fontsize=size)
        for line in block.lines:
            for j, seeds in enumerate(line):
                left = _LEFT + j * (room.side + _GAP)
                axes = place(figure, left, top + room.above, room.side, room.side)
                _cell(run, axes, seeds, view, room.side, notes)
                named, size = _name(seeds[0].family, room.side)
                over = _TITLE + _more([axes.get_title()])
                style = {**HEADING, "fontsize": size}
                at = top + room.above - over
                write_at(figure, left + room.side / 2, at, named, ha="center", va="bottom", **style)
            top += room.step
    write_at(figure, _LEFT, height - 0.04, note, va="bottom", color=GREY)
    return figure


def _more(texts: Iterable[str]) -> float:
    """Returns the room that lines after the first take, in inches."""
    return _LINE * max((text.count("\n") for text in texts), default=0)


def _name(label: str, side: float) -> tuple[str, float]:
    """Returns the name above a panel, and the size of its letters: smaller where it is long."""
    if width_of(label, BOLD * HEADING["fontsize"]) <= side:
        return lettered(label), HEADING["fontsize"]
    return fitted(label, side, lines=3, size=BOLD * 7.0), scaled(7.0)


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


def _scale(figure: Figure, left: float, top: float, width: float) -> None:
    """Draws the colour scale, beside the truth."""
    axes = place(figure, left, top - 0.05, min(1.5, width - left - 0.15), 0.1)
    bar = figure.colorbar(ScalarMappable(NORM, colours()), cax=axes, orientation="horizontal")
    bar.ax.set_xticks(list(_TICKS), [f"{tick:g}" for tick in _TICKS])
    bar.ax.minorticks_off()
    bar.set_label("density / peak of truth")
