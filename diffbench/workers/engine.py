"""Runs tasks: in this process, on workers of this machine, or on a Dask cluster.

A task is JSON in and JSON out, run by a module-level function, and ends as a result
whatever becomes of it: one that raises, hangs, outgrows its memory or takes its worker
down is a result with a status and a reason, and no other task suffers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from diffbench.records.outcome import describe
from diffbench.workers.settings import Settings
from diffbench.workers.tasks import Ended, Execute, Queue, Task
from diffbench.workers.worker import ONE_THREAD

__all__ = ["ONE_THREAD", "Ended", "Queue", "Settings", "Task", "cores", "run"]


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _silent(line: str) -> None:
    """Says nothing."""


def run(
    tasks: Sequence[Task],
    execute: Execute,
    workers: int,
    settings: Settings | None = None,
    *,
    folder: Path | None = None,
    say: Callable[[str], None] = _silent,
) -> Iterator[Ended]:
    """Runs tasks and yields each with its result as it ends.

    What waits for a task starts only after the caller has asked for the next result, so
    the caller can put a result where its dependents look for it.

    Args:
      tasks: Most urgent first.
      execute: Module-level function, importable by a worker.
      workers: Worker processes on this machine; 0 runs in this process. A scheduler in
        the settings comes first.
      settings: Limits, and the scheduler of a running cluster.
      folder: The results folder: workers that do not see it get their inputs with the
        task, and their files come back.
      say: Called with each line that the person should see, such as the dashboard.

    Raises:
      ClusterError: If no scheduler answers, its workers cannot do the work, or it is lost.
    """
    settings = settings or Settings()
    if not tasks:
        return iter(())
    address = settings.address
    if address is None and workers == 0:
        return _run_here(tasks, execute)
    from diffbench.workers import cluster, fleet

    if address is not None:
        place = cluster.joined(address)
    else:
        place = cluster.local(min(workers, len(tasks)), settings.memory, settings.gpus)
    return fleet.run(place, tasks, execute, timeout=settings.cell_timeout, folder=folder, say=say)


def _run_here(tasks: Sequence[Task], execute: Execute) -> Iterator[Ended]:
    queue = Queue(tasks)
    while (task := queue.take()) is not None:
        try:
            ended = Ended(task, execute(task.payload), True)
        except (Exception, SystemExit) as error:
            ended = Ended(task, dict(describe(error)), False)
        yield ended
        queue.finish(task)
