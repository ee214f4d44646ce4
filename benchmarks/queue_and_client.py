"""What a task costs the process that gives it out, however many there are: time, and memory kept.

python benchmarks/queue_and_client.py [tasks]

Three figures: taking a task from the queue; reading the inputs of a task for a worker that does not
see the results folder; and what stays in this process of each task that ended on a worker.
"""

from __future__ import annotations

import gc
import importlib
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from diffbench.records.store import Store
from diffbench.spec import identify
from diffbench.workers import courier, engine
from diffbench.workers.tasks import Queue, Task

MARKS = 4  # looks at the memory; the first lies after what Dask fills once


def nothing(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Returns at once; a task for a worker."""
    return {"status": "ok", "reason": "", "seconds": 0.0}


def queue_seconds(count: int) -> float:
    """Returns the processor seconds of taking and finishing a task, from a queue of that many."""
    tasks = [Task(f"t{i}", "draw", {}, program=f"p{i % 97}") for i in range(count)]
    queue, held, began = Queue(tasks), set[str](), time.process_time()
    for _ in range(200):
        if (task := queue.take(held)) is not None:
            queue.finish(task)
    return (time.process_time() - began) / 200


def courier_seconds(store: Store, count: int) -> float:
    """Returns the processor seconds of reading a task's inputs beside that many other records."""
    for i in range(count):
        (store.root / "draws" / f"{i:016x}.json").touch()
    draw = {"stage": "draw", "seed": 0}
    store.write("draw", identify(draw), {"status": "ok"}, {"samples": np.zeros((100, 2))})
    payload = {"root": str(store.root), "name": "x", "spec": {"stage": "measure", "draw": draw}}
    began = time.process_time()
    for _ in range(50):
        courier.inputs(payload)
    return (time.process_time() - began) / 50


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    for length in (500, 5_000, 50_000):
        print(f"queue of {length:,}: {1e6 * queue_seconds(length):.0f} us a task")
    for records in (500, 5_000):
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder) / "run")
            store.prepare()
            print(f"inputs beside {records:,} records: {1e3 * courier_seconds(store, records):.2f} ms a task")
    tasks = [Task(secrets.token_hex(8), "measure", {"n": i}, program=f"p{i % 5}") for i in range(count)]
    # Under the name by which a worker can import it.
    execute = importlib.import_module(Path(__file__).stem).nothing
    me, before = psutil.Process(), 0
    for number, _ in enumerate(engine.run(tasks, execute, 1), start=1):
        if number % (count // MARKS) == 0:
            gc.collect()
            now = me.memory_info().rss
            if before:
                print(f"client: {(now - before) / (count // MARKS):,.0f} bytes a task up to {number:,}")
            before = now


if __name__ == "__main__":
    main()
