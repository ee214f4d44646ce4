"""Fits that differ in their seed alone and share a program of replicas: one leads, the others follow.

The leader trains all of them at once and writes their records. The others wait for it and find
theirs; where it failed for a reason that may be its own they train themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from diffbench.records.outcome import OUT_OF_MEMORY, TIMEOUT
from diffbench.records.store import Store
from diffbench.spec import JsonObject, Names, Spec
from diffbench.stages.inputs import Blocked
from diffbench.workers.payload import Payload
from diffbench.workers.tasks import Task


def grouped(tasks: Sequence[Task]) -> list[Task]:
    """Returns the tasks, with fits that share a program of replicas led by the first of them."""
    groups: dict[str, list[list[Task]]] = {}
    names = Names()
    for task in tasks:
        spec = task.payload["spec"]
        replicas = spec.get("replicas", 1)
        if task.stage == "fit" and replicas > 1:
            alike = groups.setdefault(names.identify({k: v for k, v in spec.items() if k != "seed"}), [])
            if not alike or len(alike[-1]) == replicas:
                alike.append([])
            alike[-1].append(task)
    found = {task.name: task for task in tasks}
    for first, *others in (group for alike in groups.values() for group in alike):
        found[first.name] = _with(first, leads=tuple(task.payload["spec"] for task in others))
        for task in others:
            after = (*task.after, first.name)
            found[task.name] = dataclasses.replace(_with(task, led=first.name), after=after)
    return list(found.values())


def _with(task: Task, leads: tuple[Spec, ...] = (), led: str = "") -> Task:
    payload = dataclasses.replace(Payload.of(task.payload), leads=leads, led=led)
    return dataclasses.replace(task, payload=payload.to_json())


def shared_failure(payload: Payload, store: Store) -> JsonObject | None:
    """Returns the failure of the fit that leads this one, where it is this one's too, or None.

    Alone a fit is trained by the same program, which takes as long and as much memory.
    """
    lead = store.read("fit", payload.led) if payload.led else None
    if lead is None or lead["status"] not in (TIMEOUT, OUT_OF_MEMORY):
        return None
    return Blocked("fit", payload.led, lead).failure
