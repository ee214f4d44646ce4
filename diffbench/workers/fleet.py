"""Gives tasks to the workers of a cluster, and sees that each ends as a result.

At most one task is in flight on each worker, and it is bound to it: when a worker dies,
that one task is the suspect. A suspect is tried again on a worker that has run nothing
yet, for what ran before it may be to blame, and is given up after ATTEMPTS deaths. A
worker whose task takes too long is killed through its nanny, which starts a fresh one;
so is one that has gathered many programs or much memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import queue as queues
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from diffbench.records import owner
from diffbench.records.outcome import ERROR, OUT_OF_MEMORY, TIMEOUT, describe
from diffbench.workers import cluster, courier, worker
from diffbench.workers import seat as seats
from diffbench.workers.cluster import ClusterError, Place
from diffbench.workers.seat import Seat
from diffbench.workers.tasks import Ended, Execute, Queue, Task

ATTEMPTS = 3  # workers that a task may take down before it is given up
STILLBORN = 10  # workers in a row that may die before they are ready
TICK = 0.5  # seconds between looks at the workers and the clock
START = 120.0  # seconds that a worker may take to be there and ready
MARKER = ".seen-"  # what the name of a file begins with that tells who sees the results folder


def run(
    opening: contextlib.AbstractContextManager[Place],
    tasks: Sequence[Task],
    execute: Execute,
    *,
    timeout: float | None,
    folder: Path | None,
    say: Callable[[str], None],
) -> Iterator[Ended]:
    """Runs tasks on a cluster and yields each with its result as it ends; see `engine.run`."""
    with opening as place, marked(folder) as marker:
        link = cluster.dashboard(place)
        if link is not None:
            say(f"dashboard: {link}")
        fleet = Fleet(place, tasks, execute, timeout=timeout, folder=folder, marker=marker, say=say)
        try:
            yield from fleet.work()
        finally:
            fleet.leave()


@contextlib.contextmanager
def marked(folder: Path | None) -> Iterator[str | None]:
    """Puts a file into the results folder that only a worker who shares it can see.

    It is locked while this process lives; those whose process is gone are taken away.
    """
    if folder is None:
        yield None
        return
    root = folder.resolve()
    for other in root.glob(f"{MARKER}*"):
        _take_away(other)
    path = root / f"{MARKER}{secrets.token_hex(8)}"
    # Locked before it has its name, or another run might take it for one that was left.
    unnamed = path.with_name(owner.part())
    with open(unnamed, "xb") as file:
        try:
            with contextlib.suppress(OSError):  # a disk without locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(path)
            yield str(path)
        finally:
            unnamed.unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def _take_away(marker: Path) -> None:
    """Removes the marker of a process that is gone."""
    # Gone in the meantime, of a process that lives, or on a disk without locks.
    with contextlib.suppress(OSError), open(marker, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        marker.unlink()


class Fleet:
    """The workers of a cluster during a run."""

    def __init__(
        self,
        place: Place,
        tasks: Sequence[Task],
        execute: Execute,
        *,
        timeout: float | None,
        folder: Path | None,
        marker: str | None,
        say: Callable[[str], None],
    ):
        """Takes an open cluster and the tasks, most urgent first."""
        self._place, self._client = place, place.client
        self._queue = Queue(tasks)
        self._function = (execute.__module__, execute.__qualname__)
        self._timeout = math.inf if timeout is None else timeout
        self._folder, self._marker, self._say = folder, marker, say
        self._seats: dict[str, Seat] = {}
        self._killed: set[str] = set()  # and perhaps not yet missed by the scheduler
        self._deaths: Counter[str] = Counter()
        self._stillborn = 0
        self._events: queues.SimpleQueue[Any] = queues.SimpleQueue()
        self._token = secrets.token_hex(4)
        self._submitted = 0
        self._looked = -TICK
        self._alone = time.monotonic()

    def work(self) -> Iterator[Ended]:
        """Yields each task with its result as it ends."""
        while self._queue or any(seat.task is not None for seat in self._seats.values()):
            for ended in (*self._look(), *self._hear()):
                yield ended
                # Not before: now its record lies where the tasks that wait for it look.
                self._queue.finish(ended.task)
            for seat in [*self._seats.values()]:
                if seat.idle:
                    self._give(seat)

    def leave(self) -> None:
        """Drops what is in flight."""
        futures = [seat.future for seat in self._seats.values() if seat.future is not None]
        if futures and self._client.status == "running":
            with contextlib.suppress(Exception):  # the scheduler may go at this moment
                self._client.cancel(futures, force=True)

    def _lost(self) -> ClusterError:
        return ClusterError(
            f"{self._place.name} is gone; all that is done is kept: the same command goes on from there"
        )

    def _look(self) -> list[Ended]:
        """Looks for workers that came or went, and at the clock."""
        now = time.monotonic()
        if now - self._looked < TICK:
            return []
        self._looked = now
        there = self._there()
        self._killed &= there
        for address in sorted(there - self._killed - self._seats.keys()):
            seat = self._seats[address] = Seat(address)
            self._submit(seat, None, worker.greet, self._function, self._marker)
        if self._seats:
            self._alone = now
        elif now - self._alone > START:
            if self._place.own:
                raise ClusterError(f"no worker has been ready for {START:g} s; is the machine out of memory?")
            self._say(f"waiting for a worker to join {self._place.name}")
            self._alone = now
        ended = []
        for seat in [*self._seats.values()]:
            late = now - seat.since
            if seat.address not in there:
                ended += self._died(seat)
            elif not seat.facts and late > START:
                self._kill(seat)
                self._count_stillborn(f"it was not ready after {START:g} s")
            # What is done was in time, though its answer may not have been looked at yet.
            elif seat.task and seat.future and late > self._timeout and not seat.future.done():
                reason = f"it took longer than {self._timeout:g} s"
                ended.append(Ended(seat.task, {"status": TIMEOUT, "reason": reason}, False))
                self._kill(seat)
        return ended

    def _there(self) -> set[str]:
        """Returns the addresses of the workers that the scheduler has."""
        if self._client.status == "running":
            with contextlib.suppress(OSError, TimeoutError):
                return set(self._client.nthreads())
        raise self._lost()

    def _hear(self) -> list[Ended]:
        """Waits for something to end, a while, and returns the task if it was one."""
        try:
            future = self._events.get(timeout=TICK)
        except queues.Empty:
            return []
        if self._client.status != "running":
            raise self._lost()
        seat = next((seat for seat in self._seats.values() if seat.future is future), None)
        if seat is None:  # it was given up before
            return []
        how, what = seats.end_of(future)
        if how == "death":
            return self._died(seat)
        future.release()
        task, seat.task, seat.future = seat.task, None, None
        if task is None:
            self._greeted(seat, how, what)
            return []
        seat.ran += 1
        if how == "error":
            return [Ended(task, dict(describe(what)), False)]
        seat.memory = what["memory"]
        if self._folder is not None:
            courier.keep(self._folder, what["files"])
        return [Ended(task, what["result"], what["returned"])]

    def _submit(
        self, seat: Seat, task: Task | None, function: Callable[..., object], *arguments: object
    ) -> None:
        self._submitted += 1
        seat.task, seat.since = task, time.monotonic()
        seat.future = self._client.submit(
            function,
            *arguments,
            # A name of its own: another run on this scheduler may have the same task. The scheduler
            # keeps statistics for each first word for ever, so that is the stage and not the task.
            key=f"{'greet' if task is None else task.stage}-{self._submitted}-{self._token}",
            workers=[seat.address],
            allow_other_workers=False,
            pure=False,
        )
        seat.future.add_done_callback(self._events.put)

    def _greeted(self, seat: Seat, how: str, what: Any) -> None:
        """Takes in a worker, if it can do the work."""
        if how == "error":
            raise ClusterError(
                f"worker {seat.address} cannot load {self._function[0]}; install there what is installed "
                f"here ({describe(what)['reason']})"
            )
        seats.check(seat, what)
        seat.facts = what
        self._stillborn = 0

    def _give(self, seat: Seat) -> None:
        """Gives an idle worker the next task, or has a fresh one take its place first."""
        if self._queue and not seat.fresh and (seat.worn or self._queue.suspects):
            self._kill(seat)
            return
        task = self._queue.take(seat.programs, seat.fresh)
        if task is not None:
            files = None if seat.facts["sees"] else courier.inputs(task.payload)
            self._submit(seat, task, worker.guarded, self._function, task.payload, files)

    def _kill(self, seat: Seat) -> None:
        self._forget(seat)
        self._killed.add(seat.address)
        seats.kill(self._client, seat)

    def _forget(self, seat: Seat) -> None:
        del self._seats[seat.address]
        if seat.future is not None:
            with contextlib.suppress(OSError, TimeoutError):
                self._client.cancel([seat.future], force=True)

    def _died(self, seat: Seat) -> list[Ended]:
        """Judges the task of a worker that died; returns it if it is given up."""
        self._forget(seat)
        if seat.idle:
            return []
        outgrew = seats.outgrew(self._client, seat)
        why = "it grew over its memory limit" if outgrew else "it crashed or was killed"
        if seat.task is None:
            self._count_stillborn(why)
            return []
        task = seat.task
        self._deaths[task.name] += 1
        # In a worker that ran nothing else, all the memory was the task's own.
        if self._deaths[task.name] < ATTEMPTS and not (outgrew and seat.ran == 0):
            self._queue.suspect(task)
            return []
        times = {1: "", 2: "twice: "}.get(self._deaths[task.name], f"{self._deaths[task.name]} times: ")
        status = OUT_OF_MEMORY if outgrew else ERROR
        return [Ended(task, {"status": status, "reason": f"its worker died; {times}{why}"}, False)]

    def _count_stillborn(self, why: str) -> None:
        self._stillborn += 1
        if self._stillborn >= STILLBORN:
            raise ClusterError(f"{STILLBORN} workers in a row died before they were ready; the last: {why}")
