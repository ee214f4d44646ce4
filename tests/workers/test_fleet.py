"""What a run leaves in its folder and on its workers: nothing, once those that were killed are replaced."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from diffbench.records.store import Store
from diffbench.workers import engine, fleet
from diffbench.workers.engine import Task

HOLDS_A_MARKER = """
import sys, time
from pathlib import Path
from diffbench.workers import fleet
with fleet.marked(Path(sys.argv[1])) as marker:
    print(marker, flush=True)
    time.sleep(600)
"""


def die_beside_its_files(payload):
    """Leaves a file where its inputs are and kills its worker, but not the next one that runs it."""
    import os

    flag = Path(payload["flag"])
    here = Path(payload["root"])
    (here / "fits").mkdir(exist_ok=True)
    (here / "fits" / "weights.safetensors").write_bytes(b"x")
    if not flag.exists():
        flag.write_text(str(here))
        os.kill(os.getpid(), signal.SIGKILL)
    return {"status": "ok", "reason": "", "root": str(here)}


def test_the_marker_of_a_killed_run_is_taken_away_and_that_of_a_live_one_stays(tmp_path):
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(2):
            process = subprocess.Popen(
                [sys.executable, "-c", HOLDS_A_MARKER, str(tmp_path)], text=True, stdout=subprocess.PIPE
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            held.append((process, Path(process.stdout.readline().strip())))
        (killed, its), (_, other) = held
        killed.kill()
        killed.wait()
        assert its.exists()
        with fleet.marked(tmp_path) as mine:
            assert sorted(tmp_path.iterdir()) == sorted([Path(mine), other])
        assert [*tmp_path.iterdir()] == [other]


@pytest.mark.slow
def test_the_folder_of_a_killed_worker_goes_when_another_takes_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "marked", lambda folder: contextlib.nullcontext("/nowhere"))
    store = Store(tmp_path / "run")
    store.prepare()
    payload = {"flag": str(tmp_path / "flag"), "root": str(store.root), "spec": {"stage": "fit"}, "name": "x"}
    (ended,) = engine.run([Task("x", "fit", payload)], die_beside_its_files, 1, folder=store.root)
    assert ended.result["status"] == "ok"
    left, used = Path((tmp_path / "flag").read_text()), Path(ended.result["root"])
    assert left != used
    assert store.root not in (left, used)
    assert not left.exists()
    assert not used.exists()
