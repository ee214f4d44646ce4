"""What the library offers: its names, and an import that takes no time."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import diffbench as db
from diffbench.contracts import FAMILIES, SAMPLERS


def test_the_import_takes_a_fifth_of_a_second_and_nothing_heavy():
    code = (
        "import sys, time; began = time.perf_counter(); import diffbench; took = time.perf_counter() - began;"
        " heavy = {'jax', 'pandas', 'numpy', 'haiku', 'matplotlib'} & set(sys.modules); print(took, sorted(heavy))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    took, heavy = min(run.stdout.split(" ", 1) for run in runs)
    assert heavy.strip() == "[]"
    assert float(took) < 0.2


def test_every_name_of_the_library_is_there():
    for name in db.__all__:
        assert getattr(db, name) is not None
        assert name in dir(db)
    with pytest.raises(AttributeError, match="no attribute 'banana'"):
        _ = db.banana


@pytest.mark.slow
def test_modules_of_the_same_name_stay_importable():
    code = "import diffbench.process as p; import diffbench as db; assert p.Process; print(db.process('ve').name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "ve"


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.families.register(db.Family), TypeError, r"needs the name of the family, such as register\('family'\)"),
        (lambda: db.families.register("my family"), ValueError, "the name of a family must be letters, digits"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)


@pytest.mark.slow
def test_names_that_read_well_are_taken_by_name():
    data = db.mixture(weights=[1.0], means=[[0.0, 1.0]], covariances=[1.0])
    np.testing.assert_array_equal(data.mean, [0.0, 1.0])
    assert db.arrays(train=np.eye(60, 2), test=np.eye(60, 2)).dim == 2
    x = db.sample(db.exact("two_moons"), sampler="ancestral", n=20, steps=3)
    assert x.about["sampler"] == "ancestral"


def test_the_registries_are_under_their_names():
    assert db.samplers.names() == SAMPLERS.names()
    assert db.families.names() == FAMILIES.names()
    assert "vp" in db.processes.names()
