"""A sweep of 200 small cells: killed again and again, on a cluster, and with a poisoned cell in it."""

import os
import random
import signal
import subprocess
import sys
import time

import clusters
import pandas as pd
import pytest
from tiny_suite import as_toml

pytestmark = pytest.mark.slow

SWEEP = {
    "name": "sweep",
    "datasets": ["nine_gaussians", "eight_gaussians"],
    "families": ["ddpm"],
    "samplers": [{"name": "ancestral", "steps": 3}, {"name": "euler_maruyama", "steps": 3}],
    "scores": ["exact"],
    "metrics": ["energy"],
    "seeds": 25,
    "samples": 32,
    "floor_draws": 9,
}
CELLS = 200
KILLS = 20

POISON = '''
import os
from diffbench.contracts import METRICS, Column, Metric


@METRICS.register("poison")
def poison():
    """Returns a metric that takes its process down unless the samples are a bracket's."""

    def measure(key, outcome):
        if outcome.score is not None and len(outcome.samples) == 32:  # not when it is held to its contract
            os._exit(9)
        return {"poison": 0.0}, {}

    return Metric({"poison": Column()}, measure, needs=("samples",))
'''


def command(suite, out, *more):
    run = ["-m", "diffbench", "run", str(suite), "--out", str(out), "--no-figures", *map(str, more)]
    return [sys.executable, *run]


def finished(suite, out, *more):
    return subprocess.run(
        command(suite, out, *more), env=clusters.environment(), capture_output=True, text=True, timeout=540
    )


def table(out):
    return (out / "tables" / "measurements.csv").read_bytes()


def records(out):
    return sum(1 for _ in out.rglob("*.json"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    suite, out = folder / "sweep.toml", folder / "out"
    suite.write_text(as_toml(SWEEP))
    done = finished(suite, out, "--workers", 0)
    assert done.returncode == 0, done.stderr
    return suite, out


def test_a_sweep_has_a_row_for_each_of_its_200_cells(undisturbed):
    rows = pd.read_csv(undisturbed[1] / "tables" / "measurements.csv")
    assert len(rows) == CELLS
    assert (rows["status"] == "ok").all()


def test_a_sweep_killed_at_random_moments_gives_the_table_of_an_undisturbed_one(undisturbed, tmp_path):
    suite, whole = undisturbed
    out, rng, kills = tmp_path / "killed", random.Random(0), 0
    share = records(whole) // (KILLS + 2)
    while True:
        # A moment is a number of records, so that it does not hang on the machine's speed.
        enough = records(out) + rng.randint(1, share)
        running = subprocess.Popen(
            command(suite, out, "--workers", 0), env=clusters.environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        while running.poll() is None and (records(out) < enough or kills == KILLS):
            time.sleep(0.005)
        if running.poll() is not None:
            break
        time.sleep(rng.uniform(0.0, 0.02))
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        kills += 1
    assert kills == KILLS
    assert running.returncode == 0
    assert table(out) == table(whole)


def test_a_sweep_on_a_cluster_gives_the_table_of_one_process(undisturbed, tmp_path):
    suite, whole = undisturbed
    with clusters.cluster(tmp_path) as (address, _, _):
        done = finished(suite, tmp_path / "there", "--scheduler", address)
    assert done.returncode == 0, done.stderr
    assert table(tmp_path / "there") == table(whole)


def test_a_poisoned_cell_is_a_row_with_a_reason_beside_innocent_ones(tmp_path):
    (tmp_path / "poison.py").write_text(POISON)
    suite = tmp_path / "poisoned.toml"
    suite.write_text(
        as_toml({**SWEEP, "datasets": ["nine_gaussians"], "seeds": 1, "metrics": ["energy", "poison"]})
    )
    done = finished(suite, tmp_path / "out", "--workers", 2, "--plugin", tmp_path / "poison.py")
    assert done.returncode == 1, done.stderr
    rows = pd.read_csv(tmp_path / "out" / "tables" / "measurements.csv")
    poisoned = (rows["metric"] == "poison") & (rows["score"] == "exact")
    assert set(rows.loc[~poisoned, "status"]) == {"ok"}
    assert set(rows.loc[poisoned, "status"]) == {"error"}
    assert rows.loc[poisoned, "reason"].str.contains("measure: ").all()
