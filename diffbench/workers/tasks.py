"""Tasks, and the queue that gives them out in order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


@dataclasses.dataclass(frozen=True)
class Task:
    """A piece of work.

    Attributes:
      name: Unique name.
      stage: "reference", "fit", "draw", "floor" or "measure".
      payload: JSON that the worker gets.
      after: Names of the tasks that must be done before.
      program: Tasks of one program share compiled code.
    """

    name: str
    stage: str
    payload: Mapping[str, Any]
    after: tuple[str, ...] = ()
    program: str = ""


class Ended(NamedTuple):
    """A task that ended, well or badly.

    Attributes:
      task: The task.
      result: What `execute` returned, or the status and reason of what kept it from that.
      returned: Whether `execute` returned; otherwise it wrote no record.
    """

    task: Task
    result: dict[str, Any]
    returned: bool


Execute = Callable[[Mapping[str, Any]], dict[str, Any]]


class Queue:
    """Tasks in order of urgency, given out once what they wait for is done."""

    def __init__(self, tasks: Sequence[Task]):
        """Takes the tasks, most urgent first; what is not among them counts as done."""
        self._waiting = {task.name: task for task in tasks}
        self._undone = set(self._waiting)
        self._taken_programs: set[str] = set()
        self._suspects: dict[str, Task] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting or self._suspects)

    @property
    def suspects(self) -> int:
        """Returns how many tasks wait for a fresh worker."""
        return len(self._suspects)

    def take(self, programs: set[str], fresh: bool = False) -> Task | None:
        """Gives out the most urgent ready task, one of the caller's programs if it can.

        Args:
          programs: Programs the caller holds; the task's is added.
          fresh: Whether the caller has run nothing yet. Suspects go to such callers
            alone, and before all else.
        """
        if fresh and self._suspects:
            task = self._suspects.pop(next(iter(self._suspects)))
            programs.add(task.program)
            return task
        ready = [t for t in self._waiting.values() if self._undone.isdisjoint(t.after)]
        if not ready:
            return None

        def rank(task: Task) -> int:
            return 0 if task.program in programs else 1 if task.program not in self._taken_programs else 2

        task = min(ready, key=rank)  # min keeps the first of equals: the most urgent
        programs.add(task.program)
        self._taken_programs.add(task.program)
        del self._waiting[task.name]
        return task

    def suspect(self, task: Task) -> None:
        """Puts back a task whose worker died: it, or what ran there before, is to blame."""
        self._suspects[task.name] = task

    def finish(self, task: Task) -> None:
        """Marks a task as done, well or badly."""
        self._undone.discard(task.name)
