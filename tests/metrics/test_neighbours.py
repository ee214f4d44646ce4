import math
import subprocess
import sys

import numpy as np
import pytest

from diffbench.contracts import METRICS, Outcome, key_for
from diffbench.metrics import base, neighbours

KEY = key_for(0)


@pytest.fixture(scope="module")
def measure(nine, outcome):
    def values(name, x, y, **hyperparameters):
        return METRICS.build(name, **hyperparameters).measure(KEY, outcome(nine, x, y))[0]

    return values


@pytest.mark.parametrize(("n", "m"), [(151, 120), (90, 200)])
def test_columns_equal_their_definitions(nine, truth, measure, brute, n, m):
    x, y = 1.05 * truth(nine, n, "x"), truth(nine, m, "y")
    size = min(n, m)
    for k in (1, 5):
        values = measure("prdc", x, y, k=k)
        assert values == pytest.approx(brute.prdc(x[:size], y[:size], k), rel=1e-12)
        assert all(type(value) is float for value in values.values())


def test_neighbours_are_those_of_the_brute_force(brute):
    rng = np.random.RandomState(0)
    for dim in (1, 2, 30):
        x, y = rng.standard_normal((40, dim)), rng.standard_normal((50, dim))
        distances, which = base.nearest(x, y, 3)
        d = brute.distances(x, y)
        np.testing.assert_array_equal(which, np.argsort(d, axis=1)[:, :3])
        np.testing.assert_allclose(distances, np.sort(d, axis=1)[:, :3], rtol=1e-12)
        others = np.sort(brute.distances(y, y), axis=1)
        np.testing.assert_allclose(base.nearest_others(y, 4), others[:, 4], rtol=1e-12)
    assert (base.nearest_others(np.repeat(y, 2, axis=0), 1) == 0.0).all()


def test_only_the_first_points_are_looked_at_and_as_many_of_both(nine, truth, measure):
    x, y = 1.1 * truth(nine, 100, "x"), truth(nine, 300, "y")
    assert measure("prdc", x, y) == measure("prdc", x, y[:100])
    assert measure("prdc", x, y, points=80) == measure("prdc", x[:80], y[:80])


def test_blocks_and_row_order_change_nothing(nine, truth, measure, monkeypatch):
    x, y = 1.1 * truth(nine, 100, "x"), truth(nine, 100, "y")
    order = np.random.RandomState(0).permutation(100)
    prdc = measure("prdc", x, y)
    monkeypatch.setattr(neighbours, "_BLOCK", 7)
    assert measure("prdc", x[order], y[order[::-1]]) == pytest.approx(prdc, rel=1e-12)


def test_balls_are_open(nine, measure):
    # On a grid every neighbour is as far as the next: samples lie on the edge of balls.
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), axis=-1).reshape(-1, 2)
    values = measure("prdc", grid + np.array([1.0, 0.0]), grid, k=1)
    # Each ball holds its own centre where that is a sample, and no neighbour.
    assert values == pytest.approx(dict.fromkeys(values, 5 / 6))


def test_balls_of_no_radius_hold_nothing(nine, measure, brute):
    """Atoms: a point with k copies on its own side has an open ball of radius 0."""
    same = np.ones((40, 2), np.float32)
    assert measure("prdc", same, same) == dict.fromkeys(("precision", "recall", "density", "coverage"), 0.0)
    rng = np.random.RandomState(0)
    for step, shape in ((2, (300, 2)), (1, (300, 2)), (1, (200, 1)), (1, (200, 3))):
        x, y = ((np.round(step * rng.standard_normal(shape)) / step).astype(np.float32) for _ in range(2))
        told = METRICS.build("prdc").measure(KEY, Outcome(x, y, None, None, None, nine))[0]
        assert told == pytest.approx(brute.prdc(x, y, 5), rel=1e-12)
    # Some of the reference are copies, some are not.
    y = np.concatenate([np.repeat(x[:3], 20, axis=0), rng.standard_normal((100, 3))]).astype(np.float32)
    told = METRICS.build("prdc").measure(KEY, Outcome(x[:160], y, None, None, None, nine))[0]
    assert told == pytest.approx(brute.prdc(x[:160], y, 5), rel=1e-12)


