"""Cells: a suite multiplied out, checked before any work starts.

A cell is one row of the comparison. What remains of the parts that `parts` built and
checked is specifications, which is all that the harness sees.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp

from diffbench.programs import arithmetic, scores
from diffbench.programs.sampling import VERSION as SAMPLING_VERSION
from diffbench.programs.training import VERSION as TRAINING_VERSION
from diffbench.spec import Spec
from diffbench.suites import parts
from diffbench.suites.parts import Data, Model
from diffbench.suites.suite import Item, Suite, SuiteError, items

BRACKETS = ("truth", "gaussian")
"""Rows without a model: fresh samples of the data, and of the Gaussian of the same moments."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One row of the comparison: what is drawn, how, and what it is judged by.

    Specifications are JSON; `fit` and `draw` are complete, so their hashes name
    exactly what they depend on.

    Attributes:
      dataset: Label of the dataset.
      family: Label of the family; the process for rows without a fit, empty for brackets.
      score: "truth", "gaussian", "exact", "empirical", "learned", or the label of a
        perturbed score.
      sampler: Label of the sampler, empty for brackets.
      seed: The seed.
      budget: Steps and batch of a learned row, such as "2000x512".
      process: Label of the noise process, empty for brackets.
      data: Specification of the dataset.
      train_size: Points of a finite training set, or None.
      fit: Specification of the fit, or None.
      draw: Specification of the draw; its "score" is the kind of source.
      metrics: Specifications of the metrics.
      reference: Points m of the reference.
      floor_draws: Truth draws R of each floor.
    """

    dataset: str
    family: str
    score: str
    sampler: str
    seed: int
    budget: str
    process: str
    data: Spec
    train_size: int | None
    fit: Spec | None
    draw: Spec
    metrics: tuple[Spec, ...]
    reference: int
    floor_draws: int

    @property
    def kind(self) -> str:
        """What the score is: one of `BRACKETS` or of `KINDS`."""
        return str(self.draw["score"])


class Asked(NamedTuple):
    """A source of scores that the suite asks for.

    Attributes:
      label: What tables call it.
      of: "learned", "exact" or "empirical": what it is, but for a known error.
      spec: The part of a draw's specification that says so.
    """

    label: str
    of: str
    spec: Spec


KINDS = ("learned", "exact", "empirical", "perturbed")


@arithmetic.pinned()
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
    asked.sort(key=lambda source: source.of == "learned")  # brackets first, as in tables
    data = parts.datasets_of(suite)
    families = parts.families_of(suite)
    budgets = parts.budgets_of(suite)
    cells = []
    for one in data:
        common: dict[str, Any] = {
            "dataset": one.item.label,
            "data": one.spec,
            "train_size": one.train_size,
            "metrics": one.metrics,
            "reference": suite.reference or suite.samples,
            "floor_draws": suite.floor_draws,
        }
        draw = {"stage": "draw", "dataset": one.spec, "n": suite.samples, "version": SAMPLING_VERSION}
        for kind in BRACKETS:
            for seed in seeds:
                cells.append(
                    Cell(family="", score=kind, sampler="", seed=seed, budget="", process="", fit=None,
                         draw={**draw, "score": kind, "seed": seed}, **common)
                )  # fmt: skip
        for source in asked:
            made = {**draw, **source.spec}
            found = (
                _learned(one, families, budgets, seeds, made, suite.replicas or 1)
                if source.of == "learned"
                else _fitless(one, families, seeds, made, source)
            )
            cells += [Cell(score=source.label, **cell, **common) for cell in found]
    if all(cell.kind in BRACKETS for cell in cells):
        raise SuiteError("the suite has no cells: give it families, or datasets with an exact score")
    _each_once(cells)
    return cells


def _asked(item: Item) -> Asked:
    """Returns a source of scores, checked."""
    if item.name not in KINDS:
        raise SuiteError(f"scores: must be one of {', '.join(KINDS)}; got {item.name!r}")
    if item.name != "perturbed":
        if item.label != item.name:
            raise SuiteError(f"scores: {item.name} takes no label and no parameters; got {item.label!r}")
        return Asked(item.name, item.name, {"score": item.name})
    error = dict(item.params)
    of = error.pop("of", "learned")
    if of not in KINDS[:3]:
        raise SuiteError(f"scores: perturbed: of must be one of {', '.join(KINDS[:3])}; got {of!r}")
    if item.label in (*BRACKETS, *KINDS[:3]):
        raise SuiteError(f"scores: perturbed: the label {item.label!r} is that of another row")
    unknown = [name for name in error if name not in ("error", "size")]
    if unknown:
        raise SuiteError(f"scores: perturbed takes no {unknown[0]!r}; it takes: of, error, size")
    full = {"error": "constant", "size": 1.0, **error}
    try:
        scores.check_error(**full)
    except (ValueError, TypeError) as wrong:
        raise SuiteError(f"scores: perturbed: {wrong}") from wrong
    return Asked(item.label, of, {"score": "perturbed", "of": of, "error": full})


def _fitless(
    data: Data, families: list[Model], seeds: list[int], draw: Spec, source: Asked
) -> Iterator[dict[str, Any]]:
    """Yields the cells of a score that belongs to a process: exact or empirical."""
    more = {}
    if source.of == "empirical":
        if data.train_size is None:
            raise SuiteError(
                f"scores: the empirical score needs a finite training set, and {data.item.label} has none;"
                f' give it one: {{name = "{data.item.name}", train_size = 64}}'
            )
        more = {"train_size": data.train_size}
    for model in parts.processes_of(families):
        if source.of == "exact":
            _trusted(data, model)
        for label, sampler in model.samplers:
            for seed in seeds:
                spec = {**draw, **more, "process": model.process, "sampler": sampler, "seed": seed}
                yield {"family": model.label, "sampler": label, "seed": seed, "budget": "",
                       "process": model.noise, "fit": None, "draw": spec}  # fmt: skip


def _learned(
    data: Data,
    families: list[Model],
    budgets: list[tuple[str, Mapping[str, Any]]],
    seeds: list[int],
    draw: Spec,
    replicas: int,
) -> Iterator[dict[str, Any]]:
    """Yields the cells of a score that is learned."""
    for model in families:
        for budget, training in budgets:
            for seed in seeds:
                fit = _fit(data, model, training, seed, replicas)
                for label, sampler in model.samplers:
                    spec = {**draw, "process": model.process, "fit": fit, "sampler": sampler, "seed": seed}
                    yield {"family": model.label, "sampler": label, "seed": seed, "budget": budget,
                           "process": model.noise, "fit": fit, "draw": spec}  # fmt: skip


def _fit(data: Data, model: Model, training: Mapping[str, Any], seed: int, replicas: int) -> Spec:
    if data.train_size is not None and training["batch"] > data.train_size:
        raise SuiteError(
            f"training: batch must be at most train_size = {data.train_size} of {data.item.label};"
            f" got {training['batch']}"
        )
    return {
        "stage": "fit",
        "dataset": data.spec,
        "train_size": data.train_size,
        "family": model.family,
        "network": model.network,
        "process": model.process,
        "training": {**training, "version": TRAINING_VERSION},
        "seed": seed,
        # A program of several replicas sums in another order, so their number makes another fit.
        **({"replicas": replicas} if replicas > 1 else {}),
    }


def _trusted(data: Data, model: Model) -> None:
    """Raises where a process ends below the noise at which an exact score can be trusted."""
    ends = [sampler["params"].get("t_end") or model.built.t_end for _, sampler in model.samplers]
    end = jnp.asarray(min(ends))
    reached = float(model.built.sigma(end) / model.built.alpha(end))
    if reached < data.dataset.smallest_sigma:
        raise SuiteError(
            f"scores: the exact score of {data.item.label} can be trusted down to sigma/alpha ="
            f" {data.dataset.smallest_sigma:.3g}, and process {model.noise} ends at {reached:.3g}; give the"
            " dataset a thickness or more nodes, or leave exact out of scores"
        )


def _each_once(cells: list[Cell]) -> None:
    """Raises where two cells would be one row of the tables, and so pass for two seeds."""
    seen = set()
    for cell in cells:
        place = (cell.dataset, cell.score, cell.family, cell.budget, cell.sampler, cell.seed)
        if place in seen:
            raise SuiteError(
                f"two {cell.score} cells are called {cell.dataset} / {cell.family} / {cell.sampler};"
                " give a label to the family, the process or the sampler that they differ in"
            )
        seen.add(place)
