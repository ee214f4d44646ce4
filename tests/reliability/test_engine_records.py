"""What the engine says of a task that did not come back is a record, so no row is missing."""

import pytest

from diffbench.records.store import Store
from diffbench.stages import harness, planning
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import long as tables


@pytest.fixture
def run(tiny, tmp_path, monkeypatch):
    """Returns a function that runs the tiny suite with another `execute`, and its store."""
    suite, store = suites.parse(tiny()), Store(tmp_path)
    cells = expand(suite)

    def go(execute, **options):
        monkeypatch.setattr("diffbench.stages.work.execute", execute)
        return harness.run(suite.model_dump(), cells, store, workers=0, **options)

    return go, store, cells


def raising(error):
    def execute(payload):
        raise error

    return execute


def ending(status):
    def execute(payload):
        record = {"status": status, "reason": "not finite", "spec": payload["spec"]}
        Store(payload["root"]).write(payload["spec"]["stage"], payload["name"], record)
        return record

    return execute


def ends(store):
    long = tables.build(store).long
    assert len(long) == 4  # truth, Gaussian, exact and learned
    return set(long["status"]), " ".join(long["reason"])


def test_no_row_is_missing_and_the_newest_end_is_the_one_that_counts(run):
    go, store, cells = run
    tally = go(raising(SystemExit("gone for good")))
    statuses, reasons = ends(store)
    assert statuses == {"error"}
    assert "SystemExit: gone for good" in reasons
    assert len(tally.failed) == tally.made > 0
    assert go(raising(AssertionError("not to be run"))).made == 0

    # Its worker may die once more: the old record must not stand for the new end.
    again = go(raising(MemoryError("no room")), retry_failed=True)
    assert again.made == tally.made
    statuses, reasons = ends(store)
    assert statuses == {"out_of_memory"}
    assert "MemoryError: no room" in reasons
    assert "gone for good" not in reasons


@pytest.mark.parametrize(("status", "tried"), [("timeout", True), ("error", True), ("diverged", False)])
def test_what_may_go_better_is_tried_again_when_asked(run, status, tried):
    go, store, cells = run
    go(ending(status))
    assert planning.plan(cells, store).tasks == []
    assert bool(planning.plan(cells, store, retry_failed=True).tasks) is tried
