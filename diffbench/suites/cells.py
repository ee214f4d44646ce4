"""Cells: a suite multiplied out, checked before any work starts.

A cell is one row of the comparison. What remains of the parts that `parts` built and
checked is specifications, which is all that the harness sees.
"""

from __future__ import annotations

import dataclasses

from diffbench.programs import arithmetic
from diffbench.records.places import BRACKETS, Place
from diffbench.records.reader import many
from diffbench.records.specs import DrawSpec, FitSpec
from diffbench.sources import base as sources
from diffbench.sources.base import SOURCES, Source
from diffbench.spec import Spec
from diffbench.suites import following, parts, rows
from diffbench.suites.building import build
from diffbench.suites.suite import Item, Suite, SuiteError, items


@dataclasses.dataclass(frozen=True)
class Cell:
    """One row of the comparison: what is drawn, how, and what it is judged by.

    Specifications are JSON; `fit` and `draw` are complete, so their hashes name
    exactly what they depend on.

    Attributes:
      place: What the row is: a label and a specification for everything in which rows differ.
      seed: The seed.
      data: Specification of the dataset.
      train_size: Points of a finite training set, or None.
      fit: Specification of the fit, or None.
      draw: Specification of the draw; its "score" is the kind of source.
      metrics: Specifications of the metrics.
      reference: Points m of the reference.
      floor_draws: Truth draws R of each floor.
      train: Specification of the draw that holds its training points, where they came in a file.
    """

    place: Place
    seed: int
    data: Spec
    train_size: int | None
    fit: FitSpec | None
    draw: DrawSpec
    metrics: tuple[Spec, ...]
    reference: int
    floor_draws: int
    train: DrawSpec | None = None

    @property
    def kind(self) -> str:
        """What the score is: one of `BRACKETS`, or the name of a source."""
        return sources.name_of(self.draw)

    @property
    def dataset(self) -> str:
        """Label of the dataset."""
        return self.place.dataset.label

    @property
    def score(self) -> str:
        """One of `BRACKETS`, or the label of a source of scores."""
        return self.place.score.label

    @property
    def family(self) -> str:
        """Label of the family; the process for rows without a fit, empty for brackets."""
        return self.place.family.label

    @property
    def budget(self) -> str:
        """Steps and batch of a learned row, such as "2000x512"."""
        return self.place.budget.label

    @property
    def sampler(self) -> str:
        """Label of the sampler, empty for brackets."""
        return self.place.sampler.label

    @property
    def process(self) -> str:
        """Label of the noise process, empty for brackets."""
        return self.place.process.label


@arithmetic.pinned()
@many()
def expand(suite: Suite) -> list[Cell]:
    """Checks every part of a suite and returns its cells.

    Raises:
      SuiteError: One line naming the key, what was expected and what came.
      PluginError: If a plug-in's part breaks its contract.
    """
    seeds = list(range(suite.seeds)) if isinstance(suite.seeds, int) else list(suite.seeds)
    if not seeds:
        raise SuiteError("seeds: at least one is needed; got an empty list")
    if len({*seeds}) < len(seeds):
        raise SuiteError(f"seeds: each may be there once; got {seeds}")
    asked = [_asked(item) for item in items(suite.scores, "scores")]
    asked.sort(key=lambda source: "fit" in source.needs)  # what is learned comes last, as in tables
    data = parts.datasets_of(suite)
    scored = rows.scored(suite, seeds)
    cells: dict[tuple[str, int], Cell] = {}
    for one in data:
        following.check(one, scored.models)
        section = rows.section_of(one, suite)
        found = [rows.brackets(section, seeds), *(scored.of(one, section, source) for source in asked)]
        for cell in (Cell(**cell, **section.common) for each in found for cell in each):
            known = cells.get((cell.place.id, cell.seed))
            # Two that are equal are one row, whatever they are called, judged by what each asks for.
            cells[cell.place.id, cell.seed] = cell if known is None else _both(known, cell)
    if all(cell.kind in BRACKETS for cell in cells.values()):
        raise SuiteError("the suite has no cells: give it families, or datasets with an exact score")
    return list(cells.values())


def _both(known: Cell, more: Cell) -> Cell:
    """Returns a cell with the metrics of another that is equal."""
    if known.metrics is more.metrics:
        return known
    added = [metric for metric in more.metrics if metric not in known.metrics]
    return dataclasses.replace(known, metrics=(*known.metrics, *added)) if added else known


def _asked(item: Item) -> rows.Asked:
    """Returns a source of scores, checked."""
    known = SOURCES.names()
    if item.name not in known:
        raise SuiteError(f"scores: must be one of {', '.join(known)}; got {item.name!r}")
    source: Source = build(SOURCES, f"scores: {item.name}", item)
    if item.label != item.name:
        if not SOURCES.entry(item.name).defaults:
            raise SuiteError(f"scores: {item.name} takes no label; got {item.label!r}")
        if item.label in (*BRACKETS, *known):
            raise SuiteError(f"scores: {item.name}: the label {item.label!r} is that of another row")
    return rows.Asked(item.label, source.needs, sources.spec_of(item.name, item.params, source))
