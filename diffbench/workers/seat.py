"""One worker of a cluster, as a run knows it: what it is, how it ended, how to end it.

A *seat* is a place at the table where work is given out: the worker in it may end and another take it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING, Any, Literal

from diffbench.spec import Json
from diffbench.workers import worker
from diffbench.workers.cluster import ClusterError
from diffbench.workers.tasks import Task

if TYPE_CHECKING:  # it takes half a second to import, and only workers need it
    from distributed import Client, Future

PROGRAMS = 32  # compiled programs of a worker before it is replaced
GRACE = 1.0  # seconds that a nanny's word on the death of its worker may take
GATHER = 300.0  # seconds that a result may take from its worker to here


@dataclasses.dataclass
class Seat:
    """A worker, with at most one piece of work in flight.

    Attributes:
      address: Its address.
      facts: What it said of itself, see `worker.greet`; empty until then.
      programs: Programs it holds.
      ran: Tasks it has run.
      memory: Its memory after the last task, in bytes.
      future: What is in flight on it.
      task: The task in flight; None while it greets or waits.
      since: When that began, on the monotonic clock.
    """

    address: str
    facts: Json = dataclasses.field(default_factory=dict)
    programs: set[str] = dataclasses.field(default_factory=set)
    ran: int = 0
    memory: int = 0
    future: Future | None = None
    task: Task | None = None
    since: float = 0.0

    @property
    def idle(self) -> bool:
        """Returns whether it is ready and has nothing to do."""
        return bool(self.facts) and self.future is None

    @property
    def fresh(self) -> bool:
        """Returns whether it has run nothing yet, or cannot be replaced by one that has not."""
        return self.ran == 0 or not self.facts["nanny"]

    @property
    def worn(self) -> bool:
        """Returns whether a fresh one should take its place: compiled programs pile up."""
        limit = self.facts["memory_limit"]
        return len(self.programs) >= PROGRAMS or bool(limit and self.memory > limit / 2)


def check(seat: Seat, facts: Json) -> None:
    """Checks that a worker gives the bits that this process would.

    Raises:
      ClusterError: If it has other versions, a JAX with threads of its own choice, or an
        arithmetic that cannot be fixed.
    """
    here = worker.versions()
    differs = [f"{k} {v} (here {here[k]})" for k, v in facts["versions"].items() if v != here[k]]
    if differs:
        raise ClusterError(f"worker {seat.address} has {', '.join(differs)}; versions must be the same")
    if facts["threads"]:
        raise ClusterError(
            f"worker {seat.address} had started JAX before it joined; start it with PJRT_NPROC=1"
        )
    if facts["unpinned"]:
        raise ClusterError(f"worker {seat.address} would give other bits: {facts['unpinned']}")


End = tuple[Literal["answer", "error", "death"], Any]


def end_of(future: Future) -> End:
    """Returns how a piece of work ended: its answer, its exception, or that its worker died."""
    from distributed import KilledWorker

    if future.status == "error":
        error = future.exception()
        return ("death", None) if isinstance(error, KilledWorker) else ("error", error)
    if future.status == "finished":
        # Its worker may die before the answer is here, and no other may run it.
        with contextlib.suppress(OSError, TimeoutError):
            return "answer", future.result(timeout=GATHER)
    return "death", None


def kill(client: Client, seat: Seat) -> None:
    """Ends a worker, whatever it is doing; its nanny starts a fresh one.

    One without a nanny is only told to leave, which compiled code may not heed.
    """
    with contextlib.suppress(Exception):  # it may be dead by now
        if seat.facts.get("nanny", True):
            client.run(worker.end, workers=[seat.address], nanny=True)
        else:
            client.restart_workers([seat.address], timeout=5, raise_for_error=False)


def outgrew(client: Client, seat: Seat) -> bool:
    """Returns whether a dead worker was killed by its nanny for its memory."""
    until = time.monotonic() + GRACE
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            for _, event in client.get_events("worker-restart-memory"):
                if event["worker"] == seat.address and seat.facts.get("pid") in (None, event["pid"]):
                    return True
        time.sleep(GRACE / 5)
    return False
