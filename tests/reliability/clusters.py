"""A Dask cluster in processes of its own on the loopback address, as a user would start one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120


def environment(**changes):
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "reliability")])
    # What a test process has set for itself is not what a machine of a cluster has.
    kept = {k: v for k, v in os.environ.items() if k not in ("PJRT_NPROC", "OMP_NUM_THREADS")}
    return {**kept, "PYTHONPATH": path, **changes}


def wait_for(condition, what):
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"no {what} within {PATIENCE} s")
        time.sleep(0.1)


@contextlib.contextmanager
def process(*args, folder, **env):
    """Runs a module as a process of its own and stops it, and its children, at the end."""
    with open(Path(folder) / f"{args[0]}-{time.monotonic_ns()}.log", "wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", *map(str, args)], cwd=folder, env=environment(**env),
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGTERM)
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()


@contextlib.contextmanager
def cluster(folder, workers=2, nanny=True):
    """Starts a scheduler and workers; yields its address, its file and its process."""
    file = Path(folder) / "scheduler.json"
    with contextlib.ExitStack() as stack:
        scheduler = stack.enter_context(
            process(
                "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--dashboard-address", "127.0.0.1:0",
                "--scheduler-file", file, folder=folder,
            )
        )  # fmt: skip
        wait_for(lambda: file.exists() and file.read_text().strip().endswith("}"), "scheduler")
        address = json.loads(file.read_text())["address"]
        for i in range(workers):
            own = Path(folder) / f"worker{i}"
            own.mkdir()
            stack.enter_context(
                process(
                    "distributed.cli.dask_worker", address, "--nthreads", 1, "--host", "127.0.0.1",
                    "--no-dashboard", "--nanny" if nanny else "--no-nanny", "--local-directory", own,
                    folder=own, PJRT_NPROC="1",
                )
            )  # fmt: skip
        yield address, file, scheduler


@contextlib.contextmanager
def mute_listener():
    """Listens on a free port, takes connections, and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
