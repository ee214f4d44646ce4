"""Processes at once on one folder: no row is lost and none is there twice."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from diffbench.records import runs, seal
from diffbench.records.store import Store
from diffbench.stages import harness, planning
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import long as tables

ROOT = Path(__file__).resolve().parents[2]
RACERS = 8

# Every racer writes every record in an order of its own, and asks for a cell of its own.
RACER = """
import random, sys, time
import numpy as np
from diffbench.records import runs
from diffbench.records.store import Store
from tests.placed import placed

root, me, start = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
store = Store(root)
names = [f"{i:04d}" for i in range(40)]
random.Random(me).shuffle(names)
time.sleep(max(0.0, start - time.time()))
store.prepare()
cell = {"dataset": f"mine{me}", "score": "", "family": "", "budget": "", "sampler": "", "seed": 0, "n_samples": 8,
        "fit_id": None, "draw_id": "0000", "measures": {}}
runs.note(store, placed({"settings": 1, "columns": {}, "cells": [cell]}))
for name in names:
    # Arrays of two racers need not be the same bytes, as on two kinds of processor.
    arrays = {"samples": np.full((8, 2), me % 2, np.float32)}
    if me == 0 and int(name) % 10 == 0:
        store.write("draw", name, {"status": "error", "reason": "bad luck"})
    store.write("draw", name, {"status": "ok", "by": me % 2}, arrays)
    assert store.read("draw", name, whole=True)["status"] == "ok"
"""


@pytest.mark.slow
def test_racing_writers_leave_each_record_once_and_whole(tmp_path):
    import time

    start = str(time.time() + 2.0)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path / "run"), str(me), start],
            cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        for me in range(RACERS)
    ]
    for racer in racers:
        _, told = racer.communicate(timeout=120)
        assert racer.returncode == 0, told.decode()
        assert told == b""  # nothing was quarantined
    store = Store(tmp_path / "run", frozen=True)
    assert list(store.names("draw")) == [f"{i:04d}" for i in range(40)]
    for name in store.names("draw"):
        record = store.read("draw", name, whole=True)
        # The record and its arrays are of one writer.
        assert (store.arrays("draw", name)["samples"] == record["by"]).all()
    mine = {f"mine{me}" for me in range(RACERS)}
    assert {row["dataset"] for row in runs.read(store)["cells"]} == mine
    assert {row["dataset"] for row in store.read_json("run.json")["cells"]} == mine
    assert not (tmp_path / "run" / "quarantine").exists()
    assert not list((tmp_path / "run").rglob("*.part"))


def run(content, root, **options):
    suite = suites.parse(content)
    store = Store(root)
    return store, harness.run(suite.model_dump(), expand(suite), store, workers=0, **options)


def rows(store):
    labels = ["dataset", "score", "sampler", "seed", "metric", "value", "z", "status"]
    return tables.build(store).long[labels].reset_index(drop=True)


@pytest.fixture
def alone(trained):
    return trained


@pytest.mark.slow
def test_racing_runs_share_the_work_and_make_the_table_of_one(alone, tmp_path):
    from tiny_suite import TINY, as_toml

    (tmp_path / "tiny.toml").write_text(as_toml(TINY))
    command = ["-m", "diffbench", "run", "tiny.toml", "--out", "run", "--workers", "0", "--no-figures"]
    racers = [
        subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(RACERS)
    ]
    for racer in racers:
        _, told = racer.communicate(timeout=500)
        assert racer.returncode == 0, told.decode()
    store = Store(tmp_path / "run")
    pd.testing.assert_frame_equal(rows(store), rows(alone))
    assert not (tmp_path / "run" / "quarantine").exists()


def test_a_task_that_another_run_did_in_the_meantime_is_not_done_again(alone, tiny, tmp_path, monkeypatch):
    from diffbench.stages import work

    cells = expand(suites.parse(tiny()))
    planned = planning.plan(cells, Store(tmp_path))
    store, _ = run(tiny(), tmp_path)

    def never(spec, store):
        raise AssertionError("done again")

    for name, stage in work.STAGES.items():
        monkeypatch.setitem(work.STAGES, name, dataclasses.replace(stage, run=never))
    results = [work.execute(task.payload) for task in planned.tasks]
    assert {(result["status"], result["found"]) for result in results} == {("ok", True)}


def test_runs_begin_at_places_of_their_own(tiny, tmp_path):
    cells = expand(suites.parse(tiny(seeds=5)))
    firsts = {planning.plan(cells, Store(tmp_path)).tasks[-1].name for _ in range(30)}
    assert len(firsts) > 3
    orders = [[task.name for task in planning.plan(cells, Store(tmp_path)).tasks] for _ in range(2)]
    assert sorted(orders[0]) == sorted(orders[1])


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "harm"), [("fits", "flip"), ("draws", "flip"), ("references", "cut")])
def test_a_broken_file_is_made_again_and_the_table_is_the_same(alone, tiny, tmp_path, stage, harm):
    """The file is broken and one more metric is asked for, which must build on it."""
    import shutil

    whole, _ = run(tiny(metrics=["energy", "sliced_w2", "score_error"]), tmp_path / "whole")
    shutil.copytree(alone.root, tmp_path / "run")
    for path in (tmp_path / "run" / stage).glob("*.safetensors"):
        data = bytearray(path.read_bytes())
        data[-2] ^= 4
        path.write_bytes(data if harm == "flip" else data[:-5])
    store, tally = run(tiny(metrics=["energy", "sliced_w2", "score_error"]), tmp_path / "run")
    assert tally.failed == []
    pd.testing.assert_frame_equal(rows(store), rows(whole))
    notes = [json.loads(path.read_text()) for path in (store.root / "quarantine").glob("*.reason.json")]
    assert {note["file"].split("/")[0] for note in notes} == {stage}


@pytest.mark.parametrize("stage", ["fits", "draws", "measurements", "references", "floors"])
def test_broken_records_are_made_again_and_the_table_is_the_same(alone, tiny, tmp_path, stage):
    import shutil

    shutil.copytree(alone.root, tmp_path / "run")
    for path in (tmp_path / "run" / stage).glob("*.json"):
        path.write_bytes(path.read_bytes().replace(b'"status": "ok"', b'"status": "OK"'))
    store, tally = run(tiny(), tmp_path / "run")
    assert tally.failed == []
    assert tally.made == len(list((alone.root / stage).glob("*.json")))
    pd.testing.assert_frame_equal(rows(store), rows(alone))


def test_what_only_waited_is_tried_again_without_being_told(alone, tiny, tmp_path):
    import shutil

    shutil.copytree(alone.root, tmp_path / "run")
    store = Store(tmp_path / "run")
    (path,) = [p for p in (store.root / "measurements").glob("*.json")][:1]
    record = seal.unseal(path.read_bytes())
    path.unlink()
    cause = {"stage": "draw", "name": "0" * 16}
    blocked = {
        **record,
        "status": "error",
        "reason": "the draw it needs is missing",
        "inherited": cause,
    }
    store.write("measure", path.stem, blocked)
    store, tally = run(tiny(), tmp_path / "run")
    assert (tally.made, tally.failed) == (1, [])
    pd.testing.assert_frame_equal(rows(store), rows(alone))
