"""The rows of a suite by what their score is made of: a place, and the specification of each draw and fit.

Rows are fields of a `Cell`, without those that all rows of a dataset have in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp

from diffbench.contracts import SAMPLERS
from diffbench.programs.sampling import VERSION as SAMPLING_VERSION
from diffbench.programs.training import VERSION as TRAINING_VERSION
from diffbench.records import places
from diffbench.records.places import BRACKETS, Axis
from diffbench.records.specs import FitSpec
from diffbench.spec import Json, JsonObject, Spec
from diffbench.suites import models
from diffbench.suites.models import Model
from diffbench.suites.parts import Data
from diffbench.suites.suite import Suite, SuiteError


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


class Scored(NamedTuple):
    """What the rows with a score have in common, whatever their dataset."""

    families: list[_Shape]
    budgets: list[Axis]
    seeds: Sequence[int]
    replicas: int

    @property
    def models(self) -> list[Model]:
        """The families of the suite, built."""
        return [shape.model for shape in self.families]

    def of(self, data: Data, section: Section, asked: Asked) -> Iterator[JsonObject]:
        """Yields the cells of a source of scores on a dataset, without the fields that are common to all."""
        score = places.axis(asked.label, asked.spec)
        draw = {**section.draw, **asked.spec}
        if "fit" in asked.needs:
            return self._learned(data, section.axis, score, draw)
        return self._fitless(data, section.axis, score, draw, asked.needs)

    def _fitless(
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
        for model in models.processes_of(self.models):
            if "truth" in needs:
                _trusted(data, model, score.label)
            shape = _shape(model, self.replicas)
            for sampler in shape.samplers:
                place = places.place(section, score, shape.process, sampler=sampler, process=shape.process)
                for seed in self.seeds:
                    spec = {**draw, **more, "process": model.process, "sampler": sampler.spec, "seed": seed}
                    yield {"place": place, "seed": seed, "fit": None, "draw": spec}

    def _learned(self, data: Data, section: Axis, score: Axis, draw: Spec) -> Iterator[JsonObject]:
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


def scored(suite: Suite, seeds: Sequence[int]) -> Scored:
    """Returns what the rows with a score of a suite have in common: its families, built, and its budgets."""
    replicas = suite.replicas or 1
    return Scored(
        [_shape(model, replicas) for model in models.families_of(suite)],
        [_budget(label, training) for label, training in models.budgets_of(suite)],
        seeds,
        replicas,
    )


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
