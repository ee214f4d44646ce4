"""A folder of files: what a disk or a link does to it is one line, and nothing leaves it."""

import errno
import os

import pytest
from kept import SAMPLES, below

from diffbench.records import files, seal
from diffbench.records.store import Store, StoreError


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
