"""Which GPUs are used, on a machine that is made to look as if it had some."""

import os
from unittest.mock import patch

import pytest

from diffbench.workers import devices
from diffbench.workers.engine import Settings


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Puts a driver that names GPUs on the path, and a CUDA plug-in of JAX beside the packages."""

    def install(*gpus, plugin="xla_cuda12", code=0):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "nvidia-smi"
        lines = "".join(f"echo {gpu}\n" for gpu in gpus)
        program.write_text(f'#!/bin/sh\n[ "$1" = --query-gpu=uuid ] || exit 9\n{lines}exit {code}\n')
        program.chmod(0o755)
        about = tmp_path / "site" / "jax_cuda_plugin-1.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: jax-cuda-plugin\nVersion: 1\n")
        (about / "entry_points.txt").write_text(f"[jax_plugins]\n{plugin} = jax_plugins.{plugin}\n")
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    for name in ("JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES", "XLA_FLAGS"):
        monkeypatch.delenv(name, raising=False)
    return install


def test_the_gpus_are_those_of_the_driver(driver):
    driver("GPU-aa", "GPU-bb")
    assert devices.gpus() == ("GPU-aa", "GPU-bb")


def test_a_gpu_that_jax_has_no_plug_in_for_is_none(driver):
    driver("GPU-aa", plugin="something_else")
    assert devices.gpus() == ()


def test_without_a_driver_there_are_no_gpus_and_one_that_fails_is_one_line(driver, monkeypatch):
    driver("GPU-aa", code=9)
    with pytest.raises(ValueError, match=r"nvidia-smi\) does not answer; JAX_PLATFORMS=cpu runs without"):
        devices.gpus()
    monkeypatch.setenv("PATH", "")
    assert devices.gpus() == ()


@pytest.mark.parametrize(
    ("platforms", "count"), [("cpu", 0), ("tpu,cpu", 0), ("cuda,cpu", 2), ("gpu", 2), ("", 2)]
)
def test_jax_platforms_has_the_word(driver, monkeypatch, platforms, count):
    driver("GPU-aa", "GPU-bb")
    monkeypatch.setenv("JAX_PLATFORMS", platforms)
    assert len(devices.gpus()) == count


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        ("1", ("1",)),
        ("GPU-b, 0", ("GPU-b", "0")),
        ("0,-1,1", ("0",)),
        ("0,2,1", ("0",)),  # there is no third
        ("GPU-cc,0", ()),
        ("MIG-1", ("MIG-1",)),
        ("", ()),
        ("-1", ()),
    ],
)
def test_cuda_visible_devices_chooses_as_cuda_does(driver, monkeypatch, visible, found):
    driver("GPU-aa", "GPU-bb")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert devices.gpus() == found


@pytest.mark.parametrize(
    ("workers", "scheduled", "used", "platforms"),
    [
        (None, False, ("GPU-aa", "GPU-bb"), "cpu"),  # its workers have them
        (1, False, ("GPU-aa", "GPU-bb"), "cpu"),
        (0, False, ("GPU-aa",), "cuda,cpu"),  # it computes itself
        (None, True, (), "cpu"),  # a scheduler's workers do
    ],
)
def test_who_uses_the_gpus(driver, monkeypatch, workers, scheduled, used, platforms):
    driver("GPU-aa", "GPU-bb")
    with patch.dict(os.environ):
        assert devices.settle(workers, scheduled) == used
        assert os.environ["JAX_PLATFORMS"] == platforms
        assert os.environ.get("CUDA_VISIBLE_DEVICES") == ("GPU-aa" if workers == 0 else None)


def test_without_gpus_nothing_is_settled(driver):
    with patch.dict(os.environ):
        before = dict(os.environ)
        assert devices.settle(None, False) == ()
        assert dict(os.environ) == before


def test_the_command_line_says_that_it_is_on_gpus(driver, command, tmp_path):
    from tiny_suite import TINY, as_toml

    driver("GPU-aa", "GPU-bb")
    (tmp_path / "s.toml").write_text(as_toml({**TINY, "seeds": 3}))
    told = command("run", "s.toml", "--dry-run", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "on 2 GPUs, 8 seeds trained at once; JAX_PLATFORMS=cpu runs on the processor" in told.stdout
    refused = command("run", "s.toml", "--dry-run", "--workers", 3, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--workers must be at most 2" in refused.stderr
    assert "JAX_PLATFORMS" not in os.environ  # as it was


def test_a_workers_environment_keeps_the_flags_that_are_there(driver, monkeypatch):
    driver("GPU-aa")
    assert devices.bound_to("GPU-aa")["XLA_FLAGS"] == "--xla_gpu_deterministic_ops=true"
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_deterministic_ops=false --xla_dump_to=x")
    assert devices.bound_to("GPU-aa")["XLA_FLAGS"] == os.environ["XLA_FLAGS"]
    assert devices.bound_to("GPU-aa")["CUDA_VISIBLE_DEVICES"] == "GPU-aa"


def test_more_workers_than_gpus_are_refused():
    assert Settings(workers=2, gpus=("a", "b")).workers == 2
    with pytest.raises(ValueError, match=r"^workers must be at most 2, .* got 3; with JAX_PLATFORMS=cpu"):
        Settings(workers=3, gpus=("a", "b"))


def test_a_run_on_gpus_has_a_worker_each_and_replicas(driver, tmp_path, monkeypatch):
    from tiny_suite import TINY, as_toml

    from diffbench import application

    asked = {}
    (tmp_path / "s.toml").write_text(as_toml({**TINY, "seeds": 3}))

    def stop(suite, cells, store, listener, **options):
        asked.update(options, fits=[cell.fit for cell in cells if cell.fit])
        raise ValueError("far enough")

    monkeypatch.setattr("diffbench.stages.harness.run", stop)
    for gpus, replicas, workers, expected in (
        (("a", "b"), None, 2, devices.REPLICAS),
        (("a", "b"), 4, 2, 4),
        ((), 4, len(os.sched_getaffinity(0)), 4),
    ):
        request = application.Request(
            str(tmp_path / "s.toml"), out=tmp_path / "out", settings=Settings(gpus=gpus), replicas=replicas
        )
        with pytest.raises(ValueError, match="far enough"):
            application.run(request)
        assert asked["workers"] == workers
        assert {fit["replicas"] for fit in asked["fits"]} == {expected}
