import itertools

import numpy as np
import pytest

from diffbench.contracts import METRICS, key_for
from diffbench.metrics.floor import against_floor, floor_of

KEY = key_for(0)


@pytest.fixture(scope="module")
def measure(nine, outcome):
    def value(x, y, **hyperparameters):
        return METRICS.build("w2", **hyperparameters).measure(KEY, outcome(nine, x, y))[0]["w2"]

    return value


def test_w2_is_the_least_mean_square_over_all_pairings(nine, truth, measure, brute):
    x, y = truth(nine, 6, "x"), truth(nine, 9, "y")
    cost = brute.distances(x, y[:6]) ** 2
    pairings = itertools.permutations(range(6))
    expected = min(cost[np.arange(6), list(pairing)].mean() for pairing in pairings)
    assert measure(x, y) == pytest.approx(expected, rel=1e-12)
    assert type(measure(x, y)) is float


def test_w2_of_a_shift_is_its_square(nine, truth, measure):
    y = truth(nine, 200, "y")
    # No pairing beats the shift itself.
    assert measure(y + np.float32([0.5, -0.25]), y) == pytest.approx(0.3125, rel=1e-5)
    assert measure(y[::-1], y) == 0.0


def test_only_the_first_points_are_looked_at_and_as_many_of_both(nine, truth, measure):
    x, y = 1.1 * truth(nine, 60, "x"), truth(nine, 90, "y")
    assert measure(x, y) == measure(x, y[:60])
    assert measure(x, y, points=40) == measure(x[:40], y[:40])
    order = np.random.RandomState(0).permutation(60)
    assert measure(x[order], y[:60][order[::-1]]) == pytest.approx(measure(x, y), rel=1e-12)


@pytest.mark.slow
def test_truth_is_accepted_and_known_bad_models_are_ranked(nine, truth, measure):
    y = truth(nine, 300, "y")
    floor = floor_of(METRICS.build("w2"), nine, y, 300, 20).values["w2"]
    assert floor.min() > 0.01  # far from zero under truth: the reason for a floor
    x = truth(nine, 300, "x")
    z = [against_floor(measure(bad, y), floor).z for bad in (x, x + 0.8, x + 1.2)]
    assert abs(z[0]) < 4 < z[1] < z[2]


def test_samples_that_are_not_finite_give_nan(nine, truth, measure):
    x = truth(nine, 20, "x")
    x[3] = np.nan
    assert np.isnan(measure(x, truth(nine, 20, "y")))


def test_what_is_wrong_is_named(nine, truth, measure):
    with pytest.raises(ValueError, match="points must be at least 1; got 0"):
        METRICS.build("w2", points=0)
    with pytest.raises(ValueError, match="samples must have dimension 2; got 3"):
        measure(np.zeros((5, 3)), truth(nine, 20, "y"))
