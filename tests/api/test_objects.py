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
        (lambda: db.sample(db.exact("two_moons"), n=1), ValueError, "n must be at least 2; got 1"),
        (lambda: db.sample(db.exact("two_moons"), n=1e3), TypeError, "n must be a whole number; got 1000.0"),
        (lambda: db.sample(db.exact("two_moons"), seed="a"), TypeError, "seed must be a whole number; got 'a'"),
        (lambda: db.sample(max), TypeError, "is one by diffbench.score"),
        (lambda: db.exact("two_moons", 3), TypeError, "process must be a name, a process of diffbench.process or a"),
        (lambda: db.exact(np.zeros((20, 2))), TypeError, "got ndarray; points of your own are one by diffbench.arrays"),
        (lambda: db.dataset(np.zeros((20, 2))), TypeError, "name must be that of a dataset, such as 'two_moons'; got nda"),
        (lambda: db.dataset("two_moons", standardise="no"), TypeError, "standardise must be true or false; got 'no'"),
        (lambda: db.dataset("two_moons").sample(0), ValueError, "n must be at least 1; got 0"),
        (lambda: db.dataset("two_moons").sample(9, seed="a"), TypeError, "seed must be a whole number; got 'a'"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 9))), ValueError, "it may be the other way round"),
        (lambda: db.dataset("two_moons").score_at([["a", "b"]]), ValueError, "x: expected real numbers; got text"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 2)), t="a"), TypeError, "t must be one number, .*; got 'a'"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 2)), t=np.ones(2)), TypeError, r"got an array of shape \[2\]"),
        (lambda: db.mixture([1, 1], [[0, 0], [1]], [1, 1]), ValueError, "means: expected an array of real numbers"),
        (lambda: db.arrays(np.zeros(30)), ValueError, r"train must have shape \[n, D\], .*; got \[30\]"),
        (lambda: db.arrays(np.full((30, 2), np.nan)), ValueError, "train: .* got 30 of 30 points that are not"),
        (lambda: db.arrays(np.eye(60, 2), np.eye(60, 3)), ValueError, r"of the shape of train, \[2\]; got \[3\]"),
        (lambda: db.arrays(row for row in "ab"), ValueError, "train: expected real numbers; got generator"),
        (lambda: db.empirical("two_moons", size=0), ValueError, "size must be at least 1; got 0"),
        (lambda: db.perturbed("exact"), TypeError, "score must be an exact, empirical or learned one; got str"),
        (lambda: db.perturbed(db.exact("two_moons"), size="1"), TypeError, "size must be a number; got '1'"),
        (lambda: db.fit("score_sde", "two_moons", network=[64]), TypeError, "network must be a table such as"),
        (lambda: db.fit("score_sde", "two_moons", network="resnet"), ValueError, "unknown network 'resnet'; known: mlp"),
        (lambda: db.fit("score_sde", "two_moons", process=3), TypeError, "process must be a name"),
        (lambda: db.fit("score_sde", "two_moons", seed="a"), TypeError, "seed must be a whole number; got 'a'"),
        (lambda: db.fit(3, "two_moons"), TypeError, "family must be a name or what was registered under one; got int"),
        (lambda: db.measure(max, dataset="two_moons"), TypeError, "is one by diffbench.score"),
        (lambda: db.measure(db.dataset("two_moons")), TypeError, r"samples of the truth are data\.sample\(n\)"),
        (lambda: db.measure(np.eye(20, 2), dataset=3), TypeError, "dataset must be a dataset or its name; got int"),
        (lambda: db.measure(np.eye(20, 2), dataset="two_moons", label=3), TypeError, "label must be text; got int"),
        (lambda: db.measure(np.eye(20, 2), "score_error", dataset="two_moons"), ValueError, "judges a score, and samples alone"),
        (lambda: db.measure(np.eye(20, 2), dataset="two_moons", floor_draws=0), ValueError, "floor_draws must be at least 2"),
        (lambda: db.run("quick", training="fast"), TypeError, "training must be a table such as"),
        (lambda: db.run("quick", plugins="nope.py"), ValueError, "no plug-in file 'nope.py'"),
        (lambda: db.run("quick", datasets=[np.zeros((9, 2))]), TypeError, "dataset must be .*; got ndarray"),
        (lambda: db.families.register(db.Family), TypeError, r"needs the name of the family, such as register\('family'\)"),
        (lambda: db.families.register("my family"), ValueError, "the name of a family must be letters, digits"),
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
def test_numbers_of_numpy_are_numbers():
    assert db.dataset("circle", thickness=np.float64(0.1)).entry == {"name": "circle", "thickness": 0.1}
    x = db.sample(db.exact("two_moons"), "ancestral", n=np.int64(20), steps=np.int32(3), seed=np.int64(0))
    assert (type(x.content["samples"]), type(x.about["steps"]), type(x.about["seed"])) == (int, int, int)


@pytest.mark.slow
def test_names_that_read_well_are_taken_by_name():
    data = db.mixture(weights=[1.0], means=[[0.0, 1.0]], covariances=[1.0])
    np.testing.assert_array_equal(data.mean, [0.0, 1.0])
    assert db.arrays(train=np.eye(60, 2), test=np.eye(60, 2)).dim == 2
    x = db.sample(db.exact("two_moons"), sampler="ancestral", n=20, steps=3)
    assert x.about["sampler"] == "ancestral"


@pytest.mark.slow
def test_samples_of_other_data_are_not_measured_on_these():
    x = db.sample(db.exact("two_moons"), "ancestral", n=20, steps=3)
    with pytest.raises(ValueError, match="dataset must be 'two_moons', on which the score is; got 'circle'"):
        db.measure(x, dataset="circle")
    with pytest.raises(ValueError, match="score_error says nothing of the exact score"):
        db.measure(x, ["score_error"])


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
