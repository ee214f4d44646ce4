"""Type I error: truth against truth, 500 times, reference and floor and sample drawn afresh."""

import functools

import calibration
import calibration_table
import numpy as np
import pytest
from scipy import stats

from diffbench.contracts import DATASETS, METRICS

READINGS = {
    "nine_gaussians": [
        "energy",
        "mmd2",
        "mmd2_local",
        *(f"mmd2 at h = {h}" for h in ("0.169", "0.338", "0.676", "1.352", "2.705")),
        "sliced_w2",
        "mode_tv",
        "missing_modes",
        "stray",
    ],
    "eight_gaussians": ["w2", "precision", "recall", "density", "coverage"],
    "circle": ["manifold_distance", "manifold_distance_q95", "intrinsic"],
    "shifted_shapes": ["frechet", "frechet_leading"],
}
# Counts among few: many draws are equal, and p-values err to the safe side.
COUNTED = (
    *("mode_tv", "missing_modes", "stray"),
    *("precision", "recall", "density", "coverage", "intrinsic"),
)
CASES = [(dataset, name) for dataset, names in READINGS.items() for name in names]


@functools.cache
def calibrated(dataset):
    return calibration.calibrate(DATASETS.build(dataset), **calibration.RUNS[dataset])


def test_every_metric_with_a_floor_is_calibrated():
    floored = {name for name in METRICS.names() if METRICS.build(name).floor == "two_sample"}
    assert floored == {name for names in calibration.CALIBRATED.values() for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("dataset", READINGS)
def test_every_reading_is_a_case(dataset):
    assert set(calibrated(dataset).values) == set(READINGS[dataset])


@pytest.mark.slow
@pytest.mark.parametrize(("dataset", "name"), CASES)
def test_p_values_are_uniform_under_truth(dataset, name):
    # 20 Kolmogorov-Smirnov tests, each of which rejects truth in one of a thousand seeds.
    found = calibrated(dataset)
    values, floors, p = found.values[name], found.floors[name], found.p_values[name]
    continuous = calibration.spread_out(values, floors)
    assert calibration.uniform_p(continuous) > 1e-3
    # The package's p-value is the upper end of its place, and of its ties.
    places = floors.shape[1] + 1
    assert (p >= continuous).all()
    assert (p - continuous < 1 / places).all() or name in COUNTED
    # So truth is rejected at a level of k/20 at most that often: 20 x 3 tests at 1e-4.
    for k in (1, 2, 4):
        rejected = int((p <= k / places + 1e-9).sum())
        assert stats.binom.sf(rejected - 1, len(p), k / places) > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in READINGS["nine_gaussians"] if name not in COUNTED])
def test_a_value_off_by_a_third_of_the_floor_s_deviation_would_be_seen(name):
    # The same test on the same draws, so that its power is known too.
    found = calibrated("nine_gaussians")
    values, floors = found.values[name], found.floors[name]
    shift = floors.std(axis=1, ddof=1).mean() / 3
    assert calibration.uniform_p(calibration.spread_out(values + shift, floors)) < 1e-3


@pytest.mark.slow
def test_u_statistics_average_zero_under_truth():
    # Both sides redrawn, 500 times. Seven means beyond 4 standard errors: false alarm in 4e-4 of seeds.
    found = calibrated("nine_gaussians")
    assert len(found.unbiased) == 7
    for name in found.unbiased:
        mean, error = calibration.mean_and_error(found.values[name])
        assert abs(mean) < 4 * error, name
        # The diagonal of a V-statistic would add about 2/n: 1.8 times that to energy, 0.2 to 1 to MMD^2.
        assert 4 * error < 0.25 * 2 / calibration.SIZE


def test_the_committed_table_has_every_reading():
    rows = [(row["dataset"], row["reading"]) for row in calibration_table.read("type_one")]
    assert sorted(rows) == sorted(CASES)


@pytest.mark.slow
def test_the_committed_table_is_what_is_found():
    # Another processor rounds otherwise, and may put two draws the other way round.
    for row in calibration_table.read("type_one"):
        found = calibrated(row["dataset"])
        p = found.p_values[row["reading"]]
        assert float(row["rejected"]) == pytest.approx((p <= 0.05 + 1e-9).mean(), abs=0.02)
        if row["reading"] in found.unbiased:
            mean, error = calibration.mean_and_error(found.values[row["reading"]])
            assert float(row["mean"]) == pytest.approx(mean, abs=0.2 * error)


def test_spread_out_p_values_are_uniform_with_ties_and_without():
    # 20,000 ranks among 9, of normal and of Poisson numbers: two tests at a level of 1e-3.
    random = np.random.RandomState(0)
    for draws in (random.standard_normal((20_000, 10)), random.poisson(0.5, (20_000, 10))):
        assert calibration.uniform_p(calibration.spread_out(draws[:, 0], draws[:, 1:])) > 1e-3
