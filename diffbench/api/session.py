"""Where the library keeps what it makes: a folder of this session, or the results folder that is asked for.

What was made is found again under its specification, so that asking twice costs nothing.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from diffbench.workers.worker import ONE_THREAD

if "jax" not in sys.modules:
    # As every worker has it: how sums are split over threads changes bits.
    for _name, _value in ONE_THREAD.items():
        os.environ.setdefault(_name, _value)

from diffbench.programs import arithmetic
from diffbench.records.outcome import OK
from diffbench.records.store import Store
from diffbench.spec import JsonObject, Spec, identify
from diffbench.stages import harness, planning
from diffbench.stages.inputs import Inputs
from diffbench.suites.cells import Cell

P = ParamSpec("P")
T = TypeVar("T")


class Failed(RuntimeError):
    """What was asked for was tried and did not end well; the message says what became of it.

    Attributes:
      what: What was tried.
      status: "diverged", "error", "timeout" or "out_of_memory".
      reason: What became of it.
    """

    def __init__(self, what: str, status: str, reason: str):
        super().__init__(f"{what} ended as {status}: {reason}" if reason else f"{what} ended as {status}")
        self.what, self.status, self.reason = what, status, reason


_own: list[tempfile.TemporaryDirectory[str]] = []


def folder(cache: Path | str | None = None) -> Store:
    """Returns the folder that results are kept in: `cache`, or one that goes with this session."""
    if cache is not None:
        return Store(cache)
    if not _own:
        _own.append(tempfile.TemporaryDirectory(prefix="diffbench-"))
    return Store(_own[0].name)


def pinned(function: Callable[P, T]) -> Callable[P, T]:
    """Has a function compute as records demand, whatever the program around it has set."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with arithmetic.pinned():
            return function(*args, **kwargs)

    return run


def made(cells: Sequence[Cell], store: Store, listener: harness.Listener | None = None) -> planning.Plan:
    """Makes all that cells need and a folder lacks, in this process, and returns the plan.

    Failures are records; see `record` for who must know of them.
    """
    store.prepare()
    planned = planning.plan(cells, store)
    execute(planned, store, listener)
    return planned


@pinned
def execute(planned: planning.Plan, store: Store, listener: harness.Listener | None = None) -> None:
    """Makes what a plan says, in this process."""
    harness.make(planned, store, listener or harness.Listener(), workers=0)


def record(what: str, spec: Spec, store: Store) -> JsonObject:
    """Returns the record of what was made.

    Args:
      what: What it is, for the message.
      spec: Its specification.
      store: The folder.

    Raises:
      Failed: If it did not end well.
    """
    found = store.read(spec["stage"], identify(spec))
    if found is None:
        raise Failed(what, "missing", f"its record is not in {store.root}")
    if found["status"] != OK:
        raise Failed(what, found["status"], found["reason"])
    return found


def inputs(store: Store) -> Inputs:
    """Returns the records of a folder, for building a source of scores."""
    return Inputs(store)
