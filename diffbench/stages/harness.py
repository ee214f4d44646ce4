"""Runs a plan: tasks to the engine, and their results to records, of which none is missing.

Failures are records too: with a status and a reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from diffbench.contracts import METRICS
from diffbench.programs import arithmetic
from diffbench.records import runs
from diffbench.records.outcome import OK
from diffbench.records.places import AXES, Place
from diffbench.records.provenance import provenance
from diffbench.records.store import Store
from diffbench.spec import Json, JsonObject, Spec
from diffbench.stages import work
from diffbench.stages.planning import Plan, plan
from diffbench.suites.cells import Cell
from diffbench.workers import engine
from diffbench.workers.tasks import Task


@dataclasses.dataclass
class Tally:
    """What a run did.

    Attributes:
      made: Tasks done in this run.
      kept: Tasks that were there already, or that another run did in the meantime.
      failed: Failed tasks of this run, with their reasons.
      asked: Names of the measurements that were asked for.
      run: What was asked of the folder, as its run keeps it.
    """

    made: int = 0
    kept: int = 0
    failed: list[tuple[Task, str]] = dataclasses.field(default_factory=list)
    asked: frozenset[str] = frozenset()
    run: Json = dataclasses.field(default_factory=dict)


class Listener:
    """Hears how a run goes; this one makes nothing of it."""

    def begin(self, plan: Plan) -> None:
        """Hears what there is to do, before any work."""

    def note(self, line: str) -> None:
        """Hears a line that a person should see."""

    def advance(self, task: Task, record: Json) -> None:
        """Hears of a task that ended, with its status, reason and seconds."""


@arithmetic.pinned()
def run(
    suite: Json,
    cells: Sequence[Cell],
    store: Store,
    listener: Listener | None = None,
    *,
    workers: int,
    settings: engine.Settings | None = None,
    plugins: Sequence[str] = (),
    retry_failed: bool = False,
    asked: Sequence[str] = (),
) -> Tally:
    """Runs all that the cells need and the store lacks.

    Args:
      suite: The suite as it was asked for, for `run.json`.
      cells: Its cells.
      store: The results folder.
      listener: Hears how it goes.
      workers: Worker processes; 0 for none.
      settings: Limits on a task, and the scheduler of a cluster that runs already.
      plugins: Plug-in files that workers must load.
      retry_failed: Whether to try failed tasks again.
      asked: Metrics that were asked for by name: tables and figures show them first.
    """
    listener = listener or Listener()
    store.prepare()
    planned = plan(cells, store, plugins, retry_failed)
    content = note_run(store, suite, planned, asked)
    tally = make(planned, store, listener, workers=workers, settings=settings)
    return dataclasses.replace(tally, run=content)


def make(
    planned: Plan, store: Store, listener: Listener, *, workers: int, settings: engine.Settings | None = None
) -> Tally:
    """Makes what a plan says the store lacks.

    Args:
      planned: The plan.
      store: The results folder, prepared.
      listener: Hears how it goes.
      workers: Worker processes; 0 for none.
      settings: Limits on a task, and the scheduler of a cluster that runs already.
    """
    listener.begin(planned)
    wanted = frozenset(name for row in planned.rows for name in row["measures"].values())
    tally = Tally(kept=planned.done, asked=wanted)
    ran = engine.run(planned.tasks, work.execute, workers, settings, folder=store.root, say=listener.note)
    for task, record, returned in ran:
        if not returned:
            # It ended before it could write a record: its row must not be missing.
            about = {"spec": task.payload["spec"], "stage": task.stage, "provenance": provenance()}
            store.write(task.stage, task.name, {**about, **record})
        if record.get("found"):
            tally.kept += 1
        else:
            tally.made += 1
        if record["status"] != OK:
            tally.failed.append((task, record["reason"]))
        listener.advance(task, record)
    return tally


def settings_of(suite: Json) -> JsonObject:
    """Returns the sizes and the training of a suite, for people: what rows are is in their places."""
    settings = {k: suite[k] for k in ("samples", "floor_draws", "standardise", "network")}
    training = {k: v for k, v in suite["training"].items() if k not in ("steps", "batch", "sweep")}
    # Trained one by one is how fits were before there was a choice.
    more = {"replicas": suite["replicas"]} if (suite.get("replicas") or 1) > 1 else {}
    reference = suite["reference"] or suite["samples"]
    return {**settings, **more, "reference": reference, "training": training}


def note_run(store: Store, suite: Json, planned: Plan, asked: Sequence[str] = ()) -> JsonObject:
    """Keeps the suite and its cells in the folder, and returns what it keeps; see `runs`."""
    content = content_of(suite, planned, asked)
    runs.note(store, content)
    return content


def content_of(suite: Json, planned: Plan, asked: Sequence[str] = ()) -> JsonObject:
    """Returns a suite and its cells as a run keeps them."""
    import diffbench

    content = {
        "diffbench": diffbench.__version__,
        "suite": dict(suite),
        "settings": settings_of(suite),
        "columns": _columns(planned.metrics),
        "metrics": dict(planned.metrics),
        "places": {name: place.axes for name, place in planned.places.items()},
        "specs": _specs(planned.places.values()),
        "truths": planned.truths,
        "cells": planned.rows,
    }
    if leading := _leading(planned.metrics, asked):
        content["leading"] = leading
    return content


def _specs(found: Iterable[Place]) -> dict[str, Spec]:
    """Returns every specification that places name, by its hash."""
    axes = (getattr(place, name) for place in found for name in AXES)
    return {axis.id: axis.spec for axis in axes if axis.id}


def _leading(metrics: Mapping[str, Spec], asked: Sequence[str]) -> list[str]:
    """Returns the metrics that go first: those asked for, then those that are not the house's own."""
    names = sorted({spec["name"] for spec in metrics.values()})
    brought = [name for name in names if not METRICS.entry(name).shipped]
    return [name for name in dict.fromkeys([*asked, *brought]) if name in names]


def _columns(metrics: Mapping[str, Spec]) -> JsonObject:
    """Returns the columns of each metric, so that tables need not build it."""
    found = {}
    for label in sorted(metrics):
        built = METRICS.from_spec(metrics[label])
        found[label] = {column: dataclasses.asdict(about) for column, about in built.columns.items()}
    return found
