"""The distances to a sample of the truth: judges of the ones to the truth itself, and their shapes."""

import importlib.util
import json
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from diffbench.contracts import METRICS, key_for
from diffbench.metrics import two_sample

KEY = key_for(0)
NAMES = ("energy", "mmd2", "sliced_w2")


def in_float64(*judges):
    script = pathlib.Path(__file__).with_name("float64_checks.py")
    path = os.pathsep.join([str(script.parents[2]), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "JAX_ENABLE_X64": "1", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, script, *judges], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def samples(nine, truth):
    return 1.05 * truth(nine, 501, "x"), truth(nine, 300, "y")


@pytest.mark.slow
def test_metrics_equal_their_definitions(nine, outcome, samples, brute):
    x, y = samples
    got = outcome(nine, x, y)
    energy = METRICS.build("energy", against="reference").measure(KEY, got)[0]["energy"]
    assert type(energy) is float
    assert energy == pytest.approx(brute.energy(x, y), abs=1e-6)
    values, arrays = METRICS.build("mmd2", against="reference").measure(KEY, got)
    expected = [brute.mmd2(x, y, h) for h in arrays["bandwidths"]]
    np.testing.assert_allclose(arrays["mmd2_bandwidths"], expected, atol=1e-6)
    assert values["mmd2_local"] == arrays["mmd2_bandwidths"][0]
    assert math.isnan(values["mmd2"])
    sliced = METRICS.build("sliced_w2", against="reference")
    directions = sliced.prepare(y, nine).directions
    assert sliced.measure(KEY, got)[0]["sliced_w2"] == pytest.approx(
        brute.sliced_w2(x, y, directions), rel=1e-5
    )


@pytest.mark.slow
def test_metrics_equal_their_definitions_to_rounding_in_float64():
    for name, (value, expected) in in_float64().items():
        assert value == pytest.approx(expected, rel=1e-6, abs=1e-13), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "judge", "count"), [("dcor", "dcor", 2), ("ot", "POT", 4), ("sklearn", "scikit-learn", 12)]
)
def test_metrics_equal_their_judges_in_float64(package, judge, count):
    # Importing the judges takes long and warns: that is left to the other process.
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{judge} is not installed")
    pairs = {name: pair for name, pair in in_float64(package).items() if judge in name}
    assert len(pairs) == count
    for name, (value, expected) in pairs.items():
        assert value == pytest.approx(expected, rel=1e-6, abs=1e-13), name


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_row_order_and_preparing_first_change_nothing(nine, outcome, samples, name):
    x, y = samples
    metric = METRICS.build(name, against="reference")
    shuffle = np.random.RandomState(0).permutation
    runs = [
        metric.measure(KEY, outcome(nine, x, y)),
        metric.measure(KEY, outcome(nine, x, y, prepared=metric.prepare(y, nine))),
        metric.measure(KEY, outcome(nine, x[shuffle(len(x))], y[shuffle(len(y))])),
    ]
    numbers = [[*values.values(), *np.ravel([*arrays.values()])] for values, arrays in runs]
    assert numbers[0] == pytest.approx(numbers[1], abs=0, nan_ok=True)
    assert numbers[0] == pytest.approx(numbers[2], abs=1e-6, nan_ok=True)


@pytest.mark.slow
def test_u_statistics_average_zero_under_truth(nine, truth, outcome):
    # Both sides redrawn; seven means within 4 standard errors: 0.05% false alarms.
    metrics = [METRICS.build(name, against="reference") for name in ("energy", "mmd2")]
    rows = []
    x, y = truth(nine, 30_000, "x").reshape(200, 150, 2), truth(nine, 20_000, "y").reshape(200, 100, 2)
    for r in range(200):
        got = outcome(nine, x[r], y[r])
        energy, mmd2 = (metric.measure(KEY, got) for metric in metrics)
        rows.append([energy[0]["energy"], *mmd2[1]["mmd2_bandwidths"]])
    mean, se = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / np.sqrt(len(rows))
    assert np.all(np.abs(mean) < 4 * se), mean / se


@pytest.mark.slow
def test_mmd2_estimates_its_closed_form(nine, truth, outcome):
    # E k(X, Y) of spherical Gaussians is a Gaussian in the distance of their means.
    law, scale = nine.truth.law, nine.scale
    means = (np.asarray(law.means, np.float64) - nine.mean) / scale
    weights = np.exp(np.asarray(law.log_weights, np.float64))
    variance = float(law.variances[0]) / scale**2
    shift = np.array([0.1, 0.0])

    def kernel(a, b, h):
        total = h**2 + 2 * variance
        squared = ((a[:, None] - b[None]) ** 2).sum(-1)
        return weights @ (h**2 / total * np.exp(-squared / (2 * total))) @ weights

    h = two_sample.bandwidths(nine)
    expected = np.array([2 * kernel(means, means, b) - 2 * kernel(means, means + shift, b) for b in h])
    metric = METRICS.build("mmd2", against="reference")
    x, y = (truth(nine, 24_000, label).reshape(60, 400, 2) for label in "xy")
    rows = []
    for r in range(60):
        got = outcome(nine, x[r] + shift, y[r])
        rows.append(metric.measure(KEY, got)[1]["mmd2_bandwidths"])
    mean, se = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / np.sqrt(len(rows))
    assert np.all(np.abs(mean - expected) < 4 * se), (mean - expected) / se


