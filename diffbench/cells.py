"""Cells: a suite multiplied out, every name and number checked before any work starts.

Each part is built once, here: a builder raises on a wrong value, a plug-in's part is
held against its contract, and pairs that cannot work are refused with the reason. What
remains is specifications, which is all that the harness sees.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp

import diffbench.datasets
import diffbench.families
import diffbench.metrics
import diffbench.samplers  # noqa: F401  (the four imports register the shipped parts)
from diffbench import models, testing
from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS, Dataset, Metric, Sampler
from diffbench.datasets.coordinates import in_data_coordinates
from diffbench.networks import NETWORKS
from diffbench.networks import VERSION as NETWORK_VERSION
from diffbench.process import PROCESSES, Process
from diffbench.process import VERSION as PROCESS_VERSION
from diffbench.registry import PluginError, Registry
from diffbench.sampling import VERSION as SAMPLING_VERSION
from diffbench.spec import Spec, canonical
from diffbench.suite import Item, Suite, SuiteError, items
from diffbench.training import VERSION as TRAINING_VERSION
from diffbench.training import settings_of


@dataclasses.dataclass(frozen=True)
class Cell:
    """One row of the comparison: what is drawn, how, and what it is judged by.

    Specifications are JSON; `fit` and `draw` are complete, so their hashes name
    exactly what they depend on.

    Attributes:
      dataset: Label of the dataset.
      family: Label of the family; the process for exact rows, empty for truth rows.
      score: "learned", "exact" or "truth".
      sampler: Label of the sampler, empty for truth rows.
      seed: The seed.
      budget: Steps and batch of a learned row, such as "2000x512".
      data: Specification of the dataset.
      fit: Specification of the fit, or None.
      draw: Specification of the draw.
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
    data: Spec
    fit: Spec | None
    draw: Spec
    metrics: tuple[Spec, ...]
    reference: int
    floor_draws: int


class Data(NamedTuple):
    """A dataset of the suite, built."""

    item: Item
    spec: Spec
    dataset: Dataset
    train_size: int | None
    metrics: tuple[Spec, ...]


class Model(NamedTuple):
    """A family of the suite, built, or a process alone for exact rows."""

    label: str
    family: Spec | None
    network: Spec | None
    noise: str
    process: Spec
    built: Process
    samplers: tuple[tuple[str, Spec], ...]


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
    for score in suite.scores:
        if score not in ("learned", "exact"):
            raise SuiteError(f"scores: must be learned or exact; got {score!r}")
    data = _datasets(suite)
    families = _families(suite)
    budgets = _budgets(suite)
    cells = []
    for one in data:
        common: dict[str, Any] = {
            "dataset": one.item.label,
            "data": one.spec,
            "metrics": one.metrics,
            "reference": suite.reference or suite.samples,
            "floor_draws": suite.floor_draws,
        }
        draw = {"stage": "draw", "dataset": one.spec, "n": suite.samples, "version": SAMPLING_VERSION}
        for seed in seeds:
            cells.append(
                Cell(family="", score="truth", sampler="", seed=seed, budget="", fit=None,
                     draw={**draw, "score": "truth", "seed": seed}, **common)
            )  # fmt: skip
        if "exact" in suite.scores:
            for model in _processes(families):
                _trusted(one, model)
                for (label, sampler), seed in _pairs(model.samplers, seeds):
                    spec = {
                        **draw,
                        "score": "exact",
                        "process": model.process,
                        "sampler": sampler,
                        "seed": seed,
                    }
                    cells.append(
                        Cell(family=model.label, score="exact", sampler=label, seed=seed, budget="",
                             fit=None, draw=spec, **common)
                    )  # fmt: skip
        if "learned" in suite.scores:
            for model in families:
                for (budget, training), seed in _pairs(budgets, seeds):
                    fit = _fit(one, model, training, seed)
                    for label, sampler in model.samplers:
                        spec = {**draw, "score": "learned", "process": model.process, "fit": fit,
                                "sampler": sampler, "seed": seed}  # fmt: skip
                        cells.append(
                            Cell(family=model.label, score="learned", sampler=label, seed=seed,
                                 budget=budget, fit=fit, draw=spec, **common)
                        )  # fmt: skip
    if not any(cell.score in suite.scores for cell in cells):
        raise SuiteError("the suite has no cells: give it families, or datasets with an exact score")
    _each_once(cells)
    return cells


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


def _pairs(first: Any, second: Any) -> list[tuple[Any, Any]]:
    return [(a, b) for a in first for b in second]


