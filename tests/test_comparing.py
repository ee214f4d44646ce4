"""`compare` as a person and a gate of somebody's CI have it: one line, a page, and an exit code."""

from __future__ import annotations

import json
import shutil

import pytest
from tiny_suite import as_toml

import diffbench as db
from diffbench.programs import cache
from diffbench.records.store import Store


def test_a_run_against_itself_is_equal_and_green(trained, command, tmp_path):
    folder = trained.root
    result = command("compare", folder, folder, "--fail-on", "worse", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "A and B are one folder" in result.stdout
    assert "worse: 0, better: 0, not known: 0, only in A: 0, only in B: 0, equal: 2" in result.stdout
    result = command("compare", folder, folder, "--format", "md", cwd=tmp_path)
    assert result.stdout.startswith("# ")
    frame = db.compare(folder, db.open(folder))
    assert set(frame["verdict"]) == {"equal"}
    assert frame.attrs["hints"] == ["A and B are one folder"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no run in nowhere: it has no run.json"),
        (("there", "--format", "pdf"), "--format must be one of text, md; got 'pdf'"),
        (("there", "--fail-on", "better"), "--fail-on must be one of worse; got 'better'"),
    ],
)
def test_a_wrong_request_is_one_line_and_two(trained, command, tmp_path, words, said):
    there = [trained.root if word == "there" else word for word in words]
    result = command("compare", trained.root, *there, cwd=tmp_path)
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_run_without_a_number_is_one_line(trained, command, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(trained.root, bare)
    shutil.rmtree(bare / "measurements")
    result = command("compare", trained.root, bare, cwd=tmp_path)
    assert result.returncode == 2
    assert "has no numbers yet: none of its 4 rows has run" in result.stderr


def test_a_run_of_an_earlier_version_is_one_line(trained, command, tmp_path):
    old = tmp_path / "old"
    (run,) = (trained.root / "runs").iterdir()
    content = json.loads(run.read_text())
    for key in ("sha256", "places", "specs"):
        content.pop(key)
    old.mkdir()
    Store(old).write_json("run.json", content)
    result = command("compare", trained.root, old, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1


SAMPLER = """
import jax
import jax.numpy as jnp

from diffbench.contracts import SAMPLERS, Sampler, Step
from diffbench.samplers.base import stepwise, uniform_times

NOISE, STREAM = {noise}, {stream}


@SAMPLERS.register("mine")
def mine(*, steps: int = 100):
    "Returns Euler-Maruyama on the reverse-time SDE, of a user."

    def step(key, x, t, s, score, process):
        g = process.diffusion(t)
        mean = x - (process.drift(t) * x - g**2 * score(x, t)) * (t - s)
        z = jax.random.normal(jax.random.fold_in(key, STREAM), x.shape)
        return Step(mean + NOISE * g * jnp.sqrt(t - s) * z, mean)

    return Sampler(run=stepwise(step, uniform_times(steps, None)))
"""
# The spread across a thin circle is what the last steps' noise leaves: 2% of it are 1.6 floor deviations.
SUITE = {
    "name": "gate",
    "datasets": ["circle"],
    "families": [{"name": "score_sde"}],
    "scores": ["exact"],
    "samplers": [{"name": "mine", "steps": 100}],
    "metrics": ["manifold_distance"],
    "seeds": 5,
    "samples": 10_000,
    "reference": 200,
    "floor_draws": 39,
}


@pytest.mark.slow
def test_a_sampler_spoiled_by_two_percent_turns_the_gate_red_and_another_stream_does_not(tmp_path, command):
    suite, plugin = tmp_path / "gate.toml", tmp_path / "mine.py"
    suite.write_text(as_toml(SUITE))
    for name, noise, stream in (("before", 1.0, 0), ("spoiled", 1.02, 0), ("other", 1.0, 1)):
        plugin.write_text(SAMPLER.format(noise=noise, stream=stream))
        cache.forget()  # as in a process of its own
        words = ("run", suite, "--plugin", plugin, "--out", name, "--workers", 0, "--no-figures")
        assert command(*words, cwd=tmp_path).returncode == 0
    red = command("compare", "before", "spoiled", "--fail-on", "worse", cwd=tmp_path)
    green = command("compare", "before", "other", "--fail-on", "worse", cwd=tmp_path)
    shown = command("compare", "before", "spoiled", cwd=tmp_path)
    assert (red.returncode, green.returncode, shown.returncode) == (1, 0, 0), red.stdout + green.stdout
    assert "differs: sampler mine: its code differs" in red.stdout
    assert red.stdout.index("differs:") < red.stdout.index("worse:\n") < red.stdout.index("manifold_distance")
    # And the other way round it got better.
    assert command("compare", "spoiled", "before", "--fail-on", "worse", cwd=tmp_path).returncode == 0
