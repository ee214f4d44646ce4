"""What the library offers: coordinates, words, errors in one line, and how objects look."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import diffbench as db
from diffbench.api import session
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


@pytest.mark.slow
def test_the_score_is_the_gradient_of_the_log_density_in_data_coordinates():
    data, vp = db.dataset("eight_gaussians", radius=5.0), db.process("vp")
    x = np.array([[4.0, 1.0], [0.5, -3.0]], np.float32)
    step = 1e-2
    for t in (0.0, 0.3):
        slope = [
            (data.log_prob_at(x + step * e, vp, t=t) - data.log_prob_at(x - step * e, vp, t=t)) / (2 * step)
            for e in np.eye(2, dtype=np.float32)
        ]
        np.testing.assert_allclose(np.stack(slope, axis=1), data.score_at(x, vp, t=t), rtol=0.02, atol=0.02)


@pytest.mark.slow
def test_densities_integrate_to_one_in_data_coordinates():
    data = db.dataset("nine_gaussians")
    side = np.linspace(-4, 4, 161, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1)
    for t in (0.0, 0.1):
        total = np.exp(data.log_prob_at(grid, "vp", t=t)).sum() * (side[1] - side[0]) ** 2
        assert abs(total - 1) < 0.01


@pytest.mark.slow
def test_the_exact_score_is_that_of_the_data():
    data = db.dataset("two_moons")
    x = np.zeros((4, 5, 2), np.float32)
    exact = db.exact(data, "vp")
    assert exact(x, 0.5).shape == (4, 5, 2)
    np.testing.assert_allclose(exact(x, 0.5), data.score_at(x, "vp", t=0.5), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.dataset("two_mons"), ValueError, "unknown dataset 'two_mons'; known: "),
        (lambda: db.dataset("two_moons", thick=1), ValueError, "takes no 'thick'; it takes: "),
        (lambda: db.process("pv"), ValueError, "unknown process 'pv'; known: "),
        (lambda: db.exact("two_moons", "pv"), ValueError, "unknown process 'pv'"),
        (lambda: db.exact(3), TypeError, "data must be a dataset or its name; got int"),
        (lambda: db.sample(db.exact("two_moons"), "ancestrl"), ValueError, "unknown sampler 'ancestrl'; known: "),
        (lambda: db.sample(db.exact("two_moons"), "ancestral", step=3), ValueError, "takes no 'step'; it takes: "),
        (lambda: db.sample(db.exact("two_moons"), n=1), ValueError, "samples"),
        (lambda: db.sample("two_moons"), TypeError, "score must be a source of scores; got str"),
        (lambda: db.sample(db.dataset("two_moons")), TypeError, r"truth itself is data\.sample"),
        (lambda: db.sample(db.empirical("two_moons", seed=1), n=9, seed=2), ValueError, "seed must be 1"),
        (lambda: db.fit("score_sd", "two_moons"), ValueError, "unknown family 'score_sd'; known: "),
        (lambda: db.fit("score_sde", "two_moons", stpes=3), ValueError, "takes no 'stpes'; it takes: "),
        (lambda: db.fit("score_sde", "two_moons", steps=0), ValueError, "steps must be at least 1"),
        (lambda: db.fit("ddpm", "two_moons", process="vp"), ValueError, "it trains on a table of times"),
        (lambda: db.measure(np.zeros((20, 2))), TypeError, "needs the dataset"),
        (lambda: db.measure(np.zeros((20, 3)), dataset="two_moons"), ValueError, "must have shape"),
        (lambda: db.measure(np.zeros((20, 2)), dataset="two_moons"), ValueError, "20 times one point"),
        (lambda: db.measure("none.npy", dataset="two_moons"), ValueError, "no file 'none.npy'"),
        (lambda: db.measure(db.exact("two_moons"), ["energy"]), ValueError, "energy needs samples"),
        (lambda: db.measure(db.exact("two_moons"), ["score_error"]), ValueError, "zero by construction"),
        (lambda: db.measure(db.exact("two_moons"), dataset="circle"), ValueError, "dataset must be 'two_moons'"),
        (lambda: db.measure(db.exact("two_moons"), metric="kl"), TypeError, "measure takes no 'metric'"),
        (lambda: db.perturbed(db.exact("two_moons"), size=-1.0), ValueError, "size"),
        (lambda: db.run("quik"), ValueError, "no suite 'quik'"),
        (lambda: db.run(3), TypeError, "suite must be a name, a path or a dictionary"),
        (lambda: db.run(workers=-1), ValueError, "workers must be at least 0; got -1"),
        (lambda: db.open("nowhere"), ValueError, "no run in nowhere"),
        (lambda: db.list("family"), ValueError, "kind must be one of families"),
        (lambda: db.check("nothing"), ValueError, "no part 'nothing' is registered"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 3))), ValueError, "x must have shape"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 2)), "vp", t=2.0), ValueError, "t must be 0 or in"),
        (lambda: db.exact("two_moons")(np.zeros((2, 2)), 0.0), ValueError, "t must be in"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said):
    with pytest.raises(error, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_objects_have_a_short_repr_and_an_html_one():
    data = db.dataset("two_moons")
    exact = db.exact(data)
    x = db.sample(exact, "ancestral", n=20, steps=3)
    for one in (data, db.process("vp"), exact, x):
        assert len(repr(one)) < 220
        assert "\n" not in repr(one)
        assert one._repr_html_().startswith("<")
    assert "img" in data._repr_html_()
    assert "scale=0.7" in repr(data)


def test_samples_are_arrays_too():
    x = db.sample(db.exact("two_moons"), "ancestral", n=20, steps=3)
    assert np.asarray(x).shape == (20, 2)
    np.testing.assert_array_equal(np.asarray(x), x.samples)


@pytest.mark.slow
def test_what_diverges_raises_with_its_reason():
    with pytest.raises(session.Failed, match="diverged"):
        db.fit(
            "score_sde",
            "two_moons",
            steps=30,
            batch=16,
            learning_rate=1e30,
            warm_up=0,
            network={"widths": [8, 8]},
        )


def test_what_there_is_is_a_table():
    parts = db.list()
    assert isinstance(parts, pd.DataFrame)
    assert {"families", "datasets", "samplers", "metrics", "processes", "networks", "suites"} == set(
        parts["kind"]
    )
    assert "ancestral" in set(db.list("samplers")["name"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "options"),
    [("ancestral", {"steps": 50}), ("circle", {}), ("vp", {}), ("energy", {}), ("ddpm", {})],
)
def test_any_part_is_held_against_its_contract(part, options):
    found = db.check(part, **options)
    assert len(found) > 1
    assert list(found.frame) == ["what", "expected", "got"]
    assert "expected" in str(found)


@pytest.mark.slow
def test_check_takes_objects_and_says_what_is_wrong():
    assert len(db.check(db.dataset("circle"))) > 1
    assert len(db.check(db.process("ve"))) > 1
    with pytest.raises(ValueError, match="kind must be one of family"):
        db.check("vp", kind="noise")


def test_the_registries_are_under_their_names():
    assert db.samplers.names() == SAMPLERS.names()
    assert db.families.names() == FAMILIES.names()
    assert "vp" in db.processes.names()
