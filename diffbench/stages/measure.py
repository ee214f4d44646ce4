"""The stages that judge: `reference`, `floor` and `measure`."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping

import numpy as np

from diffbench.contracts import METRICS, Dataset, Metric, Outcome, Points, key_for
from diffbench.metrics.far import too_far
from diffbench.metrics.floor import Floor, FloorReading, floor_of, read_against
from diffbench.programs import model as models
from diffbench.programs import scores
from diffbench.records.outcome import DIVERGED, ERROR
from diffbench.records.specs import DrawSpec, FloorSpec, MeasureSpec, PoolSpec, ReferenceSpec
from diffbench.records.store import Store
from diffbench.registry import when_replaced
from diffbench.spec import Json, JsonObject, Spec, canonical, label_of
from diffbench.stages.base import Stage
from diffbench.stages.draw import score_of
from diffbench.stages.fit import pool_of
from diffbench.stages.flow import followed
from diffbench.stages.inputs import Inputs, Made
from diffbench.suites.parts import make_dataset

APPROXIMATE = "p is approximate: its floor is of random parts of the held-out points"
"""What is said of a reading where there is no fresh truth."""


def reference(spec: ReferenceSpec, inputs: Inputs) -> Made:
    """Draws the truth's reference sample of a dataset, in data coordinates."""
    dataset = make_dataset(spec["dataset"])
    if dataset.finite is not None:
        return {}, {"samples": dataset.finite.reference(spec["m"])}
    key = key_for(0, "reference", label_of(spec["dataset"]), spec["m"])
    return {}, {"samples": np.asarray(dataset.sample(key, spec["m"]))}


def _reference_points(spec: ReferenceSpec, inputs: Inputs, dataset: Dataset) -> np.ndarray:
    inputs.need(spec)
    return np.asarray(dataset.standardise(inputs.arrays(spec)["samples"]))


@functools.lru_cache(maxsize=8)
def _prepared(metric: str, reference: str, root: str) -> object:
    """Returns what a metric computes once from a reference; kept for the next draw."""
    spec = json.loads(reference)
    prepare = METRICS.from_spec(json.loads(metric)).prepare
    if prepare is None:
        return None
    dataset = make_dataset(spec["dataset"])
    return prepare(_reference_points(spec, Inputs(Store(root)), dataset), dataset)


when_replaced(_prepared.cache_clear)


def floor(spec: FloorSpec, inputs: Inputs) -> Made:
    """Measures fresh truth, many times: the noise floor of a metric."""
    dataset = make_dataset(spec["reference"]["dataset"])
    metric = METRICS.from_spec(spec["metric"])
    found = floor_of(
        metric,
        dataset,
        _reference_points(spec["reference"], inputs, dataset),
        spec["n"],
        spec["draws"],
        label=label_of(spec["reference"]["dataset"]),
    )
    content: JsonObject = {"values": {k: v.tolist() for k, v in found.values.items()}}
    return {**content, **_unsound(metric, found.values, of="draws of truth")}, dict(found.arrays)


def measure(spec: MeasureSpec, inputs: Inputs) -> Made:
    """Judges a draw, or a score, and says how far it is from the floor."""
    of_truth = spec["reference"]
    dataset = make_dataset(of_truth["dataset"])
    metric = METRICS.from_spec(spec["metric"])
    drawn = spec.get("draw")
    of = drawn or spec["source"]
    # In the order in which they were made: the first failure is the one to tell.
    inputs.need(of.get("fit"), drawn, of_truth, spec.get("floor"), spec.get("flow"), spec.get("own"))
    train = _train_points(spec["train"], inputs, dataset) if "train" in spec else None
    samples = None
    if drawn is not None:
        samples = dataset.standardise(inputs.arrays(drawn)["samples"])
    score = process = flow = None
    if "process" in of:
        process, source = models.make_process(of["process"]), score_of(of, inputs, dataset)
        score = scores.evaluator(source, process)
        flow = followed(spec, inputs, source, process)
    outcome = Outcome(
        samples=samples,
        reference=_reference_points(of_truth, inputs, dataset),
        train=train,
        score=score,
        process=process,
        dataset=dataset,
        prepared=_prepared(canonical(spec["metric"]), canonical(of_truth), str(inputs.store.root)),
        flow=flow,
    )
    key = key_for(of["seed"], "measure", spec["metric"]["name"], label_of(of_truth["dataset"]))
    values, arrays = metric.measure(key, outcome)
    readings: Mapping[str, FloorReading] = {}
    if spec.get("floor") is not None:
        draws = inputs.record(spec["floor"])["values"]
        null = Floor({column: np.asarray(row) for column, row in draws.items()}, inputs.arrays(spec["floor"]))
        values, readings = read_against(metric, values, arrays, null)
    content: JsonObject = {
        "values": dict(values),
        "floor": {column: r._asdict() for column, r in readings.items()},
    }
    against = metric.against(dataset, len(outcome.reference))
    if against:
        content["against"] = against
    if metric.floor == "two_sided":
        content["n_samples"] = spec["floor"]["n"]
    if readings and dataset.finite is not None:
        content["reason"] = APPROXIMATE
    return {**content, **_unsound(metric, values, arrays, samples)}, dict(arrays)


def _train_points(spec: PoolSpec | DrawSpec, inputs: Inputs, dataset: Dataset) -> Points:
    """Returns training points, standardised: those of a fit, or those that came in a file."""
    if "stage" not in spec:
        return pool_of(spec)
    drawn: Spec = spec
    inputs.need(drawn)
    return dataset.standardise(inputs.arrays(drawn)["samples"])


def _unsound(
    metric: Metric,
    values: Json,
    arrays: Json | None = None,
    samples: Points | None = None,
    *,
    of: str = "points",
) -> dict[str, str]:
    """Returns the status and reason of values that are none, nothing where all are finite.

    Args:
      metric: The metric.
      values: By column, one each or a row for many draws.
      arrays: What else was measured: of which points there is nothing tells where to look.
      samples: What was judged, standardised, or None.
      of: What a row of numbers is of, for the reason.
    """
    bad = [c for c in values if not metric.columns[c].optional and not np.isfinite(values[c]).all()]
    if not bad:
        return {}
    what = f"{', '.join(bad)} {'is' if len(bad) == 1 else 'are'} not finite"
    if samples is not None and too_far(np.asarray(samples, np.float64)):
        return {"status": DIVERGED, "reason": f"{what}: samples lie too far out for float64"}
    rows = {name: np.asarray(row) for name, row in (values if arrays is None else arrays).items()}
    spoilt = (
        f"{name} at {int((~np.isfinite(row)).sum())} of {row.size} {of}"
        for name, row in rows.items()
        if row.ndim == 1 and row.dtype.kind == "f" and not np.isfinite(row).all()
    )
    where = ", ".join(spoilt)
    return {"status": ERROR, "reason": f"{what}: {where}" if where else what}


REFERENCE = Stage("reference", "truth", reference)
FLOOR = Stage("floor", "noise floors", floor)
MEASURE = Stage("measure", "measuring", measure)
