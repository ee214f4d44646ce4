import errno
import os

import numpy as np
import pytest
from kept import SAMPLES, below, quarantined

from diffbench.records import files, seal
from diffbench.records.store import Store, StoreError


def test_a_record_and_its_arrays_come_back(store):
    arrays = {**SAMPLES, "ema/net/w": np.ones(3, np.float32)}
    store.write("draw", "a1", {"status": "ok", "nfe": 5}, arrays)
    assert store.has("draw", "a1")
    record = store.read("draw", "a1", whole=True)
    about = record.pop("arrays")
    assert record == {"schema": 2, "status": "ok", "nfe": 5}
    data = (store.root / "draws" / about["file"]).read_bytes()
    assert (len(data), seal.digest(data)) == (about["bytes"], about["sha256"])
    back = store.arrays("draw", "a1")
    assert set(back) == set(arrays)
    for name, value in arrays.items():
        np.testing.assert_array_equal(back[name], value)


def test_what_is_not_there_is_none(store):
    assert not store.has("fit", "x")
    assert store.read("fit", "x") is None
    assert store.arrays("fit", "x") == {}
    assert store.read_json("run.json") is None


def test_arrays_are_written_before_the_record_that_names_them(store, monkeypatch):
    order = []
    real = files.create
    monkeypatch.setattr(files, "create", lambda path, data: (order.append(path.suffix), real(path, data))[1])
    store.write("draw", "a", {"status": "ok"}, SAMPLES)
    assert order == [".safetensors", ".json"]


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_after(store, monkeypatch):
    steps = []
    for name in ("fsync", "link"):
        real = getattr(os, name)

        def spy(*args, name=name, real=real):
            kind = "folder" if name == "fsync" and os.path.isdir(f"/proc/self/fd/{args[0]}") else "file"
            steps.append((name, kind))
            return real(*args)

        monkeypatch.setattr(os, name, spy)
    files.create(store.root / "x", b"content")
    assert steps == [("fsync", "file"), ("link", "file"), ("fsync", "folder")]


def test_a_record_that_is_there_is_never_written_over(store):
    store.write("draw", "a", {"status": "ok", "nfe": 1}, SAMPLES)
    before = (store.root / "draws" / "a.json").read_bytes()
    store.write("draw", "a", {"status": "ok", "nfe": 2}, {"samples": np.zeros(3, np.float32)})
    assert (store.root / "draws" / "a.json").read_bytes() == before
    np.testing.assert_array_equal(store.arrays("draw", "a")["samples"], SAMPLES["samples"])


def test_a_disk_without_hard_links_is_written_to_all_the_same(store, monkeypatch):
    def no_links(*args):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    for nfe in (1, 2):
        store.write("draw", "a", {"status": "ok", "nfe": nfe})
    assert store.read("draw", "a")["nfe"] == 1
    assert below(store, "draws") == ["a.json"]


def test_a_success_stands_over_earlier_failures_and_leaves_them(store):
    for reason in ("first", "second"):
        store.write("draw", "a", {"status": "error", "reason": reason})
    assert store.read("draw", "a")["reason"] == "second"
    store.write("draw", "a", {"status": "ok", "reason": ""}, SAMPLES)
    assert store.read("draw", "a")["status"] == "ok"
    assert below(store, "draws")[1:] == ["a.failed-1.json", "a.failed-2.json", "a.json"]
    store.write("draw", "a", {"status": "error", "reason": "late"})
    assert store.read("draw", "a")["status"] == "ok"
    assert list(store.names("draw")) == ["a"]


def test_every_bit_of_a_sample_file_counts(store):
    store.write("draw", "a", {"status": "ok"}, SAMPLES)
    frozen = Store(store.root, frozen=True)
    (path,) = (store.root / "draws").glob("*.safetensors")
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert frozen.read("draw", "a", whole=True) is None, bit
    path.write_bytes(whole)
    assert frozen.read("draw", "a", whole=True) is not None


def test_arrays_left_broken_by_another_are_written_again(store):
    store.write("draw", "a", {"status": "ok"}, SAMPLES)
    (path,) = (store.root / "draws").glob("*.safetensors")
    (store.root / "draws" / "a.json").unlink()
    path.write_bytes(b"")
    store.write("draw", "a", {"status": "ok"}, SAMPLES)
    np.testing.assert_array_equal(store.arrays("draw", "a")["samples"], SAMPLES["samples"])


def test_a_frozen_store_moves_and_writes_nothing(store):
    store.write("draw", "a", {"status": "ok"})
    path = store.root / "draws" / "a.json"
    path.write_bytes(path.read_bytes()[:-5])
    frozen = Store(store.root, frozen=True)
    assert frozen.read("draw", "a") is None
    assert path.exists()
    with pytest.raises(StoreError, match="only read here"):
        frozen.write("draw", "b", {"status": "ok"})


BAD_NAMES = [
    "..",
    "../a",
    "/etc/a",
    "a/b",
    "a\\b",
    "a\0b",
    "",
    ".a",
    "a.",
    "CON",
    "nul.x",
    "Lpt1",
    "a" * 300,
    "a\n",
    "ä",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_no_name_leaves_the_folder(store, name):
    for act in (
        lambda: store.read("draw", name),
        lambda: store.has("draw", name),
        lambda: store.arrays("draw", name),
        lambda: store.write("draw", name, {"status": "ok"}),
    ):
        if name not in ("a.",):  # with a suffix it is one
            with pytest.raises(StoreError, match="expected the name of a record"):
                act()
    if name:  # without one it is the folder's own
        with pytest.raises(StoreError, match=r"cannot write to the results folder"):
            store.replace(store.root / "tables" / name, b"x")


def test_arrays_that_a_record_names_outside_the_folder_are_not_read(store):
    text = seal.seal(
        {"status": "ok", "arrays": {"file": "../../secret", "bytes": 3, "sha256": seal.digest(b"abc")}}
    )
    (store.root / "draws" / "a.json").write_bytes(text)
    (store.root.parent / "secret").write_bytes(b"abc")
    assert store.arrays("draw", "a") == {}
    assert (store.root.parent / "secret").read_bytes() == b"abc"
    assert quarantined(store)["draws/a.json"].startswith("it has another shape: arrays")


def test_arrays_of_another_record_are_neither_read_nor_moved(store):
    store.write("draw", "other", {"status": "ok"}, SAMPLES)
    about = store.read("draw", "other")["arrays"]
    for told in (about, {**about, "bytes": 1}, {**about, "sha256": "0" * 64}):
        (store.root / "draws" / "a.json").write_bytes(seal.seal({"status": "ok", "arrays": told}))
        assert store.arrays("draw", "a") == {}
        assert store.read("draw", "other", whole=True) is not None
