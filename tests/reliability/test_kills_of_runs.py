"""A whole run, or its client alone, killed while it measures: nothing is left, and the table is the same."""

import contextlib
import os
import signal
import subprocess
import sys

import clusters
import psutil
import pytest
from tiny_suite import TINY, as_toml

pytestmark = pytest.mark.slow

METRICS = ["energy", "mmd2", "sliced_w2", "mode_tv"]


def begin(folder, out, workers):
    command = [sys.executable, "-m", "diffbench", "run", "s.toml", "--out", out, "--no-figures"]
    return subprocess.Popen(
        [*command, "--workers", str(workers)], cwd=folder, env=clusters.environment(),
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(folder, out, workers):
    run = begin(folder, out, workers)
    _, told = run.communicate(timeout=clusters.PATIENCE)
    assert run.returncode == 0, told
    return (folder / out / "tables" / "measurements.csv").read_bytes()


def test_a_run_that_is_killed_while_it_measures_goes_on_to_the_same_table(tmp_path):
    (tmp_path / "s.toml").write_text(as_toml({**TINY, "metrics": METRICS}))
    expected = finished(tmp_path, "alone", 0)
    stored = tmp_path / "killed" / "measurements"
    for count, kill in ((1, os.kill), (4, os.killpg)):
        run = begin(tmp_path, "killed", 2)
        try:
            clusters.wait_for(
                lambda count=count: stored.exists() and len([*stored.glob("*.json")]) >= count, "measurement"
            )
            children = psutil.Process(run.pid).children(recursive=True)
            kill(run.pid, signal.SIGKILL)
            run.communicate(timeout=clusters.PATIENCE)
            # Workers whose client is gone go too, whatever they were doing.
            assert psutil.wait_procs(children, timeout=clusters.PATIENCE)[1] == []
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    assert finished(tmp_path, "killed", 2) == expected
    assert not [path for path in (tmp_path / "killed").rglob(".*") if path.is_file()]
