import math

import numpy as np
import pytest
from scipy import stats

from diffbench.tables.statistics import t_interval


def test_the_interval_is_students():
    values = [1.0, 2.0, 4.0, 3.5]
    interval = t_interval(values, 0.9)
    low, high = stats.t.interval(0.9, 3, loc=np.mean(values), scale=stats.sem(values))
    assert interval.mean == pytest.approx(np.mean(values))
    assert (interval.low, interval.high) == pytest.approx((low, high))
    assert interval.half == pytest.approx((high - low) / 2)


def test_missing_values_are_left_out_and_counted():
    interval = t_interval([1.0, math.nan, 3.0, None])
    assert (interval.mean, interval.n) == (2.0, 2)


def test_one_value_has_no_interval_and_none_has_no_mean():
    one = t_interval([2.0])
    assert one.mean == 2.0
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert math.isnan(t_interval([]).mean)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_coverage_is_nominal_over_simulated_seeds(n):
    # 20,000 simulated sets: the standard error of the coverage is 0.15%, so a false
    # alarm at 2% is beyond 12 sigma.
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((20_000, n))
    covered = 0
    for row in draws:
        interval = t_interval(row.tolist())
        covered += interval.low <= 0.0 <= interval.high
    assert covered / len(draws) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0])
def test_a_level_out_of_range_is_refused(level):
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\); got"):
        t_interval([1.0, 2.0], level)
