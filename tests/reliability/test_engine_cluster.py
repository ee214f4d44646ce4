"""A run on a cluster that runs already: the same bytes, and clear lines when it is not there."""

import os
import signal
import time

import clusters
import pytest
from faults import misbehave
from tiny_suite import TINY, as_toml

from diffbench.workers import engine
from diffbench.workers.cluster import ClusterError
from diffbench.workers.engine import Settings, Task

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    with clusters.cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def diffbench(*args, cwd):
    import subprocess
    import sys

    return subprocess.run(
        [sys.executable, "-m", "diffbench", *map(str, args)],
        cwd=cwd, env=clusters.environment(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_a_cluster_gives_the_bytes_of_a_run_without_workers(two_workers, tmp_path):
    _, file, _ = two_workers
    (tmp_path / "s.toml").write_text(as_toml(TINY))
    made = {}
    for name, where in (("here", ["--workers", 0]), ("there", ["--scheduler-file", file])):
        done = diffbench("run", "s.toml", "--out", name, "--no-figures", *where, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        made[name] = (tmp_path / name / "tables" / "measurements.csv").read_bytes()
        assert not [path.name for path in (tmp_path / name).iterdir() if path.name.startswith(".")]
    assert made["there"] == made["here"]
    assert made["here"].count(b"\n") > 3


def engine_client(address):
    from distributed import Client

    return Client(address, set_as_default=False)


def run(do, settings, **payload):
    tasks = [Task(f"innocent{i}", "fit", {"do": "behave", "value": i}) for i in range(4)]
    tasks.insert(1, Task("culprit", "fit", {"do": do, **payload}))
    ended = {e.task.name: e for e in engine.run(tasks, misbehave, 0, settings)}
    assert [ended[f"innocent{i}"].result["value"] for i in range(4)] == [0, 1, 2, 3]
    return ended["culprit"].result


def test_a_task_that_hangs_on_a_cluster_is_a_timeout_and_its_worker_comes_back(two_workers):
    result = run("hold", Settings(scheduler=two_workers[0], cell_timeout=4))
    assert result == {"status": "timeout", "reason": "it took longer than 4 s"}


def test_a_task_that_kills_workers_of_a_cluster_takes_no_other_with_it(two_workers, tmp_path):
    log = tmp_path / "log"
    result = run("segfault", Settings(scheduler=two_workers[0]), log=str(log))
    assert result["status"] == "error"
    assert "its worker died" in result["reason"]
    assert len(log.read_text().splitlines()) >= 3


def test_workers_that_dask_s_own_chaos_kills_lose_nothing(tmp_path):
    """Workers live for 2 s on average, and 40 tasks take 6 s at least.

    That no worker dies has a chance of exp(-6); that a task dies three times and is given up, which
    is a row too, one of 1% for each.
    """
    from distributed.chaos import KillWorker

    tasks = [Task(f"t{i}", "fit", {"do": "work_a_while", "value": i}) for i in range(40)]
    tasks.append(Task("heir", "draw", {"do": "behave"}, after=tuple(task.name for task in tasks)))
    with clusters.cluster(tmp_path) as (address, _, _), engine_client(address) as client:
        client.register_plugin(KillWorker(delay="2 s", mode="segfault"))
        ended = list(engine.run(tasks, misbehave, 0, Settings(scheduler=address)))
    assert sorted(e.task.name for e in ended) == sorted(task.name for task in tasks)  # each once
    assert ended[-1].task.name == "heir"
    done = [e for e in ended if e.returned]
    assert all(e.result["value"] == e.task.payload.get("value") for e in done)
    assert len({e.result["pid"] for e in done}) > 2
    given_up = [e.result for e in ended if not e.returned]
    assert len(given_up) <= 3
    assert all(r["status"] == "error" and "its worker died; 3 times" in r["reason"] for r in given_up)


def test_two_runs_on_one_scheduler_do_not_mix(two_workers):
    settings = Settings(scheduler=two_workers[0])
    runs = [
        engine.run([Task("same", "fit", {"do": "behave", "value": v})], misbehave, 0, settings) for v in "ab"
    ]
    assert [next(one).result["value"] for one in runs] == ["a", "b"]
    for one in runs:
        one.close()


def test_workers_without_a_nanny_do_the_work(tmp_path):
    with clusters.cluster(tmp_path, workers=1, nanny=False) as (address, _, _):
        result = run("fail", Settings(scheduler=address))
    assert result["status"] == "error"


def test_a_scheduler_that_dies_is_one_line_and_what_is_done_is_kept(tmp_path):
    with clusters.cluster(tmp_path, workers=1) as (address, _, scheduler):
        tasks = [Task("a", "fit", {"do": "behave"}), Task("b", "fit", {"do": "sleep"})]
        ended = engine.run(tasks, misbehave, 0, Settings(scheduler=address))
        assert next(ended).task.name == "a"
        os.kill(scheduler.pid, signal.SIGKILL)
        with pytest.raises(
            ClusterError, match=f"the scheduler at {address} is gone; all that is done is kept"
        ):
            next(ended)


@pytest.mark.parametrize("listens", [False, True])
def test_a_scheduler_that_does_not_answer_is_one_line_within_15_seconds(listens, tmp_path):
    (tmp_path / "s.toml").write_text(as_toml(TINY))
    with clusters.mute_listener() as mute:
        address = mute if listens else "tcp://127.0.0.1:9"
        began = time.monotonic()
        with pytest.raises(
            ClusterError, match=f"no Dask scheduler answers at {address} within 10 s"
        ) as error:
            next(engine.run([Task("a", "fit", {})], misbehave, 0, Settings(scheduler=address)))
        assert time.monotonic() - began < 15
        assert len(str(error.value).splitlines()) == 1
        done = diffbench("run", "s.toml", "--scheduler", address, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("to do: ")]
    assert line.startswith(f"diffbench: no Dask scheduler answers at {address} within 10 s")


def test_the_address_of_a_worker_is_not_a_schedulers(two_workers):
    with engine_client(two_workers[0]) as client:
        worker = next(iter(client.nthreads()))
    with pytest.raises(ClusterError, match=f"at {worker} there is a Dask worker; give that of a scheduler"):
        next(engine.run([Task("a", "fit", {})], misbehave, 0, Settings(scheduler=worker)))
