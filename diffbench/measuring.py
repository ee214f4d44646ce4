"""Samples of anybody under the instrument: from files to the tables that a run has.

Nothing is printed here: the command line and the library both ask.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diffbench import arrayfiles
from diffbench.contracts import DATASETS, Dataset
from diffbench.programs import arithmetic
from diffbench.records.places import GIVEN
from diffbench.records.store import Store
from diffbench.spec import Json
from diffbench.stages import given as keeping
from diffbench.stages import harness
from diffbench.suites import given
from diffbench.suites.building import build
from diffbench.suites.given import Given
from diffbench.suites.items import Entry, SuiteError, items
from diffbench.suites.suite import parse
from diffbench.tables import beside, readings, symptoms
from diffbench.tables import long as tables
from diffbench.workers.engine import Settings

COORDINATES = ("data", "standardised")


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be measured, and by what.

    Attributes:
      dataset: An entry of a suite's datasets: a name, or a table with its parameters.
      given: Samples of each model.
      metrics: Entries of a suite's metrics; empty for those of `given.DEFAULT` that fit.
      train: Training points of the models, data coordinates, `[k, D]`, or None.
      reference: Points of the reference; as many as there are samples by default.
      floor_draws: Truth draws of each floor.
    """

    dataset: Entry
    given: tuple[Given, ...]
    metrics: tuple[Any, ...] = ()
    train: np.ndarray | None = None
    reference: int | None = None
    floor_draws: int = 199


@dataclasses.dataclass(frozen=True)
class Measured:
    """What came of it.

    Attributes:
      tables: Those of the rows that were asked for, with truth and Gaussian, and of a run beside them.
      columns: Columns of each metric.
      readings: What each metric says of each model, by its label.
      symptoms: What the errors of each model look like, by its label.
      tally: How much was done.
    """

    tables: tables.Tables
    columns: Json
    readings: Mapping[str, pd.DataFrame]
    symptoms: Mapping[str, list[str]]
    tally: harness.Tally


def entry_of(text: Entry) -> Entry:
    """Returns a dataset's entry: a name, a table, or a name with parameters as `circle(thickness=0.1)`."""
    if not isinstance(text, str) or "(" not in text:
        return text
    import tomllib

    name, _, inside = text.strip().partition("(")
    try:
        if not inside.endswith(")"):
            raise SuiteError(
                f"dataset: expected NAME or NAME(key=value, ...); got {text!r}, which has no ) at its end"
            )
        params = tomllib.loads(f"x = {{{inside.removesuffix(')')}}}")["x"]
    except tomllib.TOMLDecodeError as error:
        raise SuiteError(
            f"dataset: expected NAME or NAME(key=value, ...), words as values in quotes; got {text!r}"
        ) from error
    return {"name": name.strip(), **params}


@arithmetic.pinned()
def built(entry: Entry) -> Dataset:
    """Returns the dataset of an entry, in its own coordinates.

    Raises:
      ValueError: If there is none of the name, or a parameter is wrong.
    """
    suite = parse({"datasets": [entry]}, "dataset")
    (item,) = items(suite.datasets, "datasets", reserved=("train_size", "metrics"))
    return build(DATASETS, "datasets", item)


def load(
    paths: Sequence[Path],
    dataset: Dataset,
    label: str | None = None,
    nfe: int | None = None,
    coordinates: str = "data",
    remedy: str = "coordinates = 'standardised'",
) -> tuple[tuple[Given, ...], list[str]]:
    """Reads samples of models, and says what looks odd of each.

    Args:
      paths: A file, or a folder of `samples_seed0.*`, `samples_seed1.*`, for each model.
      dataset: The dataset they are held against.
      label: What tables call the one model; its file's name by default.
      nfe: Score evaluations of each sample, as the user says.
      coordinates: "data", or "standardised" for samples that are (x - mean)/scale.
      remedy: How the user says that, for a hint.

    Returns:
      The samples in data coordinates, and hints, each a line.

    Raises:
      ValueError: If a file cannot be read or is of other data; one line each.
    """
    if label is not None and len(paths) > 1:
        raise ValueError(f"one label is for one file or folder; got {len(paths)}")
    found, hints = [], []
    names = [path.resolve().stem if path.is_file() else path.resolve().name for path in paths]
    for path, name in zip(paths, names, strict=True):
        called = label or (name if names.count(name) == 1 else f"{path.resolve().parent.name}/{name}")
        files = arrayfiles.by_seed(path) if path.is_dir() else {0: path}
        samples = {}
        for seed, file in files.items():
            x = given.fitted(arrayfiles.read(file), dataset, str(file))
            if coordinates == "standardised":
                x = arrayfiles.of_numbers(x * dataset.scale + np.asarray(dataset.mean, np.float64), str(file))
            samples[seed] = x
            said = given.hint(x, dataset, remedy)
            hints += [] if said is None else [f"{file}: {said}"]
        _equally_many(samples, files)
        found.append(Given(called, samples, nfe))
    return tuple(found), hints


def _equally_many(samples: Mapping[int, np.ndarray], files: Mapping[int, Path]) -> None:
    first = next(iter(samples))
    for seed, x in samples.items():
        if len(x) != len(samples[first]):
            raise ValueError(
                f"seeds of one model must have equally many samples; {files[first].name} has "
                f"{len(samples[first])} and {files[seed].name} {len(x)}"
            )


@arithmetic.pinned()
def measure(
    request: Request,
    store: Store,
    listener: harness.Listener | None = None,
    *,
    workers: int = 0,
    settings: Settings | None = None,
    plugins: Sequence[str] = (),
    against: Store | None = None,
) -> Measured:
    """Measures samples beside truth and Gaussian; floors and what else is stored already are used.

    Models with other numbers of samples have floors of their own, and tables a section for each.

    Raises:
      ValueError: If the request is wrong.
      StoreError: If the folder cannot be written, or the run to compare with is none.
    """
    entry = request.dataset
    train = 0 if request.train is None else len(request.train)
    if train:
        entry = {"train_size": train, **({"name": entry} if isinstance(entry, str) else entry)}
    given.judging(request.metrics)
    metrics = list(request.metrics) or given.chosen(entry, train)
    plans = []
    for n in dict.fromkeys(one.n for one in request.given):
        models = [one for one in request.given if one.n == n]
        seeds = sorted({seed for one in models for seed in one.samples})
        suite = given.suite_of(
            entry, n, seeds, metrics, reference=request.reference, floor_draws=request.floor_draws
        )
        plans.append((suite, *given.rows_of(suite, models, request.train)))
    total = harness.Tally()
    runs: list[Json] = []
    for suite, cells, kept in plans:
        keeping.keep(store, kept)
        tally = harness.run(
            suite.model_dump(), cells, store, listener,
            workers=workers, settings=settings, plugins=plugins, asked=[*request.metrics],
        )  # fmt: skip
        total = dataclasses.replace(
            total, made=total.made + tally.made, kept=total.kept + tally.kept,
            failed=[*total.failed, *tally.failed], asked=total.asked | tally.asked,
        )  # fmt: skip
        runs.insert(0, tally.run)
    run, read = beside.joined(runs, store, against)
    made = tables.built(run, read)
    found = {
        called: readings.readings(made.long, run["columns"], score=GIVEN, dataset=dataset, family=label)
        for called, dataset, label in symptoms.models(made.long)
    }
    return Measured(made, run["columns"], found, symptoms.of(made.long), total)
