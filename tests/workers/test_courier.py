import os
from pathlib import Path

import numpy as np
import pytest

from diffbench.records.store import Store
from diffbench.spec import identify
from diffbench.workers import courier

DRAW = {"stage": "draw", "dataset": {"name": "ring", "params": {}}}


def payload(store):
    return {"name": "m", "spec": {"stage": "measure", "draw": DRAW}, "root": str(store.root), "plugins": []}


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "sparse"])
def test_what_is_no_bounded_file_is_broken_where_it_arrives_and_keeps_nobody(tmp_path, suffix, kind):
    store = Store(tmp_path)
    store.prepare()
    store.write("draw", identify(DRAW), {"status": "ok", "spec": DRAW}, {"samples": np.zeros((4, 2))})
    sent = courier.inputs(payload(store))
    assert len(sent) == 2
    (path,) = (store.root / "draws").glob(f"*{suffix}")
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    else:
        with open(path, "wb") as file:
            file.truncate(20 * 10**9)
    sent = courier.inputs(payload(store))
    assert sent[f"draws/{path.name}"] == b""
    assert path.exists(), "only who makes it again moves it away"


@pytest.fixture
def stored(tmp_path):
    """A results folder with a reference and a fit, and the payload of a draw from that fit."""
    store = Store(tmp_path / "run")
    store.prepare()
    fit = {"stage": "fit", "seed": 0}
    store.write("fit", identify(fit), {"status": "ok"}, {"weights": np.ones(3)})
    store.write("reference", identify({"stage": "reference"}), {"status": "ok"})
    spec = {"stage": "draw", "fit": fit, "n": 3}
    return store, fit, {"name": identify(spec), "spec": spec, "root": str(store.root), "plugins": []}


def test_a_task_travels_with_the_records_it_builds_on_and_no_other(stored):
    store, fit, payload = stored
    files = courier.inputs(payload)
    assert sorted(files) == sorted(f"fits/{path.name}" for path in (store.root / "fits").iterdir())
    assert len(files) == 2
    measure = {"stage": "measure", "draw": payload["spec"], "reference": {"stage": "reference"}}
    assert len(courier.inputs({**payload, "spec": measure})) == 3  # there is no draw yet


def test_a_failure_and_its_earlier_attempts_travel_too(stored):
    store, _, payload = stored
    fit = {"stage": "fit", "seed": 7}
    for _ in range(2):
        store.write("fit", identify(fit), {"status": "error", "reason": "no"})
    files = courier.inputs({**payload, "spec": {"stage": "draw", "fit": fit}})
    assert sorted(files) == [f"fits/{identify(fit)}.failed-{k}.json" for k in (1, 2)]


def test_no_stage_folder_is_listed_for_an_input(stored, monkeypatch):
    store, _, payload = stored
    expected = courier.inputs(payload)
    for name in ("iterdir", "glob", "rglob"):
        monkeypatch.setattr(Path, name, lambda *_: pytest.fail("a folder of many records is listed"))
    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, lambda *_: pytest.fail("a folder of many records is listed"))
    assert courier.inputs(payload) == expected


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["json", "safetensors"])
def test_a_broken_input_that_was_made_again_elsewhere_comes_back(stored, suffix):
    store, fit, payload = stored
    (path,) = (store.root / "fits").glob(f"{identify(fit)}*.{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    files = courier.inputs(payload)
    there = courier.unpacked(payload, files)
    away = Store(there["root"])
    assert away.read("fit", identify(fit), whole=True) is None
    away.write("fit", identify(fit), {"status": "ok"}, {"weights": np.ones(3)})
    courier.keep(store.root, courier.packed(there, files))
    assert store.read("fit", identify(fit), whole=True)["status"] == "ok"
    assert list(away.root.iterdir()) == []


def test_what_a_task_makes_elsewhere_comes_back_byte_for_byte(stored):
    store, fit, payload = stored
    files = courier.inputs(payload)
    there = courier.unpacked(payload, files)
    away = Store(there["root"])
    assert away.root != store.root
    assert away.read("fit", identify(fit)) == store.read("fit", identify(fit))
    away.write("draw", payload["name"], {"status": "ok", "nfe": 3})
    made = courier.packed(there, files)
    assert list(made) == [f"draws/{payload['name']}.json"]
    assert not [path for path in away.root.rglob("*") if path.is_file()]
    courier.keep(store.root, made)
    assert store.read("draw", payload["name"])["nfe"] == 3


def test_fits_that_were_trained_together_elsewhere_all_come_back(stored):
    store, fit, _ = stored
    led = {"stage": "fit", "seed": 1}
    payload = {"name": identify(fit), "spec": fit, "leads": [led], "root": str(store.root), "plugins": []}
    there = courier.unpacked(payload, {})
    for spec in (fit, led):
        Store(there["root"]).write("fit", identify(spec), {"status": "ok", "seed": spec["seed"]})
    courier.keep(store.root, courier.packed(there, {}))
    assert store.read("fit", identify(led))["seed"] == 1
    assert not [path for path in Store(there["root"]).root.rglob("*") if path.is_file()]
    # And so the worker that gets the one that was led, wherever it is, finds its record,
    # which does not travel back.
    follows = {**payload, "name": identify(led), "spec": led, "leads": [], "led": identify(fit)}
    files = courier.inputs(follows)
    assert f"fits/{identify(led)}.json" in files
    assert f"fits/{identify(fit)}.json" in files
    assert courier.packed(courier.unpacked(follows, files), files) == {}


def test_what_comes_back_is_written_over_nothing(stored):
    store, fit, payload = stored
    name = identify(fit)
    before = store.path("fit", name).read_bytes()
    other = Store(store.root.parent / "other")
    other.prepare()
    other.write("fit", name, {"status": "ok", "from": "another machine"})
    other.write("fit", "x", {"status": "error", "reason": "away"})
    files = {f"fits/{path.name}": path.read_bytes() for path in (other.root / "fits").glob("*.json")}
    store.write("fit", "x", {"status": "error", "reason": "here"})
    courier.keep(store.root, files)
    assert store.path("fit", name).read_bytes() == before
    # A failure is another attempt, whatever number it had there.
    assert [store.load(store.path("fit", "x", f".failed-{k}.json"))["reason"] for k in (1, 2)] == [
        "here",
        "away",
    ]
    # But what stood there and was broken makes room.
    store.path("fit", name).write_bytes(before[:-9])
    courier.keep(store.root, files)
    assert store.read("fit", name)["from"] == "another machine"


def test_the_record_is_written_after_its_arrays(stored, monkeypatch):
    order = []
    monkeypatch.setattr(Store, "create", lambda self, path, content: order.append(path.suffix) or True)
    courier.keep(stored[0].root, {"draws/a.json": b"", "draws/a.safetensors": b""})
    assert order == [".safetensors", ".json"]
