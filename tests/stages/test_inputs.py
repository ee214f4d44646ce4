"""What a task builds on: whole records, made again where they broke, and failures that are handed on."""

import numpy as np
import pytest

from diffbench.records.store import Store
from diffbench.spec import identify
from diffbench.stages.inputs import Blocked, Inputs

FIT, DRAW = {"stage": "fit", "seed": 0}, {"stage": "draw", "n": 3}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    return store


def test_a_record_and_its_arrays_are_those_of_the_store(store):
    store.write("fit", identify(FIT), {"status": "ok", "loss": 0.5}, {"w": np.arange(3.0)})
    assert Inputs(store).record(FIT)["loss"] == 0.5
    np.testing.assert_array_equal(Inputs(store).arrays(FIT)["w"], np.arange(3.0))
    Inputs(store).need(FIT, None)


def test_what_is_missing_or_failed_blocks_and_says_where_the_cause_lies(store):
    with pytest.raises(Blocked, match="the fit it needs is missing") as missing:
        Inputs(store).need(None, FIT)
    cause = {"stage": "fit", "name": identify(FIT)}
    told = {"status": "error", "reason": "the fit it needs is missing", "inherited": cause}
    assert missing.value.failure == told
    store.write("fit", identify(FIT), {"status": "timeout", "reason": "it took longer than 4 s"})
    with pytest.raises(Blocked) as failed:
        Inputs(store).record(FIT)
    late = {"status": "timeout", "reason": "it took longer than 4 s", "inherited": cause}
    assert failed.value.failure == late
    # A failure that was inherited itself hands on where the first lies.
    store.write("draw", identify(DRAW), late)
    with pytest.raises(Blocked) as again:
        Inputs(store).record(DRAW)
    assert again.value.failure == late


def test_a_record_that_broke_is_made_again_and_one_that_never_was_is_not(store):
    asked = []

    def remake(spec, store):
        asked.append(spec)
        store.write(spec["stage"], identify(spec), {"status": "ok", "made": "again"})
        return store.read(spec["stage"], identify(spec))

    inputs = Inputs(store, remake)
    with pytest.raises(Blocked):
        inputs.record(FIT)
    assert asked == []
    store.write("fit", identify(FIT), {"status": "ok"})
    path = store.path("fit", identify(FIT))
    path.write_bytes(path.read_bytes()[:-5])
    assert inputs.record(FIT)["made"] == "again"
    assert asked == [FIT]
