"""Tasks, and the queue that gives them out in order."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Callable, Sequence
from typing import NamedTuple

from diffbench.spec import Json


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
    payload: Json
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
    result: Json
    returned: bool


Execute = Callable[[Json], Json]


class Queue:
    """Tasks in order of urgency, given out once what they wait for is done.

    Giving out a task and finishing one take a time that does not depend on how many there are
    (but for its logarithm): ready tasks lie in heaps, by program, and in two more, of the programs
    that somebody was given and of those that nobody was.
    """

    def __init__(self, tasks: Sequence[Task]):
        """Takes the tasks, most urgent first; what is not among them counts as done."""
        self._waiting: dict[str, tuple[int, Task]] = {}
        for place, task in enumerate(tasks):
            self._waiting[task.name] = (place, task)
        self._undone = set(self._waiting)
        self._blocks: dict[str, list[str]] = {}
        self._missing: dict[str, int] = {}
        self._of_program: dict[str, list[tuple[int, str]]] = {}
        self._known: list[tuple[int, str]] = []
        self._new: list[tuple[int, str]] = []
        self._taken_programs: set[str] = set()
        self._suspects: dict[str, Task] = {}
        for _, task in self._waiting.values():
            waits = self._undone.intersection(task.after)
            self._missing[task.name] = len(waits)
            for name in waits:
                self._blocks.setdefault(name, []).append(task.name)
            if not waits:
                self._ready(task.name)

    def __bool__(self) -> bool:
        return bool(self._waiting or self._suspects)

    @property
    def suspects(self) -> int:
        """Returns how many tasks wait for a fresh worker."""
        return len(self._suspects)

    def take(self, programs: set[str] | None = None, fresh: bool = False) -> Task | None:
        """Gives out the most urgent ready task, one of the caller's programs if it can.

        After those come tasks whose program was given to nobody yet, then the rest.

        Args:
          programs: Programs the caller holds; the task's is added. None for a caller who was given
            all tasks before, and so holds every program of them.
          fresh: Whether the caller has run nothing yet. Suspects go to such callers
            alone, and before all else.
        """
        if fresh and self._suspects:
            task = self._suspects.pop(next(iter(self._suspects)))
        else:
            if programs is None:
                found = self._top(self._known)
            else:
                own = (self._top(self._of_program[one]) for one in programs if one in self._of_program)
                found = min((top for top in own if top is not None), default=None)
            found = found or self._top(self._new) or self._top(self._known)
            if found is None:
                return None
            _, task = self._waiting.pop(found[1])
            self._takes(task.program)
        if programs is not None:
            programs.add(task.program)
        return task

    def suspect(self, task: Task) -> None:
        """Puts back a task whose worker died: it, or what ran there before, is to blame."""
        self._suspects[task.name] = task

    def finish(self, task: Task) -> None:
        """Marks a task as done, well or badly."""
        if task.name not in self._undone:
            return
        self._undone.discard(task.name)
        for name in self._blocks.pop(task.name, ()):
            self._missing[name] -= 1
            if not self._missing[name]:
                self._ready(name)

    def _ready(self, name: str) -> None:
        place, task = self._waiting[name]
        del self._missing[name]
        heapq.heappush(self._of_program.setdefault(task.program, []), (place, name))
        heap = self._known if task.program in self._taken_programs else self._new
        heapq.heappush(heap, (place, name))

    def _takes(self, program: str) -> None:
        """Notes that a task of a program was given out: its others are of a known program."""
        if program not in self._taken_programs:
            self._taken_programs.add(program)
            for one in self._of_program[program]:
                heapq.heappush(self._known, one)
        if self._top(self._of_program[program]) is None:
            del self._of_program[program]

    def _top(self, heap: list[tuple[int, str]]) -> tuple[int, str] | None:
        """Returns the most urgent task of a heap, once those that are gone from it are out of it.

        A task lies in more than one heap, and is taken from one.
        """
        while heap:
            name = heap[0][1]
            if name in self._waiting and not (heap is self._new and self._is_known(name)):
                return heap[0]
            heapq.heappop(heap)
        return None

    def _is_known(self, name: str) -> bool:
        return self._waiting[name][1].program in self._taken_programs
