"""The command of a page asks for the same suite again."""

import shlex
import tomllib
from types import SimpleNamespace

import pytest

from diffbench.report import command
from diffbench.suites import suite as suites


def again(suite, **more):
    run = {"suite": suite, "cells": [{"score": "learned"}], "specs": {}, **more}
    return command.again(SimpleNamespace(run=run, root=SimpleNamespace(name="out"), requests=1))


def test_a_shipped_suite_is_named():
    assert again(suites.load("quick").model_dump()) == ("python -m diffbench run quick --out out", "", "")


def test_a_part_of_a_shipped_suite_is_its_options():
    chosen = {"families": ["ddpm"], "metrics": ["energy", "mmd2"]}
    suite = suites.narrow(suites.load("quick"), chosen, 5, None, origin="command line")
    told = again(suite.model_dump())
    assert told.suite == "" or suites.parse(tomllib.loads(told.suite), "suite", "quick") == suite
    assert "--families ddpm" in told.command or told.suite


@pytest.mark.parametrize("name", suites.shipped())
def test_any_other_suite_is_a_file_that_parses_to_the_same(name):
    suite = suites.load(name)
    told = again({**suite.model_dump(), "name": "mine", "samples": 123})
    assert told.command == "python -m diffbench run suite.toml --out out"
    again_parsed = suites.parse(tomllib.loads(told.suite), "suite", "mine").model_dump()
    assert again_parsed == {**suite.model_dump(), "name": "mine", "samples": 123}


def test_parts_of_plug_in_files_are_told():
    told = again(suites.load("quick").model_dump(), specs={"a": {"family": {"plugin": "0123456789abcdef"}}})
    assert told.note == "Parts came from plug-in files (digests 01234567): add --plugin FILE."


def test_a_name_that_is_a_path_is_looked_for_nowhere():
    assert "suite.toml" in again({**suites.load("quick").model_dump(), "name": "../quick"}).command


def given(dataset, *families, **more):
    suite = {
        "name": "measure", "datasets": [dataset], "families": [], "metrics": ["energy"], "floor_draws": 199,
        "samples": 40, "reference": None, **more,
    }  # fmt: skip
    cells = [{"score": "given", "dataset": "a", "family": f, "n_samples": 40} for f in families]
    return again(suite, cells=cells)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (given("two_moons", "a", "b"), ["FILE", "FILE", "--dataset", "two_moons", "--metrics", "energy"]),
        (
            given({"name": "arrays", "train": "a b.npy"}, "it's", reference=90),
            ["FILE", "--dataset", 'arrays(train="a b.npy")', "--metrics", "energy", "--label", "it's",
             "--reference", "90"],
        ),
        (
            given({"name": "circle", "train_size": 100}, "a", floor_draws=9),
            ["FILE", "--dataset", "circle", "--metrics", "energy", "--label", "a", "--train", "FILE",
             "--floor-draws", "9"],
        ),
    ],
)  # fmt: skip
def test_samples_of_files_are_measured_again(told, said):
    assert shlex.split(told.command) == ["python", "-m", "diffbench", "measure", *said, "--out", "out"]
    assert (
        told.note
        == "Samples came in files, which their digests name; --nfe and --coordinates, where they were given, are to be given again."
    )


def test_a_suite_beside_samples_of_files_is_run_again():
    told = again(suites.load("quick").model_dump(), cells=[{"score": "given"}, {"score": "learned"}])
    assert told.command == "python -m diffbench run quick --out out"
    assert (
        told.note
        == "Samples came in files, which their digests name; --nfe and --coordinates, where they were given, are to be given again."
    )


def test_a_suite_of_the_users_that_is_called_as_the_command_is_a_file():
    suite = {**suites.load("quick").model_dump(), "name": "measure", "families": []}
    assert again(suite).command == "python -m diffbench run suite.toml --out out"
