"""Runs a plan: tasks to the engine, and their results to records, of which none is missing.

Failures are records too: with a status and a reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from diffbench.contracts import METRICS
from diffbench.programs import arithmetic
from diffbench.records import runs
from diffbench.records.provenance import provenance
from diffbench.records.runs import place
from diffbench.records.store import Store
from diffbench.spec import Spec
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
    """

    made: int = 0
    kept: int = 0
    failed: list[tuple[Task, str]] = dataclasses.field(default_factory=list)


@arithmetic.pinned()
def run(
    suite: Mapping[str, Any],
    cells: Sequence[Cell],
    store: Store,
    *,
    workers: int,
    settings: engine.Settings | None = None,
    plugins: Sequence[str] = (),
    retry_failed: bool = False,
    say: Callable[[str], None] = print,
    progress: Callable[[Task, Mapping[str, Any]], None] | None = None,
    begin: Callable[[Plan], None] | None = None,
    asked: Sequence[str] = (),
) -> Tally:
    """Runs all that the cells need and the store lacks.

    Args:
      suite: The suite as it was asked for, for `run.json`.
      cells: Its cells.
      store: The results folder.
      workers: Worker processes; 0 for none.
      settings: Limits on a task, and the scheduler of a cluster that runs already.
      plugins: Plug-in files that workers must load.
      retry_failed: Whether to try failed tasks again.
      say: Called with each line of the engine that a person should see.
      progress: Called with each task that ended and its record.
      begin: Called with the plan before any work.
      asked: Metrics that were asked for by name: tables and figures show them first.
    """
    store.prepare()
    planned = plan(cells, store, plugins, retry_failed)
    metrics = {m["name"]: m for cell in cells for m in cell.metrics}
    note_run(store, suite, planned.rows, metrics, asked)
    if begin is not None:
        begin(planned)
    tally = Tally(kept=planned.done)
    from diffbench.stages.work import execute

    ran = engine.run(planned.tasks, execute, workers, settings, folder=store.root, say=say)
    for task, record, returned in ran:
        if not returned:
            # It ended before it could write a record: its row must not be missing.
            about = {"spec": task.payload["spec"], "stage": task.stage, "provenance": provenance()}
            store.write(task.stage, task.name, {**about, **record})
        if record.get("found"):
            tally.kept += 1
        else:
            tally.made += 1
        if record["status"] != "ok":
            tally.failed.append((task, record["reason"]))
        if progress is not None:
            progress(task, record)
    return tally


def settings_of(suite: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what all cells of one table must share; budgets are rows of their own."""
    settings = {k: suite[k] for k in ("samples", "floor_draws", "standardise", "network")}
    training = {k: v for k, v in suite["training"].items() if k not in ("steps", "batch", "sweep")}
    # Trained one by one is how fits were before there was a choice.
    more = {"replicas": suite["replicas"]} if (suite.get("replicas") or 1) > 1 else {}
    reference = suite["reference"] or suite["samples"]
    return {**settings, **more, "reference": reference, "training": training}


def note_run(
    store: Store,
    suite: Mapping[str, Any],
    rows: list[dict[str, Any]],
    metrics: Mapping[str, Spec],
    asked: Sequence[str] = (),
) -> None:
    """Keeps the suite and its cells in the folder; see `runs`."""
    import diffbench

    content = {
        "diffbench": diffbench.__version__,
        "suite": dict(suite),
        "settings": settings_of(suite),
        "columns": _columns(metrics),
        "cells": sorted(rows, key=place),
    }
    if leading := _leading(metrics, asked):
        content["leading"] = leading
    runs.note(store, content)


def _leading(metrics: Mapping[str, Spec], asked: Sequence[str]) -> list[str]:
    """Returns the metrics that go first: those asked for, then those that are not the house's own."""
    brought = [name for name in sorted(metrics) if not METRICS.entry(name).shipped]
    return [name for name in dict.fromkeys([*asked, *brought]) if name in metrics]


def _columns(metrics: Mapping[str, Spec]) -> dict[str, Any]:
    """Returns the columns of each metric, so that tables need not build it."""
    found = {}
    for name in sorted(metrics):
        built = METRICS.build(name, **metrics[name]["params"])
        found[name] = {column: dataclasses.asdict(about) for column, about in built.columns.items()}
    return found
