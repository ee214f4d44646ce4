import errno
import json
import os

import numpy as np
import pytest

from diffbench.records import files, seal
from diffbench.records.store import Store, StoreError


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    return store


SAMPLES = {"samples": np.arange(6, dtype=np.float32).reshape(3, 2)}


def quarantined(store):
    """The reasons in quarantine, by the file that was moved."""
    notes = [json.loads(path.read_text()) for path in (store.root / "quarantine").glob("*.reason.json")]
    return {note["file"]: note["reason"] for note in notes}


def below(store, folder):
    return sorted(path.name for path in (store.root / folder).iterdir())


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


def test_the_first_line_of_a_record_is_the_digest_of_the_rest(store):
    import hashlib

    store.write("draw", "a", {"status": "ok"})
    first, rest = (store.root / "draws" / "a.json").read_bytes().split(b"\n", 1)
    assert first.decode() == f'{{"sha256": "{hashlib.sha256(rest).hexdigest()}",'
    assert json.loads(first + rest)["schema"] == 2


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


def old_record(store, name, content, samples=None):
    """A record as version 0.1 wrote it: no digest, arrays by its own name."""
    from safetensors import numpy as safetensors

    text = json.dumps({"schema": 1, **content}, indent=1, sort_keys=True)
    (store.root / "draws" / f"{name}.json").write_text(text + "\n")
    if samples is not None:
        (store.root / "draws" / f"{name}.safetensors").write_bytes(safetensors.save({"samples": samples}))


def test_records_of_before_there_were_digests_are_read(store):
    old_record(store, "a", {"status": "ok", "nfe": 3}, SAMPLES["samples"])
    assert store.read("draw", "a", whole=True) == {"schema": 1, "status": "ok", "nfe": 3}
    np.testing.assert_array_equal(store.arrays("draw", "a")["samples"], SAMPLES["samples"])


def test_an_old_failure_makes_room_for_a_success(store):
    old_record(store, "a", {"status": "error", "reason": "old"})
    assert store.read("draw", "a")["reason"] == "old"
    store.write("draw", "a", {"status": "ok"})
    assert store.read("draw", "a")["status"] == "ok"
    assert below(store, "draws") == ["a.failed-1.json", "a.json"]
    assert not (store.root / "quarantine").exists()


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


def test_a_record_with_any_bit_flipped_is_broken():
    whole = seal.seal({"status": "ok", "values": {"energy": 0.25}})
    assert seal.unseal(whole)["values"] == {"energy": 0.25}
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(seal.Broken):
            seal.unseal(bytes(data))


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


def test_a_frozen_store_moves_and_writes_nothing(store):
    store.write("draw", "a", {"status": "ok"})
    path = store.root / "draws" / "a.json"
    path.write_bytes(path.read_bytes()[:-5])
    frozen = Store(store.root, frozen=True)
    assert frozen.read("draw", "a") is None
    assert path.exists()
    with pytest.raises(StoreError, match="only read here"):
        frozen.write("draw", "b", {"status": "ok"})


def test_a_record_of_a_later_version_is_one_line_and_stays(store):
    body = seal.seal({"status": "ok"}).split(b"\n", 1)[1].replace(b'"schema": 2', b'"schema": 3')
    path = store.root / "draws" / "a.json"
    path.write_bytes(b'{"sha256": "' + seal.digest(body).encode() + b'",\n' + body)
    with pytest.raises(
        StoreError, match=r"a\.json: it has schema 3, and this version of diffbench reads 1 to 2"
    ):
        store.read("draw", "a")
    assert path.exists()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EACCES, "Permission denied"),
        (errno.EROFS, "Read-only"),
    ],
)
@pytest.mark.parametrize("step", ["open", "os.fsync", "os.link"])
def test_a_disk_that_refuses_is_one_line_and_leaves_the_rest(store, monkeypatch, code, text, step):
    store.write("draw", "a", {"status": "ok", "nfe": 1}, SAMPLES)

    def refuses(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(files if step == "open" else os, step.removeprefix("os."), refuses, raising=False)
        with pytest.raises(StoreError, match=rf"cannot write to the results folder .*run: {text}"):
            store.write("draw", "b", {"status": "ok", "nfe": 2}, SAMPLES)
    assert store.read("draw", "a", whole=True)["nfe"] == 1
    assert store.read("draw", "b") is None
    assert not [name for name in below(store, "draws") if name.endswith(".part")]


def test_a_record_that_may_not_be_read_is_one_line_and_stays(store, monkeypatch):
    store.write("draw", "a", {"status": "ok"})

    def refuses(*args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files, "read", refuses)
    with pytest.raises(StoreError, match=r"cannot read the results folder .*: Permission denied"):
        store.read("draw", "a")
    assert (store.root / "draws" / "a.json").exists()


def test_a_folder_that_has_gone_is_one_line_and_is_not_made_anew(store):
    import shutil

    shutil.rmtree(store.root)
    with pytest.raises(StoreError, match=r"cannot write to the results folder .*run: it has gone"):
        store.write("draw", "a", {"status": "ok"}, SAMPLES)
    assert not store.root.exists()


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write to the results folder .*file"):
        Store(tmp_path / "file" / "run").prepare()


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


@pytest.mark.parametrize("folder", ["fits", "measurements", "runs", "tables", "figures", "quarantine"])
def test_a_folder_of_ours_that_is_a_link_is_refused_before_any_work(store, tmp_path, folder):
    (tmp_path / "theirs").mkdir()
    for target in (tmp_path / "theirs", store.root / "floors"):
        if (store.root / folder).is_dir():
            (store.root / folder).rmdir()
        (store.root / folder).symlink_to(target)
        with pytest.raises(StoreError, match=rf"{folder} leads out of its place in .* by a symbolic link"):
            store.prepare()
        (store.root / folder).unlink()
    assert list((tmp_path / "theirs").iterdir()) == []


def test_symbolic_links_do_not_lead_out(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (store.root / "tables").symlink_to(outside)
    with pytest.raises(StoreError, match=r"leads out of .* by a symbolic link"):
        store.replace(store.root / "tables" / "measurements.csv", b"x")
    (outside / "a.json").write_bytes(seal.seal({"status": "ok"}))
    (store.root / "draws" / "a.json").symlink_to(outside / "a.json")
    assert store.read("draw", "a") is None
    (store.root / "fits").rmdir()
    (store.root / "fits").symlink_to(outside)
    with pytest.raises(StoreError, match=r"leads out of .* by a symbolic link"):
        store.prepare()
    assert sorted(path.name for path in outside.iterdir()) == ["a.json"]


def test_a_results_folder_may_itself_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    store = Store(tmp_path / "run")
    store.prepare()
    store.write("draw", "a", {"status": "ok"}, SAMPLES)
    assert store.read("draw", "a", whole=True) is not None
