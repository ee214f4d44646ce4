import math

import numpy as np
import pytest

from diffbench.contracts import METRICS, key_for
from diffbench.metrics.floor import floor_of

KEY = key_for(0)


@pytest.fixture(scope="module")
def metric():
    return METRICS.build("detection_n")


def test_the_array_is_the_energy_distance_to_as_many_points(metric, nine, truth, outcome, brute):
    x, y = 1.1 * truth(nine, 150, "x"), truth(nine, 250, "y")
    values, arrays = metric.measure(KEY, outcome(nine, x, y))
    assert math.isnan(values["detection_n"])
    np.testing.assert_allclose(arrays["detection"], [brute.energy(x, y[:150]), 150], atol=1e-6)
    # Of a shorter reference as many samples.
    _, arrays = metric.measure(KEY, outcome(nine, x, y[:100]))
    np.testing.assert_allclose(arrays["detection"], [brute.energy(x[:100], y[:100]), 100], atol=1e-6)
    _, turned = metric.measure(KEY, outcome(nine, x[:100][::-1], y[:100][::-1]))
    np.testing.assert_allclose(turned["detection"], arrays["detection"], atol=1e-6)


def test_n_star_is_its_formula_and_censored_at_n(metric):
    null = np.arange(-10.0, 11.0)  # mean and median 0, 95% quantile 9
    floor = {"detection": np.stack([null + 1.0, np.full(21, 500.0)], axis=1)}

    def n_star(energy):
        return metric.finish({"detection_n": math.nan}, {"detection": np.array([energy, 500.0])}, floor)

    assert n_star(91.0) == {"detection_n": pytest.approx(500 * 9 / 90)}
    assert n_star(11.0) == {"detection_n": pytest.approx(450)}
    # It exceeds n, the distance is the floor's mean, and it is below that.
    assert [n_star(energy)["detection_n"] for energy in (5.0, 1.0, -3.0)] == [500.0] * 3
    assert math.isnan(n_star(math.nan)["detection_n"])
    column = metric.columns["detection_n"]
    assert (column.better, column.censored, metric.floor) == ("higher", True, "two_sided")


@pytest.mark.slow
def test_samples_that_are_not_finite_give_nan(metric, nine, truth, outcome):
    x, y = truth(nine, 30, "x"), truth(nine, 30, "y")
    floor = floor_of(metric, nine, y, 30, 3)
    x[3] = np.nan
    values = metric.finish(*metric.measure(KEY, outcome(nine, x, y)), floor.arrays)
    assert math.isnan(values["detection_n"])


@pytest.mark.slow
def test_an_energy_test_at_n_star_has_power_one_half(metric, nine, truth, outcome):
    # A shifted mixture with inflated modes. n* from 1500 points; the mean of four readings.
    def alternative(n, *labels):
        return 1.08 * truth(nine, n, *labels) + np.float32([0.15, 0.0])

    big = floor_of(metric, nine, truth(nine, 1500, "y"), 1500, 60).arrays
    readings = []
    for r in range(4):
        got = metric.measure(KEY, outcome(nine, alternative(1500, "x", r), truth(nine, 1500, "y", r)))
        readings.append(metric.finish(*got, big)["detection_n"])
    n_star = np.mean(readings)
    assert n_star < 750

    def power(n):
        """The share of alternatives beyond the 95% quantile of 400 draws of the null."""
        null = floor_of(metric, nine, truth(nine, n, "y"), n, 400).arrays["detection"][:, 0]
        # As many are drawn under one key as the fixture holds.
        x, y = alternative(2**15, "x", n), truth(nine, 2**15, "y", n)
        rows = [slice(start, start + n) for start in range(0, 2**15 - n, n)]
        bad = [metric.measure(KEY, outcome(nine, x[row], y[row]))[1]["detection"][0] for row in rows[:200]]
        assert len(bad) > 60
        return np.mean(bad > np.quantile(null, 0.95))

    # Within a factor of 1.5 of n*. The power has a standard error of 0.06 or less.
    assert power(round(n_star / 1.5)) < 0.5 < power(round(n_star * 1.5))


@pytest.mark.slow
def test_truth_is_told_in_one_draw_of_twenty(metric, nine, truth, outcome):
    n, draws = 30, 1000
    floor = floor_of(metric, nine, truth(nine, n, "y"), n, draws)
    x, y = (truth(nine, draws * n, label).reshape(draws, n, 2) for label in "xy")
    got = (metric.measure(KEY, outcome(nine, *pair)) for pair in zip(x, y, strict=True))
    told = [metric.finish(*one, floor.arrays)["detection_n"] < n for one in got]
    # The quantile and the share are each known to 0.7%.
    assert abs(np.mean(told) - 0.05) < 4 * math.sqrt(2 * 0.05 * 0.95 / draws)


def test_what_is_wrong_is_named(metric, nine, truth, outcome):
    y = truth(nine, 20, "y")
    with pytest.raises(ValueError, match="samples must hold at least 2 points; got 1"):
        metric.measure(KEY, outcome(nine, y[:1], y))
    with pytest.raises(ValueError, match="reference must hold at least 2 points; got 1"):
        metric.measure(KEY, outcome(nine, y, y[:1]))
    with pytest.raises(ValueError, match="samples must have dimension 2; got 3"):
        metric.measure(KEY, outcome(nine, np.zeros((5, 3)), y))
