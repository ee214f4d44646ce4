"""Workers are replaced before they wear out, and work where they see no results folder."""

import contextlib

import pytest
from faults import misbehave

from diffbench.records.store import Store
from diffbench.stages import harness
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import long as tables
from diffbench.workers import engine, fleet
from diffbench.workers import seat as seats
from diffbench.workers.engine import Task


@pytest.mark.slow
def test_a_worker_that_holds_many_programs_is_replaced(monkeypatch):
    monkeypatch.setattr(seats, "PROGRAMS", 3)
    tasks = [Task(f"t{i}", "fit", {"do": "behave"}, program=f"p{i % 4}") for i in range(8)]
    ran = {}
    for task, result, _ in engine.run(tasks, misbehave, 1):
        ran.setdefault(result["pid"], []).append(task.program)
    assert sum(map(len, ran.values())) == 8
    assert [len(set(programs)) for programs in ran.values()] == [
        3,
        2,
    ]  # the last of the third, and the fourth


@pytest.mark.slow
def test_workers_that_do_not_see_the_folder_give_the_same_bytes(tiny, tmp_path, monkeypatch):
    suite = suites.parse(tiny())
    made = {}
    for name, workers in (("here", 0), ("away", 2)):
        store = Store(tmp_path / name)
        if name == "away":
            monkeypatch.setattr(fleet, "marked", lambda folder: contextlib.nullcontext("/nowhere"))
        tally = harness.run(suite.model_dump(), expand(suite), store, workers=workers)
        assert tally.failed == []
        tables.write(store, tables.build(store), tables.read_run(store)["columns"])
        found = [store.root / "tables" / "measurements.csv", *store.root.rglob("*.safetensors")]
        made[name] = {path.name: path.read_bytes() for path in found}
    assert len(made["here"]) > 3
    assert made["away"] == made["here"]
