"""Broken files are moved away, and whole ones come back."""

import os

import numpy as np
import pytest
from kept import SAMPLES, below, quarantined

from diffbench.records import seal


def test_a_record_cut_at_any_byte_is_quarantined_and_missing(store, caplog):
    store.write("draw", "a", {"status": "ok", "nfe": 1})
    path = store.root / "draws" / "a.json"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert store.read("draw", "a") is None, length
        assert not path.exists()
    assert len(quarantined(store)) == 1
    assert len(list((store.root / "quarantine").glob("*.reason.json"))) == len(whole)
    assert "draws/a.json: it is empty" in caplog.text
    store.write("draw", "a", {"status": "ok", "nfe": 1})
    assert path.read_bytes() == whole


@pytest.mark.parametrize("harm", ["cut", "longer", "gone", "flipped"])
def test_broken_arrays_are_quarantined_with_their_record(store, harm):
    store.write("draw", "a", {"status": "ok"}, SAMPLES)
    (path,) = (store.root / "draws").glob("*.safetensors")
    data = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(data[:-1])
    elif harm == "longer":
        path.write_bytes(data + b"x")
    elif harm == "gone":
        path.unlink()
    else:
        data[-3] ^= 16
        path.write_bytes(data)
    assert (store.read("draw", "a") is not None) == (harm == "flipped")  # its size alone is looked at
    assert store.arrays("draw", "a") == {}
    assert store.read("draw", "a", whole=True) is None
    assert store.was_broken("draw", "a")
    assert "arrays" in quarantined(store)["draws/a.json"]
    assert below(store, "draws") == []
    store.write("draw", "a", {"status": "ok"}, SAMPLES)
    np.testing.assert_array_equal(store.arrays("draw", "a")["samples"], SAMPLES["samples"])


def test_a_record_made_again_before_it_was_moved_goes_back(store, monkeypatch):
    store.write("draw", "a", {"status": "ok", "nfe": 1})
    path = store.root / "draws" / "a.json"
    good = path.read_bytes()
    path.write_bytes(good[:-9])
    real = os.rename

    def late(source, target):
        if source == path:
            path.write_bytes(good)  # another process was here between the look and the move
        real(source, target)

    monkeypatch.setattr("os.rename", late)
    store.read("draw", "a")
    assert path.read_bytes() == good
    assert below(store, "quarantine") == []


def test_what_a_broken_file_holds_does_nothing_on_a_terminal(store, caplog):
    path = store.path("measure", "a")
    path.write_bytes(seal.seal({"status": "ok", "values": {"\x1b[2J\x1b]0;t\x07": "x"}}))
    assert store.read("measure", "a") is None
    assert r"values.\x1b[2J\x1b]0;t\x07: " in caplog.text
    assert caplog.text.rstrip("\n").isprintable()
