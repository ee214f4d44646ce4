import errno
import os
import socket
from pathlib import Path

import numpy as np
import pytest

from diffbench.records import files, quarantine


def sparse(path):
    with open(path, "wb") as file:
        file.truncate(20 * 10**9)


def socket_at(path):
    # Its path may be longer than a socket takes.
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


NO_FILES = {
    "pipe": os.mkfifo,
    "folder": os.mkdir,
    "socket": socket_at,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
    "sparse": sparse,
}


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("read", [files.read, lambda path: files.digest_of(path, 10**9)])
def test_what_is_no_bounded_file_is_not_read(tmp_path, kind, read):
    NO_FILES[kind](tmp_path / "x")
    told = "and .* are the most that is read" if kind == "sparse" else "it is not a regular file"
    with pytest.raises(files.Unfit, match=told):
        read(tmp_path / "x")


def test_a_device_is_not_read(tmp_path):
    with pytest.raises(files.Unfit, match="it is not a regular file"):
        files.read(Path("/dev/zero"))


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_bounded_file_is_put_away_unread(tmp_path, kind):
    from diffbench.records.store import Store

    store = Store(tmp_path / "run")
    store.prepare()
    NO_FILES[kind](store.root / "draws" / "a.json")
    assert store.read("draw", "a") is None
    assert store.was_broken("draw", "a")
    store.write("draw", "a", {"status": "ok"})
    assert store.read("draw", "a")["status"] == "ok"


@pytest.mark.parametrize("kind", NO_FILES)
def test_samples_that_are_no_bounded_file_are_put_away_unread(tmp_path, kind, monkeypatch, caplog):
    from diffbench.records.store import Store

    store = Store(tmp_path / "run")
    store.prepare()
    store.write("draw", "a", {"status": "ok"}, {"samples": np.zeros((3, 2), np.float32)})
    path = store.path("draw", store.read("draw", "a")["arrays"]["file"], "")
    path.unlink()
    NO_FILES[kind](path)
    monkeypatch.setattr(os, "fdopen", None)  # by which the content of a file is digested
    assert store.read("draw", "a") is None
    assert not os.path.lexists(path)
    assert "left where it is" not in caplog.text


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_disk_that_knows_no_flush_is_written_to_all_the_same(tmp_path, monkeypatch, code):
    def refuses(handle):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuses)
    assert files.create(tmp_path / "a", b"1")
    files.replace(tmp_path / "a", b"2")
    assert files.read(tmp_path / "a") == b"2"


def test_nothing_is_moved_from_behind_a_link(tmp_path, caplog):
    (tmp_path / "run").mkdir()
    for inside in (tmp_path / "others", tmp_path / "run" / "others"):
        inside.mkdir(parents=True)
        (inside / "a.json").write_bytes(b"theirs")
        link = tmp_path / "run" / "fits"
        link.symlink_to(inside)
        quarantine.put_away(tmp_path / "run", link / "a.json", "broken", lambda now: False)
        assert (inside / "a.json").read_bytes() == b"theirs"
        assert "left where it is" in caplog.text
        link.unlink()
    assert not (tmp_path / "run" / quarantine.FOLDER).exists()
