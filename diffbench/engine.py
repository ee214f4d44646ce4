"""Runs tasks: in this process, or on a local Dask cluster of one-thread workers.

A task is JSON in and JSON out, run by a module-level function. One task at a time is in
flight on each worker, so that a dying worker takes one task with it, and a worker
prefers tasks whose compiled program it already holds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

# XLA takes its threads from this; OMP_NUM_THREADS does not limit it.
ONE_THREAD = {"PJRT_NPROC": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


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


Result = tuple[Task, dict[str, Any]]
Execute = Callable[[Mapping[str, Any]], dict[str, Any]]


class Queue:
    """Tasks in order of urgency, given out once what they wait for is done."""

    def __init__(self, tasks: Sequence[Task]):
        """Takes the tasks, most urgent first; what is not among them counts as done."""
        self._waiting = {task.name: task for task in tasks}
        self._undone = set(self._waiting)
        self._taken_programs: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self, programs: set[str]) -> Task | None:
        """Gives out the most urgent ready task, one of the caller's programs if it can.

        Args:
          programs: Programs the caller holds; the task's is added.
        """
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

    def finish(self, task: Task) -> None:
        """Marks a task as done, well or badly."""
        self._undone.discard(task.name)


def crashed(error: BaseException) -> dict[str, Any]:
    """Returns the result of a task that did not come back."""
    text = str(error).strip().splitlines() or [""]
    return {"status": "error", "reason": f"{type(error).__name__}: {text[0]}"}


def run(tasks: Sequence[Task], execute: Execute, workers: int) -> Iterator[Result]:
    """Runs tasks and yields each with its result as it completes.

    Args:
      tasks: Most urgent first.
      execute: Module-level function, importable by a worker.
      workers: Worker processes; 0 runs in this process.
    """
    if not tasks:
        return iter(())
    return _run_here(tasks, execute) if workers == 0 else _run_local(tasks, execute, workers)


def _run_here(tasks: Sequence[Task], execute: Execute) -> Iterator[Result]:
    queue, programs = Queue(tasks), set[str]()
    while (task := queue.take(programs)) is not None:
        try:
            result = execute(task.payload)
        except Exception as error:
            result = crashed(error)
        queue.finish(task)
        yield task, result


def _run_local(tasks: Sequence[Task], execute: Execute, workers: int) -> Iterator[Result]:
    import dask
    from distributed import Client, LocalCluster, as_completed

    # What a worker's allocator and JAX read when they start must be there before it is
    # spawned. By default Dask has the allocator give back every freed 64 KiB, which makes
    # XLA fault its buffers in anew at each call: six times slower, measured.
    dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD})

    with (
        LocalCluster(
            n_workers=min(workers, len(tasks)),
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs="ERROR",
        ) as cluster,
        Client(cluster) as client,
    ):
        queue = Queue(tasks)
        holds: dict[str, set[str]] = {address: set() for address in client.scheduler_info()["workers"]}
        flying: dict[Any, tuple[Task, str]] = {}
        completed = as_completed()

        def submit(address: str) -> None:
            task = queue.take(holds[address])
            if task is not None:
                future = client.submit(
                    execute, task.payload, key=task.name, workers=[address], allow_other_workers=True
                )
                flying[future] = (task, address)
                completed.add(future)

        for address in holds:
            submit(address)
        while flying:
            future = next(completed)
            task, address = flying.pop(future)
            error = future.exception()
            result = crashed(error) if error is not None else future.result()
            future.release()
            queue.finish(task)
            busy = {where for _, where in flying.values()}
            for idle in holds:
                if idle not in busy:
                    submit(idle)
            yield task, result
