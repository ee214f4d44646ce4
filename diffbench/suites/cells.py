"""Cells: a suite multiplied out, checked before any work starts.

A cell is one row of the comparison. What remains of the parts that `parts` built and
checked is specifications, which is all that the harness sees.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp

from diffbench.contracts import SAMPLERS
from diffbench.programs import arithmetic
from diffbench.programs.sampling import VERSION as SAMPLING_VERSION
from diffbench.programs.training import VERSION as TRAINING_VERSION
from diffbench.records import places
from diffbench.records.places import BRACKETS, Axis, Place
from diffbench.records.reader import many
from diffbench.records.specs import DrawSpec, FitSpec
from diffbench.sources import base as sources
from diffbench.sources.base import SOURCES, Source
from diffbench.spec import Json, JsonObject, Spec
from diffbench.suites import following, models, parts
from diffbench.suites.building import build
from diffbench.suites.models import Model
from diffbench.suites.parts import Data
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


class Asked(NamedTuple):
    """A source of scores that the suite asks for.

    Attributes:
      label: What tables call it.
      needs: What it is made of.
      spec: The part of a draw's specification that says so.
    """

    label: str
    needs: tuple[str, ...]
    spec: Spec


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
    replicas = suite.replicas or 1
    data = parts.datasets_of(suite)
    rows = _Rows(
        [_shape(model, replicas) for model in models.families_of(suite)],
        [_budget(label, training) for label, training in models.budgets_of(suite)],
        seeds,
        replicas,
    )
    cells: dict[tuple[str, int], Cell] = {}
    for one in data:
        following.check(one, [shape.model for shape in rows.families])
        section = section_of(one, suite)
        found: list[Iterator[JsonObject]] = [brackets(section, seeds)]
        for source in asked:
            score = places.axis(source.label, source.spec)
            made = {**section.draw, **source.spec}
            found.append(
                rows.learned(one, section.axis, score, made)
                if "fit" in source.needs
                else rows.fitless(one, section.axis, score, made, source.needs)
            )
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


def _budget(label: str, training: Json) -> Axis:
    """Returns the settings of a training; their version is that of the loop."""
    return places.axis(label, {**training, "version": TRAINING_VERSION})


class _Shape(NamedTuple):
    """A family of the suite with the axes of its rows."""

    model: Model
    family: Axis
    process: Axis
    samplers: tuple[Axis, ...]


def _shape(model: Model, replicas: int) -> _Shape:
    process = places.axis(model.noise, model.process)
    family = process
    if model.family is not None:
        about = {"family": model.family, "network": model.network, "process": model.process}
        # A program of several replicas sums in another order, so their number makes another fit.
        family = places.axis(model.label, {**about, **({"replicas": replicas} if replicas > 1 else {})})
    return _Shape(model, family, process, tuple(places.axis(*sampler) for sampler in model.samplers))


def _asked(item: Item) -> Asked:
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
    return Asked(item.label, source.needs, sources.spec_of(item.name, item.params, source))


class Section(NamedTuple):
    """What the rows of one dataset have in common.

    Attributes:
      axis: The data and what its rows are held to.
      draw: The part of a draw's specification that is of the data.
      common: Fields of `Cell`.
    """

    axis: Axis
    draw: Spec
    common: JsonObject


def section_of(one: Data, suite: Suite) -> Section:
    """Returns what the rows of a dataset of a suite have in common."""
    reference = suite.reference or suite.samples
    about = {
        "dataset": one.spec,
        "train_size": one.train_size,
        "n": suite.samples,
        "reference": reference,
        "floor_draws": suite.floor_draws,
        "sampling": {"version": SAMPLING_VERSION},
    }
    common = {
        "data": one.spec,
        "train_size": one.train_size,
        "reference": reference,
        "floor_draws": suite.floor_draws,
        "metrics": one.metrics,
    }
    draw = {"stage": "draw", "dataset": one.spec, "n": suite.samples, "version": SAMPLING_VERSION}
    return Section(places.axis(one.item.label, about), draw, common)


def brackets(section: Section, seeds: Sequence[int]) -> Iterator[JsonObject]:
    """Yields the cells of the rows without a model, as fields of `Cell` that are not common to all."""
    for kind in BRACKETS:
        place = places.place(section.axis, places.axis(kind, {"score": kind}))
        for seed in seeds:
            spec = {**section.draw, "score": kind, "seed": seed}
            yield {"place": place, "seed": seed, "fit": None, "draw": spec}


class _Rows(NamedTuple):
    """What the rows of every dataset have in common."""

    families: list[_Shape]
    budgets: list[Axis]
    seeds: list[int]
    replicas: int

    def fitless(
        self, data: Data, section: Axis, score: Axis, draw: Spec, needs: tuple[str, ...]
    ) -> Iterator[JsonObject]:
        """Yields the cells of a score that nobody trained: it belongs to a process."""
        more = {}
        if "train" in needs:
            if data.train_size is None:
                raise SuiteError(
                    f"scores: the {score.label} score needs a finite training set, and"
                    f" {data.item.label} has none; give it one:"
                    f' {{name = "{data.item.name}", train_size = 64}}'
                )
            more = {"train_size": data.train_size}
        for model in models.processes_of([shape.model for shape in self.families]):
            if "truth" in needs:
                _trusted(data, model, score.label)
            shape = _shape(model, self.replicas)
            for sampler in shape.samplers:
                place = places.place(section, score, shape.process, sampler=sampler, process=shape.process)
                for seed in self.seeds:
                    spec = {**draw, **more, "process": model.process, "sampler": sampler.spec, "seed": seed}
                    yield {"place": place, "seed": seed, "fit": None, "draw": spec}

    def learned(self, data: Data, section: Axis, score: Axis, draw: Spec) -> Iterator[JsonObject]:
        """Yields the cells of a score that is learned."""
        for shape in self.families:
            for budget in self.budgets:
                fits = [_fit(data, shape.model, budget.spec, seed, self.replicas) for seed in self.seeds]
                drawn = [places.place(section, score, shape.family, budget, sampler, shape.process)
                         for sampler in shape.samplers]  # fmt: skip
                for seed, fit in zip(self.seeds, fits, strict=True):
                    for place in drawn:
                        spec = {**draw, "process": shape.model.process, "fit": fit,
                                "sampler": place.sampler.spec, "seed": seed}  # fmt: skip
                        yield {"place": place, "seed": seed, "fit": fit, "draw": spec}


def _fit(data: Data, model: Model, training: Json, seed: int, replicas: int) -> FitSpec:
    if data.train_size is not None and training["batch"] > data.train_size:
        raise SuiteError(
            f"training: batch must be at most train_size = {data.train_size} of {data.item.label};"
            f" got {training['batch']}"
        )
    if model.family is None or model.network is None:
        raise SuiteError(f"families: {model.label} is a process alone, of which there is nothing to train")
    spec: FitSpec = {
        "stage": "fit",
        "dataset": data.spec,
        "train_size": data.train_size,
        "family": model.family,
        "network": model.network,
        "process": model.process,
        "training": training,
        "seed": seed,
    }
    if replicas > 1:
        spec["replicas"] = replicas
    return spec


def _trusted(data: Data, model: Model, score: str) -> None:
    """Raises where there is no exact score, or a process ends below the noise at which it can be trusted."""
    if data.dataset.truth is None:
        raise SuiteError(
            f"scores: the {score} score needs a known truth, and {data.item.label} is points alone; leave it"
            ' out of scores: scores = ["learned", "empirical"]'
        )
    ends = [SAMPLERS.from_spec(sampler).end(model.built) for _, sampler in model.samplers]
    end = jnp.asarray(min(ends))
    reached = float(model.built.sigma(end) / model.built.alpha(end))
    if reached < data.dataset.smallest_sigma:
        raise SuiteError(
            f"scores: the exact score of {data.item.label} can be trusted down to sigma/alpha ="
            f" {data.dataset.smallest_sigma:.3g}, and process {model.noise} ends at {reached:.3g}; give the"
            f" dataset a thickness or more nodes, or leave {score} out of scores"
        )
