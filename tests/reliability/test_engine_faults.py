"""A task may raise, hang, leak or take its worker down: it ends as a row, and harms no other."""

import os
import re

import pytest
from faults import misbehave

from diffbench.records.outcome import FINAL, describe
from diffbench.workers import engine
from diffbench.workers.engine import Settings, Task

INNOCENTS = 6


def beside_innocents(act, *, workers=2, settings=None, innocents=INNOCENTS, **payload):
    """Runs one task that misbehaves among others; returns its end and checks the others'."""
    names = [f"innocent{i}" for i in range(innocents)]
    tasks = [Task(n, "fit", {"do": "behave", "value": i}, program=n) for i, n in enumerate(names)]
    tasks.insert(1, Task("culprit", "fit", {"do": act, **payload}, program="culprit"))
    tasks.append(Task("heir", "draw", {"do": "behave"}, after=("culprit",)))
    ended = list(engine.run(tasks, misbehave, workers, settings))
    assert sorted(e.task.name for e in ended) == sorted([*names, "culprit", "heir"])  # each once
    by_name = {e.task.name: e for e in ended}
    for i, name in enumerate(names):
        assert by_name[name].returned
        assert (by_name[name].result["status"], by_name[name].result["value"]) == ("ok", i)
    assert by_name["heir"].result["status"] == "ok"
    order = [e.task.name for e in ended]
    assert order.index("heir") > order.index("culprit")
    return by_name["culprit"]


def text(ended):
    return ended.result["status"], ended.result["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("act", "status", "reason"),
    [
        ("fail", "error", "RuntimeError: the first line ... the last line"),
        ("leave", "error", "SystemExit: I take my leave"),
        ("run_short", "out_of_memory", "MemoryError: Unable to allocate 9 TiB"),
    ],
)
def test_what_raises_is_a_result_with_the_first_and_last_line(workers, act, status, reason):
    ended = beside_innocents(act, workers=workers, innocents=2)
    assert text(ended) == (status, reason)
    assert not ended.returned


def test_what_execute_says_of_itself_is_kept():
    ended = beside_innocents("diverge", workers=0)
    assert ended.returned
    assert text(ended) == ("diverged", "the loss is not finite at step 3")


@pytest.mark.slow
@pytest.mark.parametrize("act", ["sleep", "hold"])
def test_what_hangs_is_a_timeout_and_its_worker_is_replaced(act):
    ended = beside_innocents(act, settings=Settings(cell_timeout=4))
    assert text(ended) == ("timeout", "it took longer than 4 s")
    assert not ended.returned


@pytest.mark.slow
def test_one_worker_that_hangs_is_replaced_by_one_that_does_the_rest():
    ended = beside_innocents("hold", workers=1, innocents=2, settings=Settings(cell_timeout=4))
    assert ended.result["status"] == "timeout"


@pytest.mark.slow
@pytest.mark.parametrize("act", ["vanish", "segfault"])
def test_what_takes_its_worker_down_is_tried_three_times_and_given_up(act, tmp_path, capfd):
    log = tmp_path / "log"
    ended = beside_innocents(act, log=str(log))
    assert text(ended) == ("error", "its worker died; 3 times: it crashed or was killed")
    assert not ended.returned
    pids = {line.split()[1] for line in log.read_text().splitlines()}
    assert len(pids) == 3  # a fresh worker each time
    # Nothing of it is on the screen but what the act itself prints, a crash's own words.
    assert not re.search(r"^(Traceback|distributed\.|ERROR)", capfd.readouterr().err, re.MULTILINE)


@pytest.mark.slow
def test_what_was_killed_once_is_tried_again_and_done(tmp_path):
    ended = beside_innocents("die_once", flag=str(tmp_path / "flag"))
    assert text(ended) == ("ok", "")
    assert ended.returned


@pytest.mark.slow
def test_what_leaks_is_out_of_memory(tmp_path):
    log = tmp_path / "log"
    ended = beside_innocents("hoard", log=str(log), settings=Settings(memory_limit="700MiB"))
    assert ended.result["status"] == "out_of_memory"
    assert ended.result["reason"].endswith("it grew over its memory limit")
    assert len(log.read_text().splitlines()) <= 2  # at once, or once more on a fresh worker


def test_workers_have_one_thread_and_the_allocators_own_settings():
    ((_, result, _),) = engine.run([Task("a", "fit", {"do": "say_environment"})], misbehave, 1)
    assert result["pid"] != os.getpid()
    expected = {"PJRT_NPROC": "1", "OMP_NUM_THREADS": "1", "MALLOC_TRIM_THRESHOLD_": None}
    assert expected.items() <= result["environment"].items()


@pytest.mark.slow
def test_each_worker_has_a_gpu_of_its_own(tmp_path):
    """No GPU is needed: what binds a worker to one is its environment, there before its JAX."""
    payload = {"do": "meet", "folder": str(tmp_path), "count": 2}
    tasks = [Task(name, "fit", {**payload, "value": name}, program=name) for name in "ab"]
    gpus = ("GPU-a", "GPU-b")
    here = [result["environment"] for _, result, _ in engine.run(tasks, misbehave, 2, Settings(gpus=gpus))]
    assert sorted(one["CUDA_VISIBLE_DEVICES"] for one in here) == [*gpus]
    for one in here:
        expected = {"JAX_PLATFORMS": "cuda,cpu", "PJRT_NPROC": "1", "MALLOC_TRIM_THRESHOLD_": None}
        assert expected.items() <= one.items()


@pytest.mark.slow
def test_the_worker_that_takes_anothers_place_takes_its_gpu(tmp_path):
    tasks = [
        Task("mortal", "fit", {"do": "die_once", "flag": str(tmp_path / "flag")}),
        Task("heir", "draw", {"do": "say_environment"}, after=("mortal",)),
    ]
    ended = list(engine.run(tasks, misbehave, 1, Settings(gpus=("GPU-b",))))
    assert ended[-1].result["environment"]["CUDA_VISIBLE_DEVICES"] == "GPU-b"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError(""), {"status": "error", "reason": "ValueError"}),
        (ValueError("one"), {"status": "error", "reason": "ValueError: one"}),
        (ValueError("\n one \n\n two\n"), {"status": "error", "reason": "ValueError: one ... two"}),
        (
            RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes."),
            {
                "status": "out_of_memory",
                "reason": "RuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.",
            },
        ),
    ],
)
def test_an_exception_has_a_status_and_a_line(error, expected):
    assert describe(error) == expected


def test_what_is_deterministic_is_not_tried_again():
    assert set(FINAL) == {"ok", "diverged"}
