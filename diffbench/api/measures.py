"""Readings: samples or scores under metrics, beside the noise floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from diffbench import arrayfiles, measuring
from diffbench.api import arguments, asking, session
from diffbench.api.data import Data, data_of
from diffbench.api.samples import Samples
from diffbench.api.scores import Score, becomes
from diffbench.contracts import METRICS
from diffbench.records.places import BRACKETS
from diffbench.spec import Json, JsonObject
from diffbench.suites import given, parts
from diffbench.suites.given import Given
from diffbench.suites.items import Entry
from diffbench.tables.readings import readings

SCORES = ("score_error", "prior_kl")
"""What a score is judged by where nobody says it."""


def measure(
    x: Samples | Score | Path | ArrayLike,
    metrics: str | Sequence[Entry] | None = None,
    /,
    *,
    dataset: Data | str | None = None,
    train: ArrayLike | None = None,
    reference: int | None = None,
    floor_draws: int = 199,
    label: str | None = None,
    cache: Path | str | None = None,
    **more: Any,
) -> pd.DataFrame:
    """Measures samples, or a score, against the truth of a dataset.

    Args:
      x: Samples of `diffbench.sample`, an array `[n, D]` in data coordinates or the path of a file of them,
        or a score.
      metrics: Names of metrics; by default those that take seconds and fit, "all" for every one that fits.
      dataset: The dataset, or its name, where x does not know it.
      train: Training points of the model, data coordinates, `[k, D]`, for `memorisation`.
      reference: Points of the reference; as many as samples by default.
      floor_draws: Truth draws of each noise floor, R: p is never below 1/(R + 1).
      label: What to call the samples.
      cache: A results folder for floors and readings; that of this session, or where the samples are kept.
      **more: `metrics`, by its name.

    Returns:
      A row for each column of a metric: "value" (raw, standardised units), the mean of its "floor" (truth at
      the same n), "z" (over it, in its deviations), "p", "u" (1 is truth, 0 the Gaussian of its
      moments) and "status", with the "reason" where one is not ok. `attrs["symptoms"]` says in words what the
      error looks like, where that is known.

    Raises:
      ValueError: If a name or a shape is wrong, or a metric needs what is not there.
    """
    if "metrics" in more and metrics is None:
        metrics = more.pop("metrics")
    if more:
        takes = "metrics, dataset, train, reference, floor_draws, label, cache"
        raise TypeError(f"measure takes no {next(iter(more))!r}; it takes: {takes}")
    names = asking.in_list("metrics", metrics)
    sizes = {
        "reference": None if reference is None else arguments.whole("reference", reference, 2),
        "floor_draws": arguments.whole("floor_draws", floor_draws, 2),
    }
    if label is not None and not isinstance(label, str):
        raise TypeError(f"label must be text; got {type(label).__name__}")
    if isinstance(x, Score):
        return _of_score(x, names, dataset, cache)
    if isinstance(x, Samples):
        x.score.on(dataset)
        return _of_samples(x, names, train, sizes, cache)
    if isinstance(x, Data):
        raise TypeError("measure takes samples or a score; samples of the truth are data.sample(n)")
    if callable(x):
        raise TypeError(f"measure takes samples or a score; got {type(x).__name__}{becomes(x)}")
    return _of_array(x, names, dataset, train, sizes, label, cache)


@session.pinned
def _of_array(
    x: Path | ArrayLike, metrics: list[Entry], data: Data | str | None, train: ArrayLike | None,
    sizes: JsonObject, label: str | None, cache: Path | str | None,
) -> pd.DataFrame:  # fmt: skip
    if data is None:
        raise TypeError("measure needs the dataset that these are samples of, such as dataset='two_moons'")
    data = data_of(data, "dataset")
    own = data.own
    if isinstance(x, str | Path):
        path = Path(x)
        label = label or path.stem
        x = arrayfiles.read(path)
    called = label or "samples"
    points = given.fitted(arrayfiles.of_numbers(x, called), own, called)
    known_train = None
    if train is not None:
        found = (
            arrayfiles.read(train) if isinstance(train, str | Path) else arrayfiles.of_numbers(train, "train")
        )
        known_train = given.fitted(found, own, "train")
    request = measuring.Request(
        dict(data.entry), (Given(called, {0: points}),), tuple(metrics), known_train, **sizes
    )
    found_tables = measuring.measure(request, session.folder(cache))
    table = found_tables.readings[called]
    hint = given.hint(points, own)
    return _told(table, found_tables.symptoms.get(called, []), None if hint is None else f"hint: {hint}")


def _told(table: pd.DataFrame, symptoms: Sequence[str], hint: str | None = None) -> pd.DataFrame:
    table = table.drop(columns="floor_sd")
    table.attrs["symptoms"] = [*symptoms, *([] if hint is None else [hint])]
    return table


@session.pinned
def _of_samples(
    x: Samples, metrics: list[Entry], train: ArrayLike | None, sizes: JsonObject, cache: Path | str | None
) -> pd.DataFrame:
    if train is not None:
        raise ValueError(
            "train is for arrays; samples of a fit know their training set (fit(train_size=...))"
        )
    (entry,) = x.content["datasets"]
    chosen = metrics or given.chosen(entry, int(entry.get("train_size", 0)))
    _of_something(chosen, x.score)
    _fitting(chosen, x.score)
    suite = asking.suite_of({**x.content, "metrics": chosen, **sizes})
    store = x.store if cache is None else session.folder(cache)
    cells = asking.cells_of(suite)
    with x.score.watched():
        made, columns = asking.tables_of(suite, cells, store)
    (cell,) = asking.model_cells(cells)
    table = readings(made.long, columns, score=cell.score)
    return _told(_in_order(table, [spec["name"] for spec in cell.metrics], columns), [])


@session.pinned
def _of_score(
    score: Score, metrics: list[Entry], data: Data | str | None, cache: Path | str | None
) -> pd.DataFrame:
    score = score.on(data)
    chosen = metrics or [name for name in SCORES if _offers(score, name)]
    for name in chosen:
        plain = _plain(name)
        if plain != "all" and "samples" in METRICS.build(plain).needs:
            raise ValueError(f"{plain} needs samples: give measure those of sample(score, ...)")
    _of_something(chosen, score)
    _fitting(chosen, score)
    # A row has samples, and none of these metrics looks at them: as few as may be.
    few = {"samplers": [{"name": "probability_flow", "solver": "euler", "steps": 1}], "samples": 2}
    content = {"seeds": [score.seed], **score.asked(), **few, "metrics": chosen}
    suite = asking.suite_of(content)
    store = score.store if cache is None else session.folder(cache)
    cells = [cell for cell in asking.cells_of(suite) if cell.kind not in BRACKETS]
    with score.watched():
        made, columns = asking.tables_of(suite, cells, store)
    names = [spec["name"] for spec in cells[0].metrics]
    return _told(_in_order(readings(made.long, columns), names, columns), [])


def _plain(entry: Entry) -> str:
    """Returns the name of a metric that was asked for by name, or by a table."""
    return str(entry["name"]) if isinstance(entry, Mapping) else entry


def _offers(score: Score, name: str) -> bool:
    metric = METRICS.build(name)
    if score.kind in metric.skips or (score.lacks and "divergence" in metric.needs):
        return False
    return parts.lacks(metric, score.data.seen, {}) is None


def _of_something(metrics: Sequence[Entry], score: Score) -> None:
    """Raises where a metric says nothing of a score."""
    for name in metrics:
        plain = _plain(name)
        if plain != "all" and score.kind in METRICS.build(plain).skips:
            raise ValueError(f"{plain} says nothing of the {score.kind} score: it is zero by construction")


def _fitting(metrics: Sequence[Entry], score: Score) -> None:
    """Raises where a metric needs of a score what it has not."""
    for name in metrics:
        plain = _plain(name)
        if score.lacks and plain != "all" and "divergence" in METRICS.build(plain).needs:
            raise ValueError(f"{plain} needs the divergence of the score, and {score.lacks}")


def _in_order(table: pd.DataFrame, names: Sequence[str], columns: Json) -> pd.DataFrame:
    """Returns readings in the order in which metrics were asked for."""
    order = [column for name in names for column in columns.get(name, ())]
    place = {column: i for i, column in enumerate(order)}
    found = table.sort_values("metric", key=lambda c: c.map(place).fillna(len(place)), kind="stable")
    return found.reset_index(drop=True)
