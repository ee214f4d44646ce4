"""Things that a task can do to its worker, as `execute` functions that workers import."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path


def misbehave(payload):
    """Does what the payload says and leaves a line in its log, where it has one."""
    if "log" in payload:
        with open(payload["log"], "a") as log:
            log.write(f"{payload['do']} {os.getpid()}\n")
    return ACTS[payload["do"]](payload)


def behave(payload):
    return {"status": "ok", "reason": "", "value": payload.get("value"), "pid": os.getpid()}


def say_environment(payload):
    names = (
        "PJRT_NPROC",
        "OMP_NUM_THREADS",
        "MALLOC_TRIM_THRESHOLD_",
        "CUDA_VISIBLE_DEVICES",
        "JAX_PLATFORMS",
    )
    return {**behave(payload), "environment": {name: os.environ.get(name) for name in names}}


def meet(payload):
    """Waits until as many tasks are here as the payload says, then says its environment."""
    (Path(payload["folder"]) / payload["value"]).touch()
    until = time.monotonic() + 60
    while len([*Path(payload["folder"]).iterdir()]) < payload["count"] and time.monotonic() < until:
        time.sleep(0.05)
    return say_environment(payload)


def fail(payload):
    raise RuntimeError("the first line\n\nsomething between\nthe last line")


def leave(payload):
    raise SystemExit("I take my leave")


def run_short(payload):
    raise MemoryError("Unable to allocate 9 TiB")


def diverge(payload):
    return {"status": "diverged", "reason": "the loss is not finite at step 3", "value": float("nan")}


def work_a_while(payload):
    time.sleep(0.3)
    return behave(payload)


def sleep(payload):
    while True:
        time.sleep(3600)


def hold(payload):
    """Hangs in compiled code that never lets the interpreter run, as a careless extension would."""
    ctypes.PyDLL(None).sleep(3600)


def hoard(payload):
    blocks = []
    while True:
        blocks.append(b"x" * 2**25)
        time.sleep(0.005)


def vanish(payload):
    os._exit(7)


def segfault(payload):
    ctypes.string_at(0)


def die_once(payload):
    """Kills its worker, but not the next one that runs it."""
    flag = Path(payload["flag"])
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return behave(payload)


ACTS = {
    name: act
    for name, act in globals().items()
    if callable(act) and getattr(act, "__module__", "") == __name__ and name != "misbehave"
}