def test_density_and_coverage_under_truth_are_their_closed_forms(nine, truth, measure):
    n, k = 40, 5
    x, y = (truth(nine, 300 * n, label).reshape(300, n, 2) for label in "xy")
    rows = [measure("prdc", x[r], y[r]) for r in range(300)]
    j = np.arange(k)
    expected = {"density": 1.0, "coverage": 1 - np.prod((n - 1 - j) / (2 * n - 1 - j))}
    # Two means within 4 standard errors: one false alarm in 10,000 seeds.
    for column, mean in expected.items():
        got = np.array([row[column] for row in rows])
        assert abs(got.mean() - mean) < 4 * got.std(ddof=1) / math.sqrt(len(got)), column
    columns = METRICS.build("prdc", k=3).columns
    assert (columns["coverage"].perfect, columns["density"].perfect) == (0.875, 1.0)


def test_known_bad_models_are_ranked(nine, truth, measure):
    x, y = truth(nine, 1000, "x"), truth(nine, 1000, "y")
    mode = np.asarray(nine.modes.responsibilities(x)).argmax(axis=1)
    good = measure("prdc", x, y)
    dropped = measure("prdc", x[mode != 4], y)
    inflated = measure("prdc", 1.5 * x, y)
    collapsed = measure("prdc", np.repeat(x[:10], 100, axis=0), y)
    assert dropped["recall"] < good["recall"] - 0.05
    assert dropped["coverage"] < good["coverage"] - 0.05
    assert dropped["precision"] > good["precision"] - 0.02
    assert inflated["precision"] < good["precision"] - 0.2
    assert collapsed["recall"] == 0.0
    assert collapsed["coverage"] < 0.1
    assert collapsed["precision"] > 0.9


def test_samples_that_are_not_finite_give_nan(nine, truth, measure):
    x = truth(nine, 20, "x")
    x[3] = np.nan
    assert np.isnan([*measure("prdc", x, truth(nine, 20, "y")).values()]).all()


def test_what_is_wrong_is_named(nine, truth, measure):
    x = truth(nine, 20, "x")
    with pytest.raises(ValueError, match="k must be at least 1; got 0"):
        METRICS.build("prdc", k=0)
    with pytest.raises(ValueError, match="points must be at least 2; got 1"):
        METRICS.build("prdc", points=1)
    with pytest.raises(ValueError, match="samples must have dimension 2; got 3"):
        measure("prdc", np.zeros((5, 3)), x)
    with pytest.raises(ValueError, match="samples must hold at least 2 points; got 1"):
        measure("prdc", x[:1], x)
    with pytest.raises(ValueError, match="k must be below the number of points on each side; got 5 and 5"):
        measure("prdc", x[:5], x)


MEMORY = """
import re, sys
import numpy as np
import diffbench.datasets, diffbench.metrics
from diffbench.contracts import DATASETS, METRICS, Outcome, key_for
dataset = DATASETS.build("swiss_roll")
x, y = (dataset.standardise(dataset.sample(key_for(s), 100_000)) for s in (0, 1))
most = {"points": 100_000}
for name, hyperparameters in (("memorisation", {}), ("prdc", most), ("c2st", most), ("intrinsic", {})):
    metric = METRICS.build(name, **hyperparameters)
    metric.measure(key_for(2), Outcome(x, y, y[::-1] + 0.01, None, None, dataset))
# The most of this program alone: getrusage would count what the process was before it.
print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.slow
def test_a_hundred_thousand_samples_fit_in_two_gib():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2 * 2**20  # KiB
