"""What runs inside a worker process of a cluster, around a task, and beside it in its nanny.

Light to import, for the command line reads the environment of workers here.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from diffbench.programs import arithmetic
from diffbench.records.outcome import describe
from diffbench.spec import Json, JsonObject

if TYPE_CHECKING:
    from distributed import Nanny

# XLA takes its threads from the first; OMP_NUM_THREADS does not limit it.
ONE_THREAD = {"PJRT_NPROC": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

VERSIONED = ("diffbench", "jax", "jaxlib", "numpy")


def greet(function: tuple[str, str], marker: str | None) -> JsonObject:
    """Readies a worker for work and returns what it is.

    What a worker imports is in place before its first task, whose time starts then.

    Args:
      function: Module and name of what will run here.
      marker: A file in the results folder, or None where there is no folder.

    Returns:
      Its "pid", "versions" and "memory_limit" in bytes (or None), whether it has a
      "nanny", whether it "sees" the folder, whether JAX was there before with "threads" of
      its own choice, and why its arithmetic is "unpinned", or None.
    """
    from distributed import get_worker

    here = get_worker()
    free = "jax" in sys.modules and os.environ.get("PJRT_NPROC") != "1"
    os.environ.update(ONE_THREAD)
    arithmetic.settle()
    getattr(importlib.import_module(function[0]), function[1])
    return {
        "pid": os.getpid(),
        "versions": versions(),
        "memory_limit": here.memory_manager.memory_limit,
        "nanny": here.nanny is not None,
        "sees": marker is None or os.path.exists(marker),
        "threads": free,
        "unpinned": unpinned(),
    }


def unpinned() -> str | None:
    """Fixes the arithmetic of this worker, if it has one, and returns why it cannot be, or None."""
    if "jax" not in sys.modules:
        return None
    try:
        arithmetic.pin()
    except arithmetic.Unpinned as error:
        return str(error)
    return None


def versions() -> dict[str, str]:
    """Returns the versions that decide what bits come out."""
    from importlib import metadata

    found = {}
    for package in VERSIONED:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def guarded(function: tuple[str, str], payload: Json, files: dict[str, bytes] | None) -> JsonObject:
    """Runs a task and returns whatever became of it.

    Args:
      function: Module and name of what runs it.
      payload: The task's.
      files: Its inputs where this worker does not see the results folder, else None.

    Returns:
      "result" and whether it was "returned"; the "files" it made where inputs came as
      files; the "memory" of this process after it, in bytes.
    """
    import psutil

    made: dict[str, bytes] = {}
    try:
        execute = getattr(importlib.import_module(function[0]), function[1])
        if files is None:
            result = execute(payload)
        else:
            from diffbench.workers import courier

            here = courier.unpacked(payload, files)
            result = execute(here)
            made = courier.packed(here, files)
        returned = True
    # A SystemExit too: a worker would take it for its own.
    except BaseException as error:
        result, returned = describe(error), False
    memory = psutil.Process().memory_info().rss
    return {"result": result, "returned": returned, "files": made, "memory": memory}


def end(dask_worker: Nanny) -> None:
    """Kills the worker of a nanny, which then starts a fresh one; runs in the nanny."""
    if dask_worker.pid is not None:
        # Compiled code that does not return heeds no other signal.
        os.kill(dask_worker.pid, signal.SIGKILL)