def test_bandwidths_double_from_half_the_resolution_to_the_diameter(nine):
    h = two_sample.bandwidths(nine)
    assert h[0] == pytest.approx(nine.resolution / 2)
    np.testing.assert_allclose(h[1:] / h[:-1], 2.0)
    assert h[-1] <= nine.diameter < 2 * h[-1]
    assert two_sample.bandwidths(nine, finest=2.0)[0] == pytest.approx(2 * nine.resolution)


def test_mmd2_sums_the_bandwidths_in_units_of_their_floor():
    finish = METRICS.build("mmd2").finish
    arrays = {"mmd2_bandwidths": np.array([1.0, 2.0, 5.0])}
    values = {"mmd2": math.nan, "mmd2_local": 1.0}
    floor = np.array([[0.0, 1.0, 0.0], [2.0, 5.0, 0.0], [1.0, 0.0, 0.0]])
    sd = floor.std(axis=0, ddof=1)
    # The last bandwidth does not vary under truth: it has no unit and is left out.
    finished = finish(values, arrays, {"mmd2_bandwidths": floor})
    assert finished == {"mmd2": pytest.approx(1 / sd[0] + 2 / sd[1]), "mmd2_local": 1.0}
    assert math.isnan(finish(values, arrays, {"mmd2_bandwidths": floor[:1]})["mmd2"])
    assert math.isnan(finish(values, arrays, {"mmd2_bandwidths": floor * 0})["mmd2"])


def test_sliced_w2_of_a_shift_is_its_mean_squared_projection(nine, truth, outcome):
    y = truth(nine, 300, "y")
    shift = np.array([0.6, -0.8])
    value = METRICS.build("sliced_w2", projections=2000, against="reference").measure(
        KEY, outcome(nine, y + shift, y)
    )[0]
    assert value["sliced_w2"] == pytest.approx(0.5, rel=0.05)  # |shift|^2 / D


@pytest.mark.parametrize("name", NAMES)
def test_samples_that_are_not_finite_give_nan(nine, truth, outcome, name):
    y = truth(nine, 100, "y")
    values, _ = METRICS.build(name).measure(
        KEY, outcome(nine, np.where(np.arange(100)[:, None] == 3, np.nan, y), y)
    )
    assert all(math.isnan(value) for value in values.values())


@pytest.mark.parametrize("name", NAMES)
def test_wrong_shapes_are_named(nine, truth, outcome, name):
    y = truth(nine, 20, "y")
    metric = METRICS.build(name)
    with pytest.raises(ValueError, match="samples must have dimension 2; got 3"):
        metric.measure(KEY, outcome(nine, np.zeros((5, 3)), y))
    with pytest.raises(ValueError, match=r"samples must have shape \[n, D\]; got \[5\]"):
        metric.measure(KEY, outcome(nine, np.zeros(5), y))
    if name != "sliced_w2":
        with pytest.raises(ValueError, match="samples must hold at least 2 points; got 1"):
            metric.measure(KEY, outcome(nine, y[:1], y))
        with pytest.raises(ValueError, match="reference must hold at least 2 points; got 1"):
            metric.measure(KEY, outcome(nine, y, y[:1]))


def test_wrong_hyperparameters_are_named(nine):
    with pytest.raises(ValueError, match="finest must be positive and finite; got -1"):
        METRICS.build("mmd2", finest=-1.0)
    with pytest.raises(ValueError, match="projections must be at least 1; got 0"):
        METRICS.build("sliced_w2", projections=0)
    with pytest.raises(
        ValueError, match=r"the smallest bandwidth must be in \(0, diameter = .* got finest x"
    ):
        two_sample.bandwidths(nine, finest=1000.0)


MEMORY = """
import re, sys
import numpy as np
import diffbench.datasets, diffbench.metrics
from diffbench.contracts import DATASETS, METRICS, Outcome, key_for
dataset = DATASETS.build("nine_gaussians")
x, y = (dataset.standardise(dataset.sample(key_for(s), 100_000)) for s in (0, 1))
for name, hyperparameters in (("energy", {}), ("mmd2", {"finest": 16.0}), ("sliced_w2", {}), ("mode_tv", {})):
    metric = METRICS.build(name, **hyperparameters)
    metric.measure(key_for(2), Outcome(x, y, None, None, None, dataset))
# The most of this program alone: getrusage would count what the process was before it.
print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.slow
def test_a_hundred_thousand_samples_fit_in_two_gib():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2 * 2**20  # KiB
