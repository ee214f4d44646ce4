"""What a run must do: from cells to the tasks that the store lacks, in order.

Every stage is stored under the hash of the specification it depends on. A new metric only
measures stored samples, a new sampler reuses stored fits, and what is there is never made again.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diffbench.contracts import METRICS
from diffbench.records import runs
from diffbench.records.store import Store, is_final
from diffbench.spec import Spec, identify
from diffbench.suites.cells import BRACKETS, Cell
from diffbench.workers.tasks import Task

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
