"""The families that a suite names, built and checked, each with its process, network and samplers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple, cast

from diffbench.contracts import FAMILIES, SAMPLERS, Sampler
from diffbench.families.base import Family
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES, Process
from diffbench.programs import model as models
from diffbench.programs.training import settings_of
from diffbench.registry import PluginError
from diffbench.spec import Json, Spec, canonical
from diffbench.suites.building import blame, build, finer, hold
from diffbench.suites.items import Entry
from diffbench.suites.suite import Item, Suite, SuiteError, items


class Model(NamedTuple):
    """A family of the suite, built, or a process alone for exact rows."""

    label: str
    family: Spec | None
    network: Spec | None
    noise: str
    process: Spec
    built: Process
    samplers: tuple[tuple[str, Spec], ...]


def budgets_of(suite: Suite) -> list[tuple[str, Json]]:
    """Returns the training budgets of a suite: labels, and the settings of the loop.

    Budgets of as many steps and as large a batch have one label; tables complete it by what differs.
    """
    found: list[tuple[str, Json]] = []
    for word in ("name", "label"):
        if word in suite.training:
            raise SuiteError(f"training takes no {word!r}; a budget is called by its steps and batch")
    for item in items([{"name": "training", **suite.training}], "training"):
        try:
            settings = settings_of(item.params)
        except (ValueError, TypeError) as error:
            raise SuiteError(f"training: {error}") from error
        found.append((f"{settings.steps}x{settings.batch}", dataclasses.asdict(settings)))
    return found


def families_of(suite: Suite) -> list[Model]:
    """Returns the families of a suite, held against their processes and samplers."""
    found = []
    for item in items(suite.families, "families", reserved=("process", "samplers", "network")):
        named = [(FAMILIES, item.name)]
        try:
            family = cast(type[Family], FAMILIES.entry(item.name).build)
            params = FAMILIES.complete(item.name, item.params)
            _is_family(family)
            noise, process, built = _process(item.extra.get("process", family.default_process))
            own = item.extra.get("network", {})
            if not isinstance(own, Mapping):
                raise ValueError(f"network must be a table; got {own!r}")
            network = {**suite.network, **own}
            name = network.pop("name", "mlp")
            takes = NETWORKS.entry(name).defaults
            network = {**{k: v for k, v in family.default_network.items() if k in takes}, **network}
            named.append((NETWORKS, name))
            shape = NETWORKS.spec_of(name, network)
            reason = family.unfit(built)
            if reason is not None:
                raise ValueError(f"it cannot train on process {built.name!r}: {reason}")
            models.check({"name": item.name, "params": params}, shape, built)
        except PluginError:
            raise
        except Exception as error:
            blame(error, *named)
            raise SuiteError(f"families: {item.label}: {error}") from error
        spec = FAMILIES.spec_of(item.name, item.params)
        hold(NETWORKS, name, (shape["params"],), shape)
        hold(FAMILIES, item.name, (spec["params"], process, shape), spec, process, shape)
        samplers = item.extra.get("samplers", suite.samplers)
        found.append(
            Model(item.label, spec, shape, noise, process, built, _samplers(samplers, family, built))
        )
    return found


def _is_family(family: type[Family]) -> None:
    """Raises unless what is registered as a family has what every family has."""
    called = getattr(family, "__name__", type(family).__name__)
    for word in ("default_process", "sampler", "default_network", "sample_times"):
        if not hasattr(family, word):
            raise ValueError(f"a family must be a class that begins from Family; {called} has no {word}")
    if not isinstance(family.sampler, Mapping) or "name" not in family.sampler:
        raise ValueError(
            f'sampler of a family must be a table such as {{"name": "ancestral"}}; got {family.sampler!r}'
        )


def _process(entry: Entry) -> tuple[str, Spec, Process]:
    """Returns the label, the specification and the process that an entry stands for."""
    found = items([entry], "process")
    if len(found) != 1:
        raise SuiteError("process: a sweep must be of the families, as sweep = {process = [...]}")
    (item,) = found
    try:
        built = PROCESSES.build(item.name, **item.params)
    except Exception as error:
        blame(error, (PROCESSES, item.name))
        raise
    hold(PROCESSES, item.name, (item.params,), built)
    return item.label, PROCESSES.spec_of(item.name, item.params, built), built


def _samplers(wanted: object, family: type[Family], process: Process) -> tuple[tuple[str, Spec], ...]:
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
            sampler: Sampler = build(SAMPLERS, "samplers", one, finer=finer(one))
            reason = sampler.unfit(process)
            if reason is None:
                spec = SAMPLERS.spec_of(one.name, one.params, sampler)
                found.setdefault(canonical(spec), (one.label, spec))
            elif item.name != "all":
                raise SuiteError(f"samplers: {one.label} does not fit process {process.name!r}: {reason}")
    return tuple(found.values())


def processes_of(families: list[Model]) -> list[Model]:
    """Returns each process once, by its first label, with all samplers that some family runs on it."""
    found: dict[str, Model] = {}
    for model in families:
        key = canonical(model.process)
        known = found.get(key)
        noise = known.noise if known else model.noise
        samplers: dict[str, tuple[str, Spec]] = {}
        for label, sampler in (*(known.samplers if known else ()), *model.samplers):
            samplers.setdefault(canonical(sampler), (label, sampler))
        found[key] = Model(noise, None, None, noise, model.process, model.built, tuple(samplers.values()))
    return list(found.values())
