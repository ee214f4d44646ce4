"""How long a sweep of many cells takes to become cells, a plan and tables, before any work and after all.

python benchmarks/planning.py [cells]

No work is done: every record is written as the plan names it, with made-up values. Seconds are of the
processor, and again for 100,000 cells in proportion.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diffbench.records.store import Store
from diffbench.stages import harness, planning
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import long as tables

DATASETS = ("circle", "two_moons", "nine_gaussians", "checkerboard", "pinwheel")
FAMILIES = ("ddpm", "score_sde", "ncsn")
METRICS = {"energy": ["energy"], "mmd2": ["mmd2"], "sliced_w2": ["sliced_w2"]}
SAMPLERS = 10
BUDGETS = 4
MANY = 100_000


def suite(cells: int) -> suites.Suite:
    """Returns a sweep of about that many cells."""
    seeds = max(1, round(cells / (len(DATASETS) * len(FAMILIES) * SAMPLERS * BUDGETS)))
    samplers = [{"name": "euler_maruyama", "steps": 10 + i, "label": f"a{i}"} for i in range(SAMPLERS)]
    return suites.parse(
        {
            "name": "many",
            "datasets": list(DATASETS),
            "families": list(FAMILIES),
            "samplers": samplers,
            "metrics": list(METRICS),
            "scores": ["learned"],
            "seeds": seeds,
            "training": {"batch": 16, "sweep": {"steps": [100 * (i + 1) for i in range(BUDGETS)]}},
        }
    )


def fill(store: Store, planned: planning.Plan) -> None:
    """Writes a record for every task."""
    by = {"jax": "0.7", "processor": "some processor", "python": "3.11", "commit": "0" * 40, "threads": 1}
    base = {"status": "ok", "reason": "", "seconds": 0.125, "compiled": False, "provenance": by, "nfe": 500}
    # A power cut is no part of what is measured, and waiting for the disk 100,000 times is.
    flush, os.fsync = os.fsync, lambda handle: None
    for number, task in enumerate(planned.tasks):
        record = {**base, "stage": task.stage, "spec": task.payload["spec"]}
        if task.stage == "measure":
            (column,) = METRICS[task.payload["spec"]["metric"]["name"]]
            reading = {"mean": 0.5, "sd": 0.125, "z": number % 50, "p_value": 0.01}
            record |= {"values": {column: 0.5 + number % 50 / 8}, "floor": {column: reading}}
        store.write(task.stage, task.name, record)
    os.fsync = flush


def timed(title: str, cells: int, do: Callable[[], Any]) -> Any:
    """Does something and prints what it took."""
    began = time.process_time()
    made = do()
    took = time.process_time() - began
    print(f"{title}: {took:.2f} s; {MANY:,} cells: {took / cells * MANY:.0f} s", flush=True)
    return made


def main() -> None:
    asked = suite(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "run")
        store.prepare()
        cells = expand(asked)
        print(f"{len(cells):,} cells")
        timed("suite to cells", len(cells), lambda: expand(asked))
        planned = timed("cells to plan, nothing done", len(cells), lambda: planning.plan(cells, store))
        print(f"{len(planned.tasks):,} tasks")
        suite_as_json = asked.model_dump()
        timed("plan to run.json", len(cells), lambda: harness.note_run(store, suite_as_json, planned))
        fill(store, planned)
        timed("cells to plan, all done", len(cells), lambda: planning.plan(cells, store))
        made = timed("records to tables", len(cells), lambda: tables.build(store))
        columns = tables.read_run(store)["columns"]
        timed("tables to files", len(cells), lambda: tables.write(store, made, columns))


if __name__ == "__main__":
    main()
