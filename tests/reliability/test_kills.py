"""A writer killed at any step: what was whole stays whole, and the rest is made again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from placed import placed

from diffbench.records import runs
from diffbench.records.store import Store

ROOT = Path(__file__).resolve().parents[2]

# A child does the write again and again, each time in a process of its own that kills itself at
# the k-th call of what touches the disk, until one comes through.
CHILD = """
import builtins, os, signal, sys
import numpy as np
from diffbench.records import files, runs
from diffbench.records.store import Store
from tests.placed import placed

def hooked(real, left):
    def call(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return call

class Half:
    def __init__(self, file, left):
        self.file, self.left = file, left
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.file.close()
    def write(self, data):
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        hooked(lambda: None, self.left)()
        return self.file.write(data[len(data) // 2 :])
    def __getattr__(self, name):
        return getattr(self.file, name)

def act(root):
    store = Store(root)
    store.write("draw", "new", {"status": "ok", "nfe": 2}, {"samples": np.ones((4, 2), np.float32)})
    store.write("draw", "old", {"status": "error", "reason": "late"})
    store.write("fit", "bad", {"status": "error", "reason": "again"})
    runs.note(store, placed({"settings": 1, "columns": {}, "cells": [dict(CELL, dataset="new")]}))

CELL = {"dataset": "old", "score": "", "family": "", "budget": "", "sampler": "", "seed": 0, "n_samples": 4,
        "fit_id": None, "draw_id": "old", "measures": {}}

def prepare(root):
    store = Store(root)
    store.prepare()
    store.write("draw", "old", {"status": "ok", "nfe": 1}, {"samples": np.zeros((4, 2), np.float32)})
    store.write("fit", "bad", {"status": "error", "reason": "first"})
    runs.note(store, placed({"settings": 1, "columns": {}, "cells": [CELL]}))

for step in range(200):
    root = os.path.join(sys.argv[1], f"{step:03d}")
    prepare(root)
    child = os.fork()
    if child == 0:
        left = [step]
        for name in ("fsync", "link", "replace", "unlink", "rename"):
            setattr(os, name, hooked(getattr(os, name), left))
        real = builtins.open
        files.open = lambda *args: Half(hooked(real, left)(*args), left)
        act(root)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        print(step)
        break
    assert os.WIFSIGNALED(status), status
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder for each step at which its writer was killed, and one where it came through."""
    root = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(root)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    # Two files for the record, one for a failure and one for the run and its view: each opened,
    # half written, flushed, named, cleared and its name flushed.
    assert int(done.stdout) > 25
    return sorted(root.iterdir())


def test_what_was_there_before_a_kill_is_whole(killed):
    for folder in killed:
        store = Store(folder, frozen=True)
        assert store.read("draw", "old", whole=True)["nfe"] == 1, folder.name
        np.testing.assert_array_equal(store.arrays("draw", "old")["samples"], np.zeros((4, 2)))
        assert store.read("fit", "bad")["reason"] in ("first", "again")
        assert "old" in {row["dataset"] for row in runs.read(store)["cells"]}


def test_what_was_being_written_is_whole_or_not_there(killed):
    there = []
    for folder in killed:
        store = Store(folder, frozen=True)
        record = store.read("draw", "new", whole=True)
        if record is not None:
            np.testing.assert_array_equal(store.arrays("draw", "new")["samples"], np.ones((4, 2)))
        there.append(record is not None)
        # Nothing was broken either: a kill needs no quarantine.
        opened = Store(folder)
        assert (opened.read("draw", "new", whole=True) is not None) == there[-1]
        assert not (folder / "quarantine").exists(), folder.name
    assert there == sorted(there)  # once it is there, it stays
    assert not there[0]
    assert there[-1]


def test_the_same_work_again_ends_as_if_nothing_had_been(killed):
    for folder in killed:
        store = Store(folder)
        store.write("draw", "new", {"status": "ok", "nfe": 2}, {"samples": np.ones((4, 2), np.float32)})
        cell = {**runs.read(store)["cells"][0], "dataset": "new"}
        runs.note(store, placed({"settings": 1, "columns": {}, "cells": [cell]}))
        record = (folder / "draws" / "new.json").read_bytes()
        assert record == (killed[-1] / "draws" / "new.json").read_bytes()
        assert [row["dataset"] for row in runs.read(store)["cells"]] == ["new", "old"]
        assert [row["dataset"] for row in store.read_json("run.json")["cells"]] == ["new", "old"]
