"""The datasets that a suite names, built and checked, each with the metrics that fit it.

Each part is built once, here: a builder raises on a wrong value, a plug-in's part is
held against its contract, and pairs that cannot work are refused with the reason.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from diffbench.contracts import (
    DATASETS,
    KNOWN,
    METRICS,
    NEEDS,
    Dataset,
    Finite,
    Metric,
    lacking,
)
from diffbench.datasets.coordinates import in_data_coordinates
from diffbench.programs import arithmetic
from diffbench.registry import when_replaced
from diffbench.spec import Spec, canonical
from diffbench.suites.building import build
from diffbench.suites.items import Entry
from diffbench.suites.suite import Item, Suite, SuiteError, items


class Data(NamedTuple):
    """A dataset of the suite, built; `named` are the metrics that it asks for by name, not by "all"."""

    item: Item
    spec: Spec
    dataset: Dataset
    train_size: int | None
    metrics: tuple[Spec, ...]
    named: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=64)
@arithmetic.pinned()  # for it is kept, and may be asked for from anywhere
def _dataset(text: str) -> Dataset:
    spec = json.loads(text)
    dataset = DATASETS.from_spec(spec)
    return dataset if spec["standardise"] else in_data_coordinates(dataset)


when_replaced(_dataset.cache_clear)


def make_dataset(spec: Spec) -> Dataset:
    """Builds a dataset from its specification, in the coordinates that models see."""
    return _dataset(canonical(spec))


def datasets_of(suite: Suite) -> list[Data]:
    """Returns the datasets of a suite, built, each with the metrics that fit it."""
    found = []
    for item in items(suite.datasets, "datasets", reserved=("train_size", "points", "metrics")):
        dataset = build(DATASETS, "datasets", item)
        spec = {**DATASETS.spec_of(item.name, item.params, dataset), "standardise": suite.standardise}
        size = item.extra.get("train_size")
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise SuiteError(
                f"datasets: {item.name}: train_size must be a whole number of at least 1; got {size!r}"
            )
        if "points" in item.extra:
            _placed(item, dataset)
            spec["points"] = EVEN
        if dataset.finite is not None:
            size = _within(item, dataset.finite, suite, size)
        wanted = item.extra.get("metrics", suite.metrics)
        if not isinstance(wanted, list) or not wanted:
            raise SuiteError(f"datasets: {item.name}: metrics must be a list of names; got {wanted!r}")
        points = {"samples": suite.samples, "reference": suite.reference or suite.samples}
        metrics = _metrics(wanted, dataset, points if size is None else {**points, "train": size})
        named = frozenset(one.name for one in items(wanted, "metrics") if one.name != "all")
        found.append(Data(item, spec, make_dataset(spec), size, metrics, named))
    _columns_apart([metric for data in found for metric in data.metrics])
    return found


EVEN = "even"
"""How the points of a finite training set may stand, beside being drawn."""


def _placed(item: Item, dataset: Dataset) -> None:
    """Raises unless a dataset entry's `points` can be placed as it says."""
    if item.extra["points"] != EVEN:
        raise SuiteError(
            f"datasets: {item.name}: points must be {EVEN!r} or left out; got {item.extra['points']!r}"
        )
    if dataset.even is None:
        raise SuiteError(f"datasets: {item.name}: its points cannot stand evenly; those of circle can")
    if item.extra.get("train_size") is None:
        raise SuiteError(f"datasets: {item.name}: points are of a finite training set; give train_size too")


def placed(dataset: Dataset, size: int) -> np.ndarray:
    """Returns a training set that stands evenly, data coordinates, `[size, D]`."""
    if dataset.even is None:
        raise ValueError(f"the points of dataset {dataset.name!r} cannot stand evenly")
    return np.asarray(dataset.even(size), np.float32)


def _within(item: Item, finite: Finite, suite: Suite, size: int | None) -> int:
    """Returns how many training points data have that are points alone; raises where more are asked for."""
    for what, count in (("samples", suite.samples), ("reference", suite.reference or suite.samples)):
        if count > finite.most:
            raise SuiteError(
                f"datasets: {item.label}: {what} must be at most {finite.most}, half of the held-out points;"
                f" got {count}"
            )
    most = len(finite.train)
    if size is not None and size > most:
        raise SuiteError(f"datasets: {item.label}: train_size must be at most {most}; got {size}")
    return most if size is None else size


def _columns_apart(metrics: Iterable[Spec]) -> None:
    """Raises where two metrics have a column of one name: tables would take them for one."""
    owners: dict[str, str] = {}
    for spec in metrics:
        for column in METRICS.from_spec(spec).columns:
            owner = owners.setdefault(column, spec["name"])
            if owner != spec["name"]:
                raise SuiteError(
                    f"metrics: {owner!r} and {spec['name']!r} both have a column {column!r}, which tables "
                    "would take for one; leave one out, or give the column of yours another name"
                )


def lacks(metric: Metric, dataset: Dataset, points: Mapping[str, int]) -> str | None:
    """Returns what a metric needs and a dataset does not offer, or None.

    Args:
      metric: The metric.
      dataset: The dataset.
      points: How many there are of "samples", "reference" and, where it is finite, "train".
    """
    for need in metric.needs:
        if need not in NEEDS:
            return f"it needs {need!r}, which is none of {', '.join(NEEDS)}"
        # Scores and samples are what rows are to have; a dataset's own are there or not.
        none = (
            points.get("train", 0) < 2
            if need == "train"
            else need in KNOWN and KNOWN[need].of(dataset) is None
        )
        if none:
            return f"it needs {lacking(NEEDS[need], dataset)}"
    for what, least in metric.least.items():
        if what in points and points[what] < least:
            words = {"samples": "samples", "reference": "reference points", "train": "training points"}
            return f"it needs at least {least} {words[what]}; got {points[what]}"
    return None


# A column's name is a word in tables, in their headers, and in the names of figures.
_COLUMN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def _named(metric: Metric, name: str) -> None:
    """Raises where a column of a metric has a name that tables cannot hold."""
    for column in metric.columns:
        if not (isinstance(column, str) and _COLUMN.fullmatch(column)):
            raise SuiteError(
                f"metrics: {name}: the name of a column must be letters, digits and _.+-; got {column!r}"
            )


def _metrics(wanted: Sequence[Entry], dataset: Dataset, points: Mapping[str, int]) -> tuple[Spec, ...]:
    found = []
    for item in items(wanted, "metrics"):
        named = {entry["name"] for entry in wanted if isinstance(entry, dict) and "name" in entry}
        every = [Item(name, name, {}, {}) for name in METRICS.names() if name not in named]
        chosen = every if item.name == "all" else [item]
        for one in chosen:
            metric = build(METRICS, "metrics", one)
            _named(metric, one.name)
            reason = lacks(metric, dataset, points)
            if reason is None:
                found.append(METRICS.spec_of(one.name, one.params, metric))
            elif item.name != "all":
                raise SuiteError(f"metrics: {one.name}: {reason}")
    names = [spec["name"] for spec in found]
    for name in names:
        if names.count(name) > 1:
            raise SuiteError(
                f"metrics: {name!r} may be there once for a dataset; it is there {names.count(name)} times"
            )
    return tuple(found)
