import json

import numpy as np
import pytest

from diffbench.store import Store, StoreError


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    return store


def test_a_record_and_its_arrays_come_back(store):
    arrays = {"samples": np.arange(6, dtype=np.float32).reshape(3, 2), "ema/net/w": np.ones(3, np.float32)}
    store.write("draw", "a1", {"status": "ok", "nfe": 5}, arrays)
    assert store.has("draw", "a1")
    assert store.read("draw", "a1") == {"schema": 1, "status": "ok", "nfe": 5}
    back = store.arrays("draw", "a1")
    assert set(back) == set(arrays)
    for name, value in arrays.items():
        np.testing.assert_array_equal(back[name], value)


def test_what_is_not_there_is_none(store):
    assert not store.has("fit", "x")
    assert store.read("fit", "x") is None
    assert store.arrays("fit", "x") == {}
    assert store.read_json("run.json") is None


def test_numbers_that_json_cannot_hold_are_null(store):
    store.write("measure", "m", {"values": {"a": float("nan"), "b": [float("inf"), 1.0], "c": np.float32(2)}})
    text = (store.root / "measurements" / "m.json").read_text()
    assert json.loads(text)["values"] == {"a": None, "b": [None, 1.0], "c": 2.0}


def test_arrays_are_written_before_the_record_that_names_them(store, monkeypatch):
    order = []
    real = Store.replace
    monkeypatch.setattr(
        Store, "replace", lambda self, path, data: (order.append(path.suffix), real(self, path, data))
    )
    store.write("draw", "a", {"status": "ok"}, {"samples": np.zeros(2, np.float32)})
    assert order == [".safetensors", ".json"]


def test_a_write_that_breaks_leaves_the_old_record_and_no_litter(store, monkeypatch):
    store.write("draw", "a", {"status": "ok", "nfe": 1})

    def broken(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(OSError, match="No space left"):
        store.write("draw", "a", {"status": "ok", "nfe": 2})
    assert store.read("draw", "a")["nfe"] == 1
    assert [path.name for path in (store.root / "draws").iterdir()] == ["a.json"]


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write to the results folder .*file"):
        Store(tmp_path / "file" / "run").prepare()
