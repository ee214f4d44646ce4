"""What a worker does: one task from its JSON to its record in the store.

Every input comes from the specification and the store, every key from names, so a task
gives the same bits wherever and whenever it runs.
"""

from __future__ import annotations

import functools
import json
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffbench import models, plugins, sampling, scores, training
from diffbench.contracts import METRICS, Array, Dataset, Metric, Outcome, key_for
from diffbench.failures import describe
from diffbench.metrics.floor import against_floor, floor_of
from diffbench.parts import make_dataset
from diffbench.provenance import provenance
from diffbench.spec import Spec, canonical, identify
from diffbench.store import Store, is_final

POOL_POINTS = 2**20
POOL_NUMBERS = 2**24

Made = tuple[dict[str, Any], dict[str, np.ndarray]]


def execute(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Runs one task and writes its record; module-level, so that a worker can import it.

    Args:
      payload: {"name", "spec", "root", "plugins"}, all JSON.

    Returns:
      The record's status, reason and seconds.
    """
    spec, store = payload["spec"], Store(payload["root"])
    stage = spec["stage"]
    found = store.read(stage, payload["name"], whole=True)
    if found is not None and is_final(found):
        # Another run on the folder was here since the tasks were planned.
        return {**{k: found[k] for k in ("status", "reason", "seconds")}, "found": True}
    for path in payload["plugins"]:
        plugins.load(path)
    return {k: v for k, v in _make(spec, store).items() if k in ("status", "reason", "seconds")}


def _make(spec: Spec, store: Store) -> dict[str, Any]:
    """Does a task and returns the record that it wrote."""
    stage, started = spec["stage"], datetime.now(UTC)
    began = time.perf_counter()
    programs = _compiled()
    try:
        record, arrays = _STAGES[stage](spec, store)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        failure = describe(error)
        failure["reason"] += f" ({where.name}, line {where.lineno})"
        record, arrays = dict(failure), {}
        if isinstance(error, Blocked):
            record["blocked"] = True
    record = {
        "status": "ok",
        "reason": "",
        **record,
        "stage": stage,
        "spec": spec,
        "seconds": time.perf_counter() - began,
        "compiled": _compiled() > programs,
        "started": started.isoformat(timespec="milliseconds"),
        "ended": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "provenance": provenance(),
    }
    store.write(stage, identify(spec), record, arrays)
    return record


def measured_again(spec: Spec, store: Store) -> dict[str, Any]:
    """Returns the record of a measurement of what is stored, without writing it.

    Args:
      spec: Its specification.
      store: The results folder, frozen.

    Raises:
      Exception: Whatever the measurement raises, such as where what it needs is not there.
    """
    record, _ = _measure(spec, store)
    return {"status": "ok", "reason": "", **record}


def _compiled() -> int:
    """Returns how many programs of the main loops this process has built."""
    return training._program.cache_info().misses + sampling._program.cache_info().misses


class Blocked(Exception):
    """What a task builds on has failed."""


def _needed(store: Store, spec: Spec) -> Mapping[str, Any]:
    """Returns the record that a task builds on, whole; one that was broken is made again first."""
    record = store.read(spec["stage"], identify(spec), whole=True)
    if record is None and store.was_broken(spec["stage"], identify(spec)):
        record = _make(spec, store)
    if record is None:
        raise Blocked(f"the {spec['stage']} it needs is missing")
    return record


def _inherit(record: Mapping[str, Any], stage: str) -> Made | None:
    """Returns the failure of what a task builds on as its own, or None."""
    if record["status"] == "ok":
        return None
    reason = record["reason"]
    inherited = reason if reason.startswith(("fit: ", "draw: ")) else f"{stage}: {reason}"
    return {"status": record["status"], "reason": inherited}, {}


def data_label(spec: Spec) -> str:
    """Returns the label that keys of a dataset's draws come from: its name and parameters."""
    return canonical({"name": spec["name"], "params": spec["params"]})


def pool_of(spec: Spec) -> Array:
    """Returns training points, standardised, `[N, D]`.

    Args:
      spec: A specification with "dataset", "train_size" and "seed", such as a fit's.
    """
    dataset = make_dataset(spec["dataset"])
    size = spec["train_size"] or min(POOL_POINTS, POOL_NUMBERS // dataset.dim)
    key = key_for(spec["seed"], "train", data_label(spec["dataset"]))
    return dataset.standardise(dataset.sample(key, size))


def _fit(spec: Spec, store: Store) -> Made:
    settings = training.settings_of({k: v for k, v in spec["training"].items() if k != "version"})
    fit = training.fit(
        _part(spec["family"]),
        _part(spec["network"]),
        settings,
        models.make_process(spec["process"]),
        pool_of(spec),
        key_for(spec["seed"], "init"),
        key_for(spec["seed"], "steps"),
    )
    arrays = {**flatten("raw", fit.raw), **flatten("ema", fit.ema), "loss": fit.loss}
    tail = fit.loss[-max(1, len(fit.loss) // 10) :]
    if fit.failed_at is not None:
        reason = f"the loss is not finite at step {fit.failed_at}"
        return {"status": "diverged", "reason": reason, "failed_at": fit.failed_at}, arrays
    return {
        "loss": float(np.mean(tail)),
        "parameters": sum(a.size for a in flatten("ema", fit.ema).values()),
    }, arrays


def _part(spec: Spec) -> dict[str, Any]:
    """Returns the name and parameters of a part: what compiled programs are cached by."""
    return {"name": spec["name"], "params": spec["params"]}


def flatten(prefix: str, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns Haiku parameters as named arrays, "prefix/module/name"."""
    return {
        f"{prefix}/{module}/{name}": np.asarray(value)
        for module, values in params.items()
        for name, value in values.items()
    }


def unflatten(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Returns the Haiku parameters under a prefix; the inverse of `flatten`."""
    params: dict[str, dict[str, np.ndarray]] = {}
    for path, value in arrays.items():
        head, _, rest = path.partition("/")
        if head == prefix:
            module, _, name = rest.rpartition("/")
            params.setdefault(module, {})[name] = value
    return params


def source_of(spec: Spec, store: Store, dataset: Dataset) -> scores.Source:
    """Returns the source of scores that a draw's specification names."""
    return _SOURCES[spec["score"]](spec, store, dataset)


def _exact(spec: Spec, store: Store, dataset: Dataset) -> scores.Source:
    return scores.exact(dataset.truth)


def _empirical(spec: Spec, store: Store, dataset: Dataset) -> scores.Source:
    return scores.empirical(pool_of(spec))


def _learned(spec: Spec, store: Store, dataset: Dataset) -> scores.Source:
    fit = spec["fit"]
    params = unflatten("ema", store.arrays("fit", identify(fit)))
    return scores.learned(_part(fit["family"]), _part(fit["network"]), params)


def _perturbed(spec: Spec, store: Store, dataset: Dataset) -> scores.Source:
    inner = _SOURCES[spec["of"]](spec, store, dataset)
    return scores.perturbed(inner, dim=dataset.dim, **spec["error"])


_SOURCES = {"exact": _exact, "empirical": _empirical, "learned": _learned, "perturbed": _perturbed}


def _fresh(spec: Spec, dataset: Dataset, label: str) -> Array:
    """Returns samples of the data itself, data coordinates, `[n, D]`."""
    return dataset.sample(key_for(spec["seed"], "truth", label), spec["n"])


def _gaussian(spec: Spec, dataset: Dataset, label: str) -> Array:
    """Returns samples of the Gaussian with the data's mean and covariance, `[n, D]`."""
    key = key_for(spec["seed"], "gaussian", label)
    mean, covariance = dataset.moments()
    draw = jax.random.multivariate_normal(
        key, jnp.asarray(mean), jnp.asarray(covariance), (spec["n"],), method="svd"
    )
    return dataset.restore(draw)


_BRACKETS = {"truth": _fresh, "gaussian": _gaussian}


def _draw(spec: Spec, store: Store) -> Made:
    dataset = make_dataset(spec["dataset"])
    label = data_label(spec["dataset"])
    if spec["score"] in _BRACKETS:
        return {"nfe": 0}, {"samples": np.asarray(_BRACKETS[spec["score"]](spec, dataset, label))}
    if "fit" in spec and (failed := _inherit(_needed(store, spec["fit"]), "fit")):
        return failed
    drawn = sampling.draw(
        _part(spec["sampler"]),
        source_of(spec, store, dataset),
        models.make_process(spec["process"]),
        key_for(spec["seed"], "draw", label),
        spec["n"],
        dataset.dim,
    )
    arrays = {"samples": np.asarray(dataset.restore(drawn.samples), np.float32)}
    bad = int((~np.isfinite(drawn.samples)).any(axis=1).sum())
    if bad:
        reason = f"{bad} of {spec['n']} samples are not finite"
        return {"status": "diverged", "reason": reason, "nfe": drawn.nfe}, arrays
    return {"nfe": drawn.nfe}, arrays


def _reference(spec: Spec, store: Store) -> Made:
    dataset = make_dataset(spec["dataset"])
    key = key_for(0, "reference", data_label(spec["dataset"]), spec["m"])
    return {}, {"samples": np.asarray(dataset.sample(key, spec["m"]))}


def _reference_points(spec: Spec, store: Store, dataset: Dataset) -> np.ndarray:
    record = _needed(store, spec)
    if record["status"] != "ok":
        raise Blocked(f"the reference it needs failed: {record['reason']}")
    return np.asarray(dataset.standardise(store.arrays("reference", identify(spec))["samples"]))


def make_metric(spec: Spec) -> Metric:
    """Builds a metric from its specification."""
    return METRICS.build(spec["name"], **spec["params"])


@functools.lru_cache(maxsize=8)
def _prepared(metric: str, reference: str, root: str) -> Any:
    """Returns what a metric computes once from a reference; kept for the next draw."""
    spec = json.loads(reference)
    dataset = make_dataset(spec["dataset"])
    prepare = make_metric(json.loads(metric)).prepare
    return None if prepare is None else prepare(_reference_points(spec, Store(root), dataset), dataset)


def _floor(spec: Spec, store: Store) -> Made:
    dataset = make_dataset(spec["reference"]["dataset"])
    floor = floor_of(
        make_metric(spec["metric"]),
        dataset,
        _reference_points(spec["reference"], store, dataset),
        spec["n"],
        spec["draws"],
        label=data_label(spec["reference"]["dataset"]),
    )
    return {"values": {k: v.tolist() for k, v in floor.values.items()}}, dict(floor.arrays)


def _measure(spec: Spec, store: Store) -> Made:
    reference = spec["reference"]
    dataset = make_dataset(reference["dataset"])
    metric = make_metric(spec["metric"])
    drawn = spec.get("draw")
    of = drawn or spec["source"]
    for stage, base in (("fit", of.get("fit")), ("draw", drawn)):
        if base is not None and (failed := _inherit(_needed(store, base), stage)):
            return failed
    samples = None
    if drawn is not None:
        samples = dataset.standardise(store.arrays("draw", identify(drawn))["samples"])
    score = process = None
    if "process" in of:
        process = models.make_process(of["process"])
        score = scores.evaluator(source_of(of, store, dataset), process)
    outcome = Outcome(
        samples=samples,
        reference=_reference_points(reference, store, dataset),
        train=pool_of(spec["train"]) if "train" in spec else None,
        score=score,
        process=process,
        dataset=dataset,
        prepared=_prepared(canonical(spec["metric"]), canonical(reference), str(store.root)),
    )
    key = key_for(of["seed"], "measure", spec["metric"]["name"], data_label(reference["dataset"]))
    values, arrays = metric.measure(key, outcome)
    readings: dict[str, Any] = {}
    if spec.get("floor") is not None:
        if failed := _inherit(_needed(store, spec["floor"]), "floor"):
            return failed
        name = identify(spec["floor"])
        if metric.finish is not None:
            values = metric.finish(values, arrays, store.arrays("floor", name))
        draws = (store.read("floor", name) or {})["values"]
        for column, value in values.items() if metric.floor == "two_sample" else ():
            better = metric.columns[column].better
            readings[column] = against_floor(value, np.asarray(draws[column]), better)._asdict()
    return {"values": dict(values), "floor": readings}, dict(arrays)


_STAGES = {"fit": _fit, "draw": _draw, "reference": _reference, "floor": _floor, "measure": _measure}
