import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from diffbench.contracts import METRICS, key_for
from diffbench.metrics.floor import Floor, against_floor, floor_of, read_against

KEY = key_for(0)


@pytest.mark.slow
def test_the_floor_measures_truth_against_one_reference(nine, truth, outcome):
    y = truth(nine, 80, "y")
    metric, done = METRICS.build("energy"), []
    floor = floor_of(metric, nine, y, 60, 4, progress=lambda r, draws: done.append((r, draws)))
    for r, value in enumerate(floor.values["energy"]):
        x = nine.standardise(nine.sample(key_for(0, "floor", "nine_gaussians", 60, r), 60))
        assert metric.measure(KEY, outcome(nine, x, y))[0]["energy"] == value
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    other = floor_of(metric, nine, y, 60, 2, label="nine_gaussians, sd 0.1")
    assert not np.isin(other.values["energy"], floor.values["energy"]).any()
    assert floor_of(metric, nine, y, 60, 2).values["energy"] == pytest.approx(
        floor.values["energy"][:2], abs=0
    )


@pytest.mark.slow
def test_the_reference_is_prepared_once_and_columns_are_finished(nine, truth):
    metric, calls = METRICS.build("mmd2"), []

    def prepare(reference, dataset):
        calls.append(reference)
        return metric.prepare(reference, dataset)

    floor = floor_of(dataclasses.replace(metric, prepare=prepare), nine, truth(nine, 80, "y"), 60, 5)
    assert len(calls) == 1
    raw = floor.arrays["mmd2_bandwidths"]
    assert raw.shape == (5, len(floor.arrays["bandwidths"][0]))
    np.testing.assert_allclose(floor.values["mmd2"], (raw / raw.std(axis=0, ddof=1)).sum(axis=1))
    np.testing.assert_allclose(floor.values["mmd2_local"], raw[:, 0])


def test_the_p_value_is_its_formula():
    reading = against_floor(2.0, [1.0, 2.0, 3.0, 4.0])
    assert reading.p_value == pytest.approx(4 / 5)
    assert reading.mean == pytest.approx(2.5)
    assert reading.sd == pytest.approx(math.sqrt(5 / 3))
    assert reading.z == pytest.approx(-0.5 / math.sqrt(5 / 3))
    assert against_floor(2.0, [1.0, 2.0, 3.0, 4.0], better="higher").p_value == pytest.approx(3 / 5)
    assert against_floor(math.inf, [1.0, 2.0]).p_value == pytest.approx(1 / 3)
    assert all(type(number) is float for number in reading)


def test_nan_and_a_floor_without_spread_are_said_so():
    reading = against_floor(math.nan, [1.0, 3.0])
    assert reading.mean == 2.0
    assert math.isnan(reading.z)
    assert math.isnan(reading.p_value)
    assert np.isnan(against_floor(1.0, [1.0, math.nan])).all()
    reading = against_floor(0.5, [0.1] * 6)
    assert (reading.sd, reading.p_value) == (0.0, pytest.approx(1 / 7))
    assert math.isnan(reading.z)


def test_both_tails_are_bad_where_truth_is_best():
    floor = np.arange(1.0, 40.0)
    for value, p in ((0.0, 2 / 40), (40.0, 2 / 40), (1.0, 4 / 40), (20.0, 1.0), (-1e9, 2 / 40)):
        assert against_floor(value, floor, "truth").p_value == pytest.approx(p)
    # A level is kept: twice the nearer tail, over exchangeable draws.
    draws = np.random.RandomState(0).standard_exponential((4000, 40))
    p = np.array([against_floor(row[0], row[1:], "truth").p_value for row in draws])
    # Four standard errors of a share of 0.1 among 4000.
    assert abs((p <= 0.1).mean() - 0.1) < 4 * math.sqrt(0.1 * 0.9 / 4000)


def test_p_values_are_uniform_under_truth():
    # The chi-squared test of 4000 ranks among 19 rejects once in a thousand seeds.
    draws = np.random.RandomState(0).standard_exponential((4000, 20))
    p = np.array([against_floor(row[0], row[1:]).p_value for row in draws])
    counts = np.bincount(np.rint(20 * p).astype(int), minlength=21)
    assert counts[0] == 0
    assert stats.chisquare(counts[1:]).pvalue > 0.001


def test_what_is_wrong_is_named(nine, truth):
    y = truth(nine, 10, "y")
    with pytest.raises(ValueError, match="the metric of score_error, score_kl has no floor"):
        floor_of(METRICS.build("score_error"), nine, y, 10, 2)
    with pytest.raises(ValueError, match="draws must be at least 2; got 1"):
        floor_of(METRICS.build("energy"), nine, y, 10, 1)
    with pytest.raises(ValueError, match="n must be at least 1; got 0"):
        floor_of(METRICS.build("energy"), nine, y, 0, 2)
    with pytest.raises(ValueError, match="better must be one of lower, higher, truth; got 'up'"):
        against_floor(1.0, [1.0, 2.0], better="up")
    with pytest.raises(
        ValueError, match=r"floor values must be one row of at least 2 draws; got shape \[1\]"
    ):
        against_floor(1.0, [1.0])


@pytest.mark.slow
@pytest.mark.parametrize("draws", [4, 9, 19])
def test_the_p_value_of_a_column_that_the_floor_scales_is_exact(draws):
    # Readings at six bandwidths with a skew noise of their own and one that they share.
    rng, trials, metric = np.random.default_rng(draws), 3000, METRICS.build("mmd2")
    rejected = 0
    for _ in range(trials):
        rows = (rng.normal(size=(draws + 1, 1)) ** 2 - 1) / 2 + rng.normal(size=(draws + 1, 6))
        arrays = {"mmd2_bandwidths": rows[1:]}
        scaled = [metric.finish({}, {"mmd2_bandwidths": row}, arrays)["mmd2"] for row in rows[1:]]
        floor = Floor({"mmd2": np.array(scaled), "mmd2_local": rows[1:, 0]}, arrays)
        values = {"mmd2": math.nan, "mmd2_local": rows[0, 0]}
        _, readings = read_against(metric, values, {"mmd2_bandwidths": rows[0]}, floor)
        rejected += readings["mmd2"].p_value <= 1 / (draws + 1) + 1e-12
    level = 1 / (draws + 1)
    assert abs(rejected / trials - level) < 4 * math.sqrt(level * (1 - level) / trials)


def test_readings_are_those_of_the_scaled_values(nine, truth, outcome):
    y = truth(nine, 60, "y")
    for name in ("energy", "mmd2", "detection_n"):
        metric = METRICS.build(name)
        floor = floor_of(metric, nine, y, 60, 9)
        measured = metric.measure(KEY, outcome(nine, 1.2 * truth(nine, 60, "x"), y))
        values, readings = read_against(metric, *measured, floor)
        expected = metric.finish(*measured, floor.arrays) if metric.finish else measured[0]
        assert values == expected
        assert set(readings) == (set(metric.columns) if metric.floor == "two_sample" else set())
        for column, reading in readings.items():
            assert reading.z == against_floor(values[column], floor.values[column]).z
