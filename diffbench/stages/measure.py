"""The stages that judge: `reference`, `floor` and `measure`."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np

from diffbench.contracts import METRICS, Dataset, Metric, Outcome, key_for
from diffbench.metrics.floor import against_floor, floor_of
from diffbench.programs import model as models
from diffbench.programs import scores
from diffbench.records.store import Store
from diffbench.spec import Spec, canonical, label_of
from diffbench.stages.draw import source_of
from diffbench.stages.fit import pool_of
from diffbench.stages.inputs import Inputs, Made
from diffbench.suites.parts import make_dataset


def reference(spec: Spec, inputs: Inputs) -> Made:
    """Draws the truth's reference sample of a dataset, in data coordinates."""
    dataset = make_dataset(spec["dataset"])
    key = key_for(0, "reference", label_of(spec["dataset"]), spec["m"])
    return {}, {"samples": np.asarray(dataset.sample(key, spec["m"]))}


def _reference_points(spec: Spec, inputs: Inputs, dataset: Dataset) -> np.ndarray:
    inputs.need(spec)
    return np.asarray(dataset.standardise(inputs.arrays(spec)["samples"]))


def make_metric(spec: Spec) -> Metric:
    """Builds a metric from its specification."""
    return METRICS.build(spec["name"], **spec["params"])


@functools.lru_cache(maxsize=8)
def _prepared(metric: str, reference: str, root: str) -> Any:
    """Returns what a metric computes once from a reference; kept for the next draw."""
    spec = json.loads(reference)
    prepare = make_metric(json.loads(metric)).prepare
    if prepare is None:
        return None
    dataset = make_dataset(spec["dataset"])
    return prepare(_reference_points(spec, Inputs(Store(root)), dataset), dataset)


def floor(spec: Spec, inputs: Inputs) -> Made:
    """Measures fresh truth, many times: the noise floor of a metric."""
    dataset = make_dataset(spec["reference"]["dataset"])
    found = floor_of(
        make_metric(spec["metric"]),
        dataset,
        _reference_points(spec["reference"], inputs, dataset),
        spec["n"],
        spec["draws"],
        label=label_of(spec["reference"]["dataset"]),
    )
    return {"values": {k: v.tolist() for k, v in found.values.items()}}, dict(found.arrays)


def measure(spec: Spec, inputs: Inputs) -> Made:
    """Judges a draw, or a score, and says how far it is from the floor."""
    of_truth = spec["reference"]
    dataset = make_dataset(of_truth["dataset"])
    metric = make_metric(spec["metric"])
    drawn = spec.get("draw")
    of = drawn or spec["source"]
    # In the order in which they were made: the first failure is the one to tell.
    inputs.need(of.get("fit"), drawn, of_truth, spec.get("floor"))
    samples = None
    if drawn is not None:
        samples = dataset.standardise(inputs.arrays(drawn)["samples"])
    score = process = None
    if "process" in of:
        process = models.make_process(of["process"])
        score = scores.evaluator(source_of(of, inputs, dataset), process)
    outcome = Outcome(
        samples=samples,
        reference=_reference_points(of_truth, inputs, dataset),
        train=pool_of(spec["train"]) if "train" in spec else None,
        score=score,
        process=process,
        dataset=dataset,
        prepared=_prepared(canonical(spec["metric"]), canonical(of_truth), str(inputs.store.root)),
    )
    key = key_for(of["seed"], "measure", spec["metric"]["name"], label_of(of_truth["dataset"]))
    values, arrays = metric.measure(key, outcome)
    readings: dict[str, Any] = {}
    if spec.get("floor") is not None:
        if metric.finish is not None:
            values = metric.finish(values, arrays, inputs.arrays(spec["floor"]))
        draws = inputs.record(spec["floor"])["values"]
        for column, value in values.items() if metric.floor == "two_sample" else ():
            better = metric.columns[column].better
            readings[column] = against_floor(value, np.asarray(draws[column]), better)._asdict()
    return {"values": dict(values), "floor": readings}, dict(arrays)
