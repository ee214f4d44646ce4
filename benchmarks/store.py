"""How long a folder of many records takes to become tables.

python benchmarks/store.py [records]
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

from diffbench.records import runs
from diffbench.records.store import Store
from diffbench.spec import identify
from diffbench.tables import long as tables

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from placed import placed

METRICS = ("energy", "mmd2", "sliced_w2", "mode_tv", "c2st", "coverage", "density", "score_error")
SAMPLERS = 4
SEEDS = 5
FAMILIES = 10


def fill(store: Store, count: int) -> int:
    """Writes about that many records, as a sweep over datasets leaves them, and returns how many."""
    per_dataset = FAMILIES * SEEDS * (1 + SAMPLERS * (1 + len(METRICS)))
    by = {"jax": "0.7", "processor": "some processor", "python": "3.11", "commit": "0" * 40, "threads": 1}
    base = {"status": "ok", "reason": "", "seconds": 0.125, "compiled": False, "provenance": by}
    cells = []
    written = 0

    def part(name: str) -> dict:
        return {"name": name, "params": {"scale": 1.0, "steps": 100, "labels": ["a", "b"]}, "version": 1}

    def put(stage: str, spec: dict, **content: object) -> str:
        nonlocal written
        name = identify(spec)
        store.write(stage, name, {**base, "stage": stage, "spec": spec, **content})
        written += 1
        return name

    # A power cut is no part of what is measured, and waiting for the disk 100,000 times is.
    flush, os.fsync = os.fsync, lambda handle: None
    for dataset, family, seed in itertools.product(
        range(max(1, round(count / per_dataset))), range(FAMILIES), range(SEEDS)
    ):
        labels = {"dataset": f"dataset_{dataset:03d}", "family": f"family_{family}"}
        fit = {
            **{k: part(v) for k, v in labels.items()},
            "network": part("mlp"),
            "seed": seed,
            "stage": "fit",
        }
        fit_id = put("fit", fit, loss=0.5)
        for sampler in range(SAMPLERS):
            draw = {"stage": "draw", "fit": fit, "sampler": part(f"sampler_{sampler}")}
            row = {**labels, "seed": seed}
            row |= {
                "score": "learned",
                "sampler": f"sampler_{sampler}",
                "budget": "2000x512",
                "n_samples": 2000,
            }
            row |= {"fit_id": fit_id, "draw_id": put("draw", draw, nfe=500), "versions": {}, "measures": {}}
            for number, metric in enumerate(METRICS):
                floor = {metric: {"mean": 0.5, "sd": 0.125, "z": number + seed, "p_value": 0.01}}
                spec = {"stage": "measure", "draw": draw, "metric": part(metric)}
                row["measures"][metric] = put(
                    "measure", spec, values={metric: number + 0.1 * seed}, floor=floor
                )
            cells.append(row)
    os.fsync = flush
    columns = {metric: {metric: {"better": "lower", "perfect": 0.0}} for metric in METRICS}
    runs.note(store, placed({"suite": {}, "settings": {}, "columns": columns, "cells": cells}))
    return written


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "run")
        store.prepare()
        began = time.perf_counter()
        count = fill(store, int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
        print(
            f"{count:,} records written in {time.perf_counter() - began:.1f} s, without waiting for the disk"
        )
        for _ in range(3):
            began, used = time.perf_counter(), time.process_time()
            rows = len(tables.build(store).long)
            print(
                f"tables.build: {rows:,} rows in {time.perf_counter() - began:.2f} s"
                f" ({time.process_time() - used:.2f} s of processor)"
            )


if __name__ == "__main__":
    main()
