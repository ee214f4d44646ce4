"""Runs tasks: in this process, on workers of this machine, or on a Dask cluster.

A task is JSON in and JSON out, run by a module-level function, and ends as a result
whatever becomes of it: one that raises, hangs, outgrows its memory or takes its worker
down is a result with a status and a reason, and no other task suffers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from diffbench.records.outcome import describe
from diffbench.workers.tasks import Ended, Execute, Queue, Task
from diffbench.workers.worker import ONE_THREAD

__all__ = ["ONE_THREAD", "Ended", "Queue", "Settings", "Task", "run"]

# A worker with JAX in it takes about this much before it does anything.
SMALLEST_MEMORY = 2**29


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where tasks run, and what one may take.

    Attributes:
      workers: Worker processes on this machine; 0 runs in this process, None is one a core.
      cell_timeout: Seconds a task may take, or None for as long as it takes.
      memory_limit: Memory of a worker, such as "4GiB"; an equal share of the machine's by
        default.
      scheduler: Address of a running Dask scheduler, "tcp://host:8786".
      scheduler_file: The file that a running scheduler wrote its address to.
      gpus: GPUs of this machine, each for one worker; see `devices.gpus`.

    Raises:
      ValueError: If a number is out of range, an address is none, or two settings
        contradict each other.
    """

    workers: int | None = None
    cell_timeout: float | None = None
    memory_limit: str | None = None
    scheduler: str | None = None
    scheduler_file: str | None = None
    gpus: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 0:
            raise ValueError(f"--workers must be 0 or more; got {self.workers}")
        if self.gpus and (self.workers or 0) > len(self.gpus):
            raise ValueError(
                f"--workers must be at most {len(self.gpus)}, for a worker takes a GPU of its own; "
                f"got {self.workers}; with JAX_PLATFORMS=cpu workers use the processor's cores"
            )
        if self.cell_timeout is not None and not 0 < self.cell_timeout < math.inf:
            raise ValueError(f"--cell-timeout must be a number of seconds over 0; got {self.cell_timeout:g}")
        if self.scheduler is not None and self.scheduler_file is not None:
            raise ValueError("--scheduler and --scheduler-file name the same thing; give one of them")
        if self.workers == 0:
            for name, value in (
                ("--cell-timeout", self.cell_timeout),
                ("--memory-limit", self.memory_limit),
            ):
                if value is not None:
                    raise ValueError(
                        f"{name} needs a worker process that can be ended; "
                        "with --workers 0 there is none: use --workers 1 or more"
                    )
        self._memory()
        if self.address is not None:
            for name, value in (("--workers", self.workers), ("--memory-limit", self.memory_limit)):
                if value is not None:
                    raise ValueError(
                        f"{name} is for workers of this machine; those of a running scheduler "
                        "have their own: give one or the other"
                    )

    @property
    def address(self) -> str | None:
        """Returns the address of a running scheduler, or None.

        Raises:
          ValueError: If it is no address, or the file holds none.
        """
        if self.scheduler is None and self.scheduler_file is None:
            return None
        from diffbench.workers import cluster

        return cluster.address_of(self.scheduler, self.scheduler_file)

    @property
    def memory(self) -> int | None:
        """Returns the memory limit of a worker, in bytes, or None."""
        return self._memory()

    def _memory(self) -> int | None:
        if self.memory_limit is None:
            return None
        from dask.utils import parse_bytes

        try:
            size = int(parse_bytes(self.memory_limit))
        except ValueError:
            raise ValueError(
                f"--memory-limit must be a size such as 4GiB or 800MiB; got {self.memory_limit!r}"
            ) from None
        if size < SMALLEST_MEMORY:
            raise ValueError(
                f"--memory-limit must be 512MiB or more, for a worker itself takes as much; "
                f"got {self.memory_limit!r}"
            )
        return size


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
