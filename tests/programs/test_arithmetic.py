"""What decides bits is the program's, whatever the environment or the program around it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.programs import arithmetic
from diffbench.suites import parts

ROOT = Path(__file__).resolve().parents[2]
FAST = "--xla_cpu_enable_fast_math=true"


def test_the_pinned_settings_are_those_of_a_jax_that_nobody_set():
    names = [name.upper() for name in (*arithmetic.SETTINGS, arithmetic.MATMUL)]
    env = {k: v for k, v in os.environ.items() if k not in names}
    code = "import jax, json; print(json.dumps({k: str(v) for k, v in jax.config.values.items()}))"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    known = {k: str(v) for k, v in {**arithmetic.SETTINGS, arithmetic.MATMUL: None}.items() if k in theirs}
    assert len(known) > 10
    assert known == {k: theirs[k] for k in known}


@pytest.mark.parametrize(
    ("name", "told", "left"),
    [
        ("JAX_ENABLE_X64", "1", True),
        ("JAX_ENABLE_X64", "false", False),
        ("JAX_DEFAULT_PRNG_IMPL", "rbg", True),
        ("JAX_THREEFRY_PARTITIONABLE", "0", True),
        ("JAX_THREEFRY_PARTITIONABLE", "1", False),
        ("JAX_DEFAULT_MATMUL_PRECISION", "bfloat16", True),
        ("JAX_RANDOM_SEED_OFFSET", "3", True),
        ("NVIDIA_TF32_OVERRIDE", "1", True),
    ],
)
def test_a_variable_that_would_change_bits_is_taken_out_and_named(name, told, left):
    environ = {name: told, "HOME": "/"}
    assert arithmetic.settle(environ) == ([f"{name}={told}"] if left else [])
    assert environ == {"HOME": "/"}


def test_flags_that_change_bits_are_taken_out_and_the_others_stay(monkeypatch):
    monkeypatch.delitem(sys.modules, "jax")  # as before JAX starts
    environ = {"XLA_FLAGS": f"--xla_dump_to=x {FAST} --xla_gpu_deterministic_ops=true --xla_cpu_max_isa=AVX"}
    assert arithmetic.settle(environ) == [f"XLA_FLAGS={FAST} --xla_cpu_max_isa=AVX"]
    assert environ == {"XLA_FLAGS": "--xla_dump_to=x --xla_gpu_deterministic_ops=true"}
    assert arithmetic.settle(environ) == []


def test_a_block_is_pinned_and_the_program_around_it_keeps_its_settings():
    with jax.enable_x64(True), jax.default_prng_impl("rbg"), jax.default_matmul_precision("bfloat16"):
        with arithmetic.pinned():
            found, inside = arithmetic.found(), jax.random.normal(jax.random.key(0), (4,))
        assert jnp.ones(1, float).dtype == np.float64
        assert jax.config.jax_default_prng_impl == "rbg"
        assert arithmetic.found()["enable_x64"]
    assert found == arithmetic.found()
    assert not found["enable_x64"]
    assert np.array_equal(inside, jax.random.normal(jax.random.key(0), (4,)))


def test_what_jax_has_no_block_for_is_set_back():
    jax.config.update("jax_random_seed_offset", 3)
    try:
        with arithmetic.pinned():
            assert jax.config.jax_random_seed_offset == 0
        assert jax.config.jax_random_seed_offset == 3
    finally:
        jax.config.update("jax_random_seed_offset", 0)


def test_a_dataset_that_is_kept_is_built_in_the_pinned_arithmetic():
    spec = {"name": "nine_gaussians", "params": {"sd": 0.31}, "version": 1, "standardise": True}
    with jax.enable_x64(True):
        dataset = parts.make_dataset(spec)
    assert {leaf.dtype for leaf in jax.tree.leaves(dataset.truth)} == {np.dtype(np.float32)}


def refused(code, **env):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True, text=True,
    )  # fmt: skip


def test_a_jax_that_started_with_fast_math_is_refused_though_its_flags_are_gone():
    code = (
        "import os, jax; jax.devices(); jax.numpy.ones(2).sum(); os.environ['XLA_FLAGS'] = ''\n"
        "from diffbench.programs import arithmetic\n"
        "try: arithmetic.pin()\n"
        "except arithmetic.Unpinned as error: print(error)"
    )
    done = refused(code, XLA_FLAGS=FAST)
    assert done.stdout == (
        "XLA_FLAGS had fast math when JAX started, which changes bits; start Python without it\n"
    ), done.stderr


def test_flags_of_a_jax_that_is_there_already_are_refused(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true")
    with (
        pytest.raises(
            arithmetic.Unpinned, match="XLA_FLAGS has --xla_cpu_multi_thread_eigen=true, which changes bits"
        ),
        arithmetic.pinned(),
    ):
        pass


@pytest.mark.parametrize("platforms", ["cuda", "bogus"])
def test_a_device_that_is_not_there_is_one_line(platforms):
    code = (
        "from diffbench.programs import arithmetic\n"
        "try: arithmetic.pin()\n"
        "except arithmetic.Unpinned as error: print(error)"
    )
    done = refused(code, JAX_PLATFORMS=platforms)
    assert done.stdout.startswith(
        f"JAX_PLATFORMS must name devices that JAX has here, such as cpu; got '{platforms}' ("
    ), done.stderr
    assert len(done.stdout.splitlines()) == 1
