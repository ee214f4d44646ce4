"""A failure that was inherited stands as long as its cause does, and ends with it."""

import shutil

import pandas as pd
import pytest
from tiny_suite import TINY

from diffbench.records.store import FOLDERS, Store
from diffbench.spec import identify
from diffbench.stages import harness, planning
from diffbench.stages.work import STAGES
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import long as tables

LATE = {"status": "timeout", "reason": "it took longer than 1 s"}


def run(root, **options):
    suite, store = suites.parse(TINY), Store(root)
    return store, harness.run(suite.model_dump(), expand(suite), store, workers=0, **options)


def rows(store):
    return tables.build(store).long


@pytest.fixture
def alone(trained):
    """An undisturbed run."""
    return trained


def stopped(alone, root, stage, **end):
    """Returns a copy of a run in which the tasks of a stage failed before they could write a record."""
    shutil.copytree(alone.root, root)
    for later in [*STAGES][[*STAGES].index(stage) :]:
        if later != "floor" or stage in ("reference", "floor"):
            shutil.rmtree(root / FOLDERS[later])
    store = Store(root)
    store.prepare()
    for name in alone.names(stage):
        spec = alone.read(stage, name)["spec"]
        store.write(stage, name, {**LATE, "stage": stage, "spec": spec, **end})
    return store


def wakes(alone, store, stage):
    """Writes the records of a stage after all, as a worker does that was stopped and went on."""
    shutil.copytree(alone.root / FOLDERS[stage], store.root / FOLDERS[stage], dirs_exist_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["fit", "draw", "reference", "floor"])
def test_what_waited_for_a_worker_that_woke_is_done_on_a_plain_rerun(alone, tmp_path, stage):
    store = stopped(alone, tmp_path / "run", stage)
    _, first = run(store.root)
    heirs = [record for name in store.names("measure") if (record := store.read("measure", name))]
    inherited = [record for record in heirs if record["status"] != "ok"]
    assert {(one["status"], one["reason"]) for one in inherited} == {(LATE["status"], LATE["reason"])}
    assert {one["inherited"]["stage"] for one in inherited} == {stage}
    assert {one["inherited"]["name"] for one in inherited} <= {*alone.names(stage)}
    late = rows(store).query("status != 'ok'")
    assert {*late["reason"]} == {f"{stage}: {LATE['reason']}"}

    # As long as the cause stands nothing is done again.
    assert run(store.root)[1].made == 0
    wakes(alone, store, stage)
    _, again = run(store.root)
    assert again.failed == []
    assert again.made == len(first.failed)
    pd.testing.assert_frame_equal(rows(store), rows(alone))


def test_a_failure_of_its_own_stays_when_what_it_builds_on_is_made_again(alone, tmp_path):
    store = stopped(alone, tmp_path / "run", "measure")
    shutil.rmtree(store.root / FOLDERS["draw"])
    _, again = run(store.root)
    assert again.failed == []
    assert {*rows(store)["status"]} == {"timeout"}


def test_a_fit_that_shares_the_failure_of_the_one_that_leads_it_is_tried_when_that_is_mended(tmp_path):
    suite = suites.parse({**TINY, "seeds": 2, "replicas": 2, "scores": ["learned"]})
    cells, store = expand(suite), Store(tmp_path)
    store.prepare()
    first, second = [task for task in planning.plan(cells, store).tasks if task.stage == "fit"]
    store.write("fit", first.name, LATE)
    cause = {"stage": "fit", "name": first.name}
    store.write("fit", second.name, {**LATE, "inherited": cause})
    assert not [task for task in planning.plan(cells, store).tasks if task.stage == "fit"]
    store.write("fit", first.name, {"status": "ok"})
    assert [task.name for task in planning.plan(cells, store).tasks if task.stage == "fit"] == [second.name]
    assert identify(second.payload["spec"]) == second.name
