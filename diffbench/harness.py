"""From cells to records: fits, draws, floors and measurements, each made once.

Every stage is stored under the hash of the specification it depends on. A new metric
only measures stored samples, a new sampler reuses stored fits, and what is there is
never made again. Failures are records too: with a status and a reason.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from diffbench import engine, runs
from diffbench.cells import BRACKETS, Cell
from diffbench.contracts import METRICS
from diffbench.engine import Task
from diffbench.provenance import provenance
from diffbench.runs import place
from diffbench.spec import Spec, identify
from diffbench.store import Store, is_final

STAGES = ("reference", "fit", "draw", "floor", "measure")
# What a draw depends on and its score does not.
_OF_THE_DRAW = ("stage", "sampler", "n", "version")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run must do and what it has already.

    Attributes:
      tasks: Open tasks, most urgent first.
      done: Number of tasks whose records are there.
      rows: The cells with the names of their records, as `run.json` keeps them.
    """

    tasks: list[Task]
    done: int
    rows: list[dict[str, Any]]


def plan(
    cells: Sequence[Cell], store: Store, plugins: Sequence[str] = (), retry_failed: bool = False
) -> Plan:
    """Returns the tasks that the cells need and the store lacks.

    Args:
      cells: Cells of a suite.
      store: The results folder.
      plugins: Plug-in files that workers must load.
      retry_failed: Whether records of tasks that failed count as missing; not those that
        diverged, for they would again.
    """
    tasks: dict[str, Task] = {}

    def need(spec: Spec, after: Iterable[str], program: Any) -> str:
        name = identify(spec)
        if name not in tasks:
            payload = {
                "name": name,
                "spec": spec,
                "root": str(store.root.resolve()),
                "plugins": list(plugins),
            }
            stage = spec["stage"]
            tasks[name] = Task(name, stage, payload, tuple(after), identify([stage, program]))
        return name

    rows = []
    for cell in cells:
        row = {k: getattr(cell, k) for k in (
            "dataset", "family", "score", "sampler", "seed", "budget", "process",
        )}  # fmt: skip
        row["n_samples"], row["fit_id"], after = cell.draw["n"], None, []
        if cell.fit is not None:
            fit = cell.fit
            program = [fit[k] for k in ("family", "network", "training", "train_size")]
            row["fit_id"] = need(fit, (), [*program, fit.get("replicas", 1)])
            after.append(row["fit_id"])
        program = [cell.kind, cell.draw.get("sampler"), cell.draw["n"]]
        if cell.fit is not None:
            program += [cell.fit["family"], cell.fit["network"]]
        row["draw_id"] = need(cell.draw, after, program)
        row["reference_id"] = need(reference_spec(cell), (), "reference")
        row["measures"], judged = {}, []
        for metric in cell.metrics:
            spec = measure_spec(cell, metric)
            if spec is None:
                continue
            waits = [row["reference_id"], *after]
            if "draw" in spec:
                waits.append(row["draw_id"])
            if spec.get("floor") is not None:
                waits.append(need(spec["floor"], (row["reference_id"],), metric))
            row["measures"][metric["name"]] = need(spec, waits, metric)
            judged.append(spec)
        row["versions"] = runs.versions_of([cell.draw, *judged])
        rows.append(row)
    have = {t.name for t in tasks.values() if _settled(store.read(t.stage, t.name), retry_failed)}
    urgency = {stage: i for i, stage in enumerate(STAGES)}
    todo = [task for task in tasks.values() if task.name not in have]
    # A record of a failed task still stands for it: what waited for it is not tried.
    todo = sorted(_turned(_grouped(todo)), key=lambda task: urgency[task.stage])
    return Plan(todo, len(have), rows)


def _grouped(tasks: list[Task]) -> list[Task]:
    """Returns the tasks, with fits that share a program of replicas led by the first of them.

    The others wait for it and find their record. Where it failed for a reason that may be its own
    they train themselves.
    """
    groups: dict[str, list[list[Task]]] = {}
    found = {task.name: task for task in tasks}
    for task in tasks:
        spec = task.payload["spec"]
        replicas = spec.get("replicas", 1)
        if task.stage == "fit" and replicas > 1:
            alike = groups.setdefault(identify({k: v for k, v in spec.items() if k != "seed"}), [])
            if not alike or len(alike[-1]) == replicas:
                alike.append([])
            alike[-1].append(task)
    for first, *others in (group for alike in groups.values() for group in alike):
        led = [task.payload["spec"] for task in others]
        found[first.name] = dataclasses.replace(first, payload={**first.payload, "leads": led})
        for task in others:
            waits = (*task.after, first.name)
            found[task.name] = dataclasses.replace(
                task, payload={**task.payload, "led": first.name}, after=waits
            )
    return list(found.values())


def _turned(tasks: list[Task]) -> list[Task]:
    """Returns tasks from some place on, then those before it.

    Runs at once on one folder begin at places of their own and so share the work; neighbours,
    which share programs, stay neighbours.
    """
    start = secrets.randbelow(len(tasks)) if tasks else 0
    return [*tasks[start:], *tasks[:start]]


def _settled(record: Mapping[str, Any] | None, retry_failed: bool) -> bool:
    if record is None or is_final(record):
        return record is not None
    # What only waited for something that is there now, or failed, has not been tried.
    return not retry_failed and not record.get("blocked")


def reference_spec(cell: Cell) -> Spec:
    """Returns the specification of the truth's reference sample of a cell."""
    return {"stage": "reference", "dataset": cell.data, "m": cell.reference}


def measure_spec(cell: Cell, metric: Spec) -> Spec | None:
    """Returns the specification of a measurement, or None where it has no meaning.

    A metric that needs no samples judges the score: draws from one score share it.
    """
    built = METRICS.build(metric["name"], **metric["params"])
    needs = built.needs
    if cell.kind in built.skips:
        return None
    spec: dict[str, Any] = {"stage": "measure", "metric": metric, "reference": reference_spec(cell)}
    if "samples" in needs:
        if "score" in needs and cell.kind in BRACKETS:
            return None
        spec["draw"] = cell.draw
    elif cell.kind in BRACKETS:
        return None
    else:
        spec["source"] = {k: v for k, v in cell.draw.items() if k not in _OF_THE_DRAW}
    if "train" in needs:
        spec["train"] = {"dataset": cell.data, "train_size": cell.train_size, "seed": cell.seed}
    if built.floor is not None:
        spec["floor"] = {
            "stage": "floor",
            "metric": metric,
            "reference": reference_spec(cell),
            "n": cell.draw["n"],
            "draws": cell.floor_draws,
        }
    return spec


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
    """
    store.prepare()
    planned = plan(cells, store, plugins, retry_failed)
    note_run(store, suite, planned.rows, {m["name"]: m for cell in cells for m in cell.metrics})
    if begin is not None:
        begin(planned)
    tally = Tally(kept=planned.done)
    from diffbench.work import execute

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
    store: Store, suite: Mapping[str, Any], rows: list[dict[str, Any]], metrics: Mapping[str, Spec]
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
    runs.note(store, content)


def _columns(metrics: Mapping[str, Spec]) -> dict[str, Any]:
    """Returns the columns of each metric, so that tables need not build it."""
    found = {}
    for name in sorted(metrics):
        built = METRICS.build(name, **metrics[name]["params"])
        found[name] = {column: dataclasses.asdict(about) for column, about in built.columns.items()}
    return found
