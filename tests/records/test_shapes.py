"""Sealed files of the wrong shape: each is broken before one of its numbers is used."""

import contextlib
import copy
import itertools
import json
import math

import pytest

from diffbench.records import seal, shapes
from diffbench.records.store import FOLDERS, Store

PART = {"name": "p", "params": {"a": 1}, "version": 1}
SPEC = {
    "stage": "draw", "dataset": PART, "sampler": PART, "process": PART, "score": "learned", "n": 4, "seed": 0,
    "fit": {"stage": "fit", "dataset": PART, "family": PART, "network": PART, "training": {"name": "adam"}},
}  # fmt: skip
ABOUT = {"status": "ok", "reason": "", "seconds": 0.5, "compiled": False, "spec": SPEC}
READING = {"mean": 0.5, "sd": None, "z": 1, "p_value": 0.5}
GOOD = {
    "fit": {**ABOUT, "loss": 0.5},
    "draw": {**ABOUT, "nfe": 500},
    "reference": ABOUT,
    "measure": {**ABOUT, "values": {"energy": 0.5, "other": None}, "floor": {"energy": READING}},
    "floor": {**ABOUT, "values": {"energy": [0.5, None, 1]}},
}
WRONG = (None, True, "x", -1, 1.5, 10**400, [], {}, [1], {"x": "y"})


def leaves(value, path=()):
    """Every place in a JSON value, inner ones too."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from leaves(inner, (*path, key))


def changed(content, path, value):
    new = copy.deepcopy(content)
    *way, last = path
    inner = new
    for key in way:
        inner = inner[key]
    inner[last] = value
    return new


def numbers(value):
    """Every number at any depth."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers(inner)
    elif value is not None:
        yield value


def without(content, path):
    new = copy.deepcopy(content)
    *way, last = path
    inner = new
    for key in way:
        inner = inner[key]
    del inner[last]
    return new


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    return store


@pytest.mark.parametrize("stage", GOOD)
def test_a_good_record_is_read(store, stage):
    store.write(stage, "a", GOOD[stage])
    assert {k: v for k, v in store.read(stage, "a").items() if k != "schema"} == GOOD[stage]


# Stage, where in its record, and what stands there.
HARMS = [
    ("measure", ("values", "energy"), "0.5"),
    ("measure", ("values", "energy"), 10**400),
    ("measure", ("values", "energy"), True),
    ("measure", ("values", "energy"), [0.5]),
    ("measure", ("values",), 0.5),
    ("measure", ("floor",), []),
    ("measure", ("floor", "energy"), 1.0),
    ("measure", ("floor", "energy", "z"), "far"),
    ("measure", ("n_samples",), "many"),
    ("measure", ("n_samples",), [1]),
    ("measure", ("status",), None),
    ("measure", ("status",), "fine"),
    ("measure", ("status",), ["ok"]),
    ("measure", ("arrays",), [1, 2]),
    ("measure", ("arrays",), {"file": "a"}),
    ("measure", ("spec",), "x"),
    ("measure", ("spec", "dataset"), {"params": {}}),
    ("measure", ("spec", "fit", "family", "name"), None),
    ("draw", ("spec", "sampler", "params"), [1]),
    ("draw", ("spec", "sampler"), "ancestral"),
    ("draw", ("nfe",), 2.5),
    ("draw", ("nfe",), 10**30),
    ("draw", ("seconds",), "long"),
    ("floor", ("values", "energy"), 0.5),
    ("floor", ("values", "energy", 0), "x"),
    ("fit", ("reason",), {}),
    ("fit", ("inherited",), {"stage": "fit"}),
    ("fit", ("inherited",), {"stage": "training", "name": "a"}),
    ("fit", ("inherited",), {"stage": "fit", "name": "../a"}),
]


@pytest.mark.parametrize(("stage", "path", "value"), HARMS)
def test_a_record_of_another_shape_is_put_away_and_missing(store, stage, path, value):
    file = store.root / FOLDERS[stage] / "a.json"
    file.write_bytes(seal.seal(changed({**GOOD[stage], "arrays": None}, path, value)))
    assert store.read(stage, "a") is None
    assert not file.exists()
    (note,) = (store.root / "quarantine").glob("*.reason.json")
    reason = json.loads(note.read_text())["reason"]
    assert reason.startswith("it has another shape: ")
    assert "\n" not in reason
    assert len(reason) < 300
    store.write(stage, "a", GOOD[stage])
    assert store.read(stage, "a") is not None


@pytest.mark.parametrize(
    "path", [("status",), ("spec", "dataset", "name"), ("spec", "fit", "network", "params")]
)
def test_a_record_that_lacks_something_is_broken(path):
    with pytest.raises(seal.Broken, match="it has another shape"):
        shapes.record("measure")(without(GOOD["measure"], path))


def test_columns_may_be_as_good_as_contracts_let_them():
    from diffbench import contracts

    assert shapes.Better == contracts.Better


def test_a_failure_without_a_reason_is_broken():
    with pytest.raises(seal.Broken, match="status 'error' without a reason"):
        shapes.record("fit")({"status": "error"})


def test_a_specification_without_an_end_is_broken():
    spec = {}
    for _ in range(5000):
        spec = {"fit": spec}
    with pytest.raises(seal.Broken, match="has no end"):
        shapes.record("fit")({"status": "ok", "spec": spec})


def test_whatever_stands_anywhere_in_a_record_it_fits_or_is_broken():
    for stage, good in GOOD.items():
        for path, value in itertools.product([path for path in leaves(good) if path], WRONG):
            found = changed(good, path, value)
            with contextlib.suppress(seal.Broken):
                shapes.record(stage)(found)
                # What is let through is what nobody reads, or is what is read of it.
                assert found["status"] in ("ok", "diverged", "timeout", "out_of_memory", "error")
                assert all(math.isfinite(float(x)) for x in numbers(found.get("values")))
