"""One task from its JSON to its record: what it tells, what it leaves alone, and what a failure looks like."""

import json
import shutil

import pytest

from diffbench.records.store import FOLDERS, Store
from diffbench.spec import identify
from diffbench.stages.work import STAGES, execute, measured_again


@pytest.fixture
def copy(trained, tmp_path):
    shutil.copytree(trained.root, tmp_path / "run")
    return Store(tmp_path / "run")


def payload(store, spec):
    return {"name": identify(spec), "spec": spec, "root": str(store.root), "plugins": []}


def one(store, stage):
    path = sorted((store.root / FOLDERS[stage]).glob("*.json"))[0]
    return json.loads(path.read_text())


def test_stages_stand_in_the_order_in_which_they_are_urgent():
    assert [*STAGES] == ["reference", "fit", "flow", "draw", "floor", "measure"]
    assert [stage.folder for stage in STAGES.values()] == [FOLDERS[name] for name in STAGES]


def test_a_record_that_is_there_is_found_and_nothing_is_done(copy):
    record = one(copy, "measure")
    before = copy.path("measure", identify(record["spec"])).read_bytes()
    told = execute(payload(copy, record["spec"]))
    assert told == {"status": "ok", "reason": "", "seconds": record["seconds"], "found": True}
    assert copy.path("measure", identify(record["spec"])).read_bytes() == before


def test_a_record_that_is_missing_is_made_with_the_same_values(copy):
    record = one(copy, "measure")
    copy.path("measure", identify(record["spec"])).unlink()
    told = execute(payload(copy, record["spec"]))
    assert told["status"] == "ok"
    assert "found" not in told
    again = copy.read("measure", identify(record["spec"]))
    assert (again["values"], again["floor"]) == (record["values"], record["floor"])
    assert again["started"] <= again["ended"]


def test_what_a_task_raises_is_a_record_with_its_reason_and_place(copy):
    spec = {"stage": "reference", "dataset": {"name": "no_such", "params": {}, "standardise": True}, "m": 4}
    told = execute(payload(copy, spec))
    assert told["status"] == "error"
    assert told["reason"].startswith("ValueError: unknown dataset 'no_such'; known: ")
    record = copy.read("reference", identify(spec))
    assert (record["status"], record["spec"]) == ("error", spec)
    assert record["provenance"]["jax"]


def test_what_is_measured_again_is_what_is_stored_and_is_not_written(trained):
    record = one(trained, "measure")
    before = {path: path.stat().st_mtime_ns for path in trained.root.rglob("*.json")}
    again = measured_again(record["spec"], Store(trained.root, frozen=True))
    assert again["values"] == record["values"]
    assert {path: path.stat().st_mtime_ns for path in trained.root.rglob("*.json")} == before