def _fit(data: Data, model: Model, training: Mapping[str, Any], seed: int) -> Spec:
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
    }


def part(registry: Registry[Any], name: str, params: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Returns a part as it stands in records, all its parameters filled in."""
    spec: dict[str, Any] = {"name": name, "params": registry.complete(name, params), "version": version}
    digest = registry.entry(name).digest
    return {**spec, "plugin": digest} if digest else spec


@functools.lru_cache(maxsize=64)
def _dataset(text: str) -> Dataset:
    import json

    spec = json.loads(text)
    dataset = DATASETS.build(spec["name"], **spec["params"])
    return dataset if spec["standardise"] else in_data_coordinates(dataset)


def make_dataset(spec: Spec) -> Dataset:
    """Builds a dataset from its specification, in the coordinates that models see."""
    return _dataset(canonical(spec))


def _build(registry: Registry[Any], key: str, item: Item, check: Callable[[Any], None]) -> Any:
    """Builds a part; a plug-in's is held against its contract first."""
    try:
        built = registry.build(item.name, **item.params)
        origin = registry.entry(item.name).origin
    except PluginError:
        raise
    except Exception as error:
        _blame(registry, item.name, error)
        raise SuiteError(f"{key}: {error}") from error
    if origin is not None:
        hold(f"{registry.kind} {item.name!r} of plug-in {origin}", check, built)
    return built


def _blame(registry: Registry[Any], name: str, error: Exception) -> None:
    """Raises a PluginError where a plug-in's builder raised what only a fault raises."""
    expected = isinstance(error, ValueError | TypeError)
    origin = registry.entry(name).origin if name in registry.loaded() else None
    if origin is not None and not expected:
        who = f"{registry.kind} {name!r} of plug-in {origin}"
        raise PluginError(f"{who} cannot be built: {type(error).__name__}: {error}") from error
    if not expected:
        raise error


def hold(who: str, check: Callable[..., None], *args: Any) -> None:
    """Holds a plug-in's part against its contract.

    Raises:
      PluginError: If it breaks it, or raises on the way; the message names it.
    """
    try:
        check(*args)
    except Exception as error:
        raise PluginError(f"{who} breaks its contract: {type(error).__name__}: {error}") from error


def _datasets(suite: Suite) -> list[Data]:
    found = []
    for item in items(suite.datasets, "datasets", reserved=("train_size", "metrics")):
        dataset = _build(DATASETS, "datasets", item, testing.check_dataset)
        spec = {**part(DATASETS, item.name, item.params, dataset.version), "standardise": suite.standardise}
        size = item.extra.get("train_size")
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise SuiteError(
                f"datasets: {item.name}: train_size must be a whole number of at least 1; got {size!r}"
            )
        wanted = item.extra.get("metrics", suite.metrics)
        if not isinstance(wanted, list) or not wanted:
            raise SuiteError(f"datasets: {item.name}: metrics must be a list of names; got {wanted!r}")
        found.append(Data(item, spec, make_dataset(spec), size, _metrics(wanted, dataset, size)))
    return found


def lacks(metric: Metric, dataset: Dataset, train_size: int | None) -> str | None:
    """Returns what a metric needs and a dataset does not offer, or None."""
    offers = {
        "samples": True,
        "score": True,
        "modes": dataset.modes is not None,
        "manifold": dataset.distance is not None,
        "intrinsic": dataset.intrinsic is not None,
        "density": dataset.density,
        "train": train_size is not None,
    }
    for need in metric.needs:
        if need not in offers:
            return f"it needs {need!r}, which is none of {', '.join(offers)}"
        if not offers[need]:
            hint = {
                "train": "a finite training set (train_size)",
                "manifold": "a manifold",
                "intrinsic": "coordinates on a manifold",
                "density": "a density",
            }.get(need, need)
            remedy = {"density": "; give it a thickness above 0"}.get(need, "")
            return f"it needs {hint}, and dataset {dataset.name!r} has none{remedy}"
    return None


def _metrics(wanted: list[Any], dataset: Dataset, train_size: int | None) -> tuple[Spec, ...]:
    found = []
    for item in items(wanted, "metrics"):
        named = {entry["name"] for entry in wanted if isinstance(entry, dict) and "name" in entry}
        every = [Item(name, name, {}, {}) for name in METRICS.names() if name not in named]
        chosen = every if item.name == "all" else [item]
        for one in chosen:
            metric = _build(METRICS, "metrics", one, testing.check_metric)
            reason = lacks(metric, dataset, train_size)
            if reason is None:
                found.append(part(METRICS, one.name, one.params, metric.version))
            elif item.name != "all":
                raise SuiteError(f"metrics: {one.name}: {reason}")
    names = [spec["name"] for spec in found]
    for name in names:
        if names.count(name) > 1:
            raise SuiteError(
                f"metrics: {name!r} may be there once for a dataset; it is there {names.count(name)} times"
            )
    return tuple(found)


def _budgets(suite: Suite) -> list[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    for word in ("name", "label"):
        if word in suite.training:
            raise SuiteError(f"training takes no {word!r}; a budget is called by its steps and batch")
    for item in items([{"name": "training", **suite.training}], "training"):
        try:
            settings = settings_of(item.params)
        except (ValueError, TypeError) as error:
            raise SuiteError(f"training: {error}") from error
        found.append((f"{settings.steps}x{settings.batch}", dataclasses.asdict(settings)))
    names = [name for name, _ in found]
    if len({*names}) < len(names):
        raise SuiteError(f"training: budgets must differ in steps or batch; got {', '.join(names)}")
    return found


def _families(suite: Suite) -> list[Model]:
    found = []
    for item in items(suite.families, "families", reserved=("process", "samplers", "network")):
        try:
            family: Any = FAMILIES.entry(item.name).build
            params = FAMILIES.complete(item.name, item.params)
            noise, process = _process(item.extra.get("process", family.default_process))
            built = models.make_process(process)
            own = item.extra.get("network", {})
            if not isinstance(own, Mapping):
                raise ValueError(f"network must be a table; got {own!r}")
            network = {**suite.network, **own}
            name = network.pop("name", "mlp")
            shape = part(NETWORKS, name, network, NETWORK_VERSION)
            reason = family.unfit(built)
            if reason is not None:
                raise ValueError(f"it cannot train on process {built.name!r}: {reason}")
            models.check({"name": item.name, "params": params}, shape, built)
        except PluginError:
            raise
        except Exception as error:
            _blame(FAMILIES, item.name, error)
            raise SuiteError(f"families: {item.label}: {error}") from error
        spec = part(FAMILIES, item.name, item.params, family.version)
        origin = FAMILIES.entry(item.name).origin
        if origin is not None:
            hold(f"family {item.name!r} of plug-in {origin}", testing.check_family, spec, process, shape)
        samplers = item.extra.get("samplers", suite.samplers)
        found.append(
            Model(item.label, spec, shape, noise, process, built, _samplers(samplers, family, built))
        )
    return found


def _process(entry: Any) -> tuple[str, Spec]:
    found = items([entry], "process")
    if len(found) != 1:
        raise SuiteError("process: a sweep must be of the families, as sweep = {process = [...]}")
    (item,) = found
    return item.label, part(PROCESSES, item.name, item.params, PROCESS_VERSION)


def _samplers(wanted: Any, family: Any, process: Process) -> tuple[tuple[str, Spec], ...]:
    """Returns labels and specifications of the samplers of one family, each once."""
    if not isinstance(wanted, list) or not wanted:
        raise SuiteError(f"samplers: must be a list of names; got {wanted!r}")
    found: dict[str, tuple[str, Spec]] = {}
    for item in items(wanted, "samplers"):
        if item.name == "own":
            chosen = items([dict(family.sampler)], "samplers")
        elif item.name == "all":
            chosen = [Item(name, name, {}, {}) for name in SAMPLERS.names()]
        else:
            chosen = [item]
        for one in chosen:
            sampler: Sampler = _build(SAMPLERS, "samplers", one, testing.check_sampler)
            reason = sampler.unfit(process)
            if reason is None:
                spec = part(SAMPLERS, one.name, one.params, sampler.version)
                found.setdefault(canonical(spec), (one.label, spec))
            elif item.name != "all":
                raise SuiteError(f"samplers: {one.label} does not fit process {process.name!r}: {reason}")
    return tuple(found.values())


def _processes(families: list[Model]) -> list[Model]:
    """Returns each process once, with all samplers that some family runs on it."""
    found: dict[str, Model] = {}
    for model in families:
        key = canonical(model.process)
        known = found.get(key)
        samplers = {
            canonical(s): (name, s) for name, s in (*(known.samplers if known else ()), *model.samplers)
        }
        found[key] = Model(
            model.noise, None, None, model.noise, model.process, model.built, tuple(samplers.values())
        )
    return list(found.values())
