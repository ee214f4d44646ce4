"""Ctrl-C, SIGTERM and SIGHUP end a run in one line, leave no process behind, and keep what is done."""

import os
import re
import signal
import subprocess
import sys
import time

import clusters
import psutil
import pytest
from tiny_suite import TINY, as_toml

pytestmark = pytest.mark.slow

# `python -m diffbench`, but for this: a shell's background job ignores Ctrl-C, and so would all that
# the tests start when they run in one.
LISTENING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("diffbench", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("name", "to_group", "times"),
    [("SIGINT", True, 1), ("SIGTERM", False, 1), ("SIGHUP", True, 1), ("SIGINT", True, 10)],
)
def test_a_signal_stops_a_run_cleanly(name, to_group, times, tmp_path):
    # Far more work than is done before the signal; a terminal's Ctrl-C goes to the whole group.
    (tmp_path / "s.toml").write_text(as_toml({**TINY, "training": {"steps": 10_000_000, "batch": 16}}))
    run = subprocess.Popen(
        [sys.executable, "-c", LISTENING, "run", "s.toml", "--out", "out", "--workers", "2"],
        cwd=tmp_path, env=clusters.environment(), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    records = tmp_path / "out" / "references"
    clusters.wait_for(lambda: records.exists() and list(records.glob("*.json")), "record")
    children = psutil.Process(run.pid).children(recursive=True)
    assert len(children) >= 2
    for _ in range(times):
        (os.killpg if to_group else os.kill)(run.pid, getattr(signal, name))
        time.sleep(0.1 if times > 1 else 0)
    out, err = run.communicate(timeout=clusters.PATIENCE)
    assert run.returncode == 130, err
    *before, last = err.splitlines()
    assert last == "stopped; all that is done is kept: the same command goes on from there"
    assert [line for line in before if not re.match(r"to do: |[a-z ]+: \d+ ", line)] == []
    assert list(records.glob("*.json"))
    assert not [path for path in (tmp_path / "out").rglob(".*") if path.is_file()]
    gone, alive = psutil.wait_procs(children, timeout=clusters.PATIENCE)
    assert not alive
