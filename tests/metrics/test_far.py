"""Samples far from the data: every distance keeps its digits, and none passes for truth.

The second source is Python's own decimal arithmetic, with four hundred digits.
"""

import decimal
import math

import numpy as np
import pytest

from diffbench.contracts import DATASETS, METRICS, key_for
from diffbench.metrics.averages import ByDensity
from diffbench.metrics.base import distance
from diffbench.metrics.far import cross_sum, norms, parted, within_sum
from diffbench.metrics.floor import against_floor, floor_of

KEY = key_for(0)
FAR = (1e2, 1e10, 1e18, 1e149)
JUDGES = (
    *("energy", "mmd2", "sliced_w2", "w2", "detection_n", "manifold_distance", "intrinsic"),
    *("mode_tv", "prdc", "c2st", "memorisation"),
)


def exact_energy(x, y):
    """Returns the two-sample energy U-statistic with 400 digits."""
    with decimal.localcontext() as context:
        context.prec = 400
        x, y = ([[decimal.Decimal(float(c)) for c in row] for row in points] for points in (x, y))

        def between(a, b):
            return sum(((p - q) ** 2 for p, q in zip(a, b, strict=True)), decimal.Decimal(0)).sqrt()

        def within(points):
            total = sum(between(a, b) for i, a in enumerate(points) for b in points[:i])
            return 2 * total / (len(points) * (len(points) - 1))

        cross = sum(between(a, b) for a in x for b in y) / (len(x) * len(y))
        return float(2 * cross - within(x) - within(y))


@pytest.fixture(scope="module")
def few(nine, truth):
    return np.asarray(truth(nine, 24, "x"), np.float64), np.asarray(truth(nine, 16, "y"), np.float64)


def moved(x, how, far):
    """Returns points of which some are far: one, two at one place, two apart, or all."""
    x = x.copy()
    if how == "one":
        x[0] = [far, 0.7 * far]
    elif how == "two together":
        x[:2] = [far, -far]
    elif how == "two apart":
        x[0], x[1] = [far, 0.0], [0.0, 1e-3 * far]
    elif how == "two opposite":
        x[0], x[1] = [far, 0.7 * far], [-far, -0.7 * far]
    elif how == "two nearly opposite":
        x[0], x[1] = [far, 0.7 * far], [-0.3 * far, -0.2 * far]
    else:
        x *= far
    return x


HOW = ("one", "two together", "two apart", "two opposite", "two nearly opposite", "all")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("far", FAR)
def test_energy_is_right_to_a_millionth_wherever_a_sample_lies(nine, few, outcome, how, far):
    x, y = few
    bad = moved(x, how, far)
    told = METRICS.build("energy", against="reference").measure(KEY, outcome(nine, bad, y))[0]["energy"]
    assert told == pytest.approx(exact_energy(bad, y), rel=1e-6)


def test_the_sums_leave_out_the_same_of_both_sides(few):
    x, y = few
    near = (parted(x, y, 9.0), parted(y, y, 9.0))
    apart = (parted(x, y / 100, 0.0), parted(y, y / 100, 0.0))
    assert len(apart[0].far) > 20
    n, m = len(x), len(y)

    def energy(of_x, of_y):
        inner = (within_sum(one, distance) / (k * (k - 1)) for one, k in ((of_x, n), (of_y, m)))
        return 2 * cross_sum(of_x, of_y, distance) / (n * m) - sum(inner)

    assert energy(*apart) == pytest.approx(energy(*near), rel=1e-5)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("far", [20.0, *FAR])
def test_detection_has_the_digits_of_the_energy_distance(nine, few, outcome, how, far):
    x, y = few
    bad = moved(x, how, far)
    energy, n = METRICS.build("detection_n").measure(KEY, outcome(nine, bad, y))[1]["detection"]
    assert n == len(y)
    assert energy == pytest.approx(exact_energy(bad[: len(y)], y), rel=1e-6)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("far", [20.0, *FAR])
def test_kernels_are_right_to_a_millionth_wherever_a_sample_lies(nine, few, outcome, brute, how, far):
    x, y = few
    bad = moved(x, how, far)
    metric = METRICS.build("mmd2", against="reference")
    arrays = metric.measure(KEY, outcome(nine, bad, y))[1]
    known = [brute.mmd2(bad, y, h) for h in arrays["bandwidths"]]
    np.testing.assert_allclose(arrays["mmd2_bandwidths"], known, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nine_gaussians", "anisotropic", "circle"])
def test_far_from_a_density_the_mean_distance_is_that_of_the_closed_form(name):
    dataset = DATASETS.build(name)
    for far in (60.0, 1e149):
        x = far * np.array([[1.0, 0.7], [-0.3, 1.0]])
        known = dataset.potential().mean_excess(x)
        np.testing.assert_allclose(ByDensity(dataset).mean_excess(x), known, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nine_gaussians", "anisotropic", "circle"])
def test_near_and_far_mean_distances_meet(name, outcome, few):
    dataset, (x, y) = DATASETS.build(name), few
    metric = METRICS.build("energy")

    def energy(far):
        return metric.measure(KEY, outcome(dataset, moved(x, "one", far), y))[0]["energy"]

    # One of n: what it adds is far/n times twice what it is further from the truth than from the rest.
    for border in (4.0 * max(dataset.diameter, float(np.abs(y).max())), 50.0 / math.hypot(1.0, 0.7)):
        assert energy(border * 0.99999) == pytest.approx(energy(border * 1.00001), abs=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nine_gaussians", "anisotropic", "circle"])
@pytest.mark.parametrize("far", [40.0, 1e9])
def test_against_the_truth_it_is_that_of_a_large_sample(truth, outcome, name, far):
    dataset = DATASETS.build(name)
    x = np.asarray(truth(dataset, 100, "x"), np.float64)
    y = truth(dataset, 5_000, "y")
    bad = moved(x, "one", far)
    told = METRICS.build("energy").measure(KEY, outcome(dataset, bad, y))[0]["energy"]
    sampled = METRICS.build("energy", against="reference").measure(KEY, outcome(dataset, bad, y))[0]["energy"]
    assert told == pytest.approx(sampled, abs=0.02)


@pytest.mark.parametrize("far", FAR)
def test_a_far_sample_takes_its_pairs_from_the_kernels(nine, few, outcome, far):
    x, y = few
    metric = METRICS.build("mmd2")
    bad = moved(x, "one", far)
    told = metric.measure(KEY, outcome(nine, bad, y))[1]["mmd2_bandwidths"]
    known, n = metric.prepare(y, nine), len(x)
    at = np.asarray(known.averages.mean_kernels(x[1:], known.bandwidths), np.float64).sum(axis=0)
    rest = metric.measure(KEY, outcome(nine, x[1:], y))[1]["mmd2_bandwidths"]
    within = (rest - known.y_y + 2.0 * at / (n - 1)) * (n - 1) * (n - 2)
    assert told == pytest.approx(within / (n * (n - 1)) + known.y_y - 2.0 * at / n, abs=3e-7)


@pytest.mark.parametrize("far", FAR[2:])
def test_squared_distances_of_transport_grow_with_the_square(nine, few, outcome, far):
    x, y = few
    bad = moved(x, "one", far)[: len(y)]
    for name in ("sliced_w2", "w2"):
        metric = METRICS.build(name)
        told = metric.measure(KEY, outcome(nine, bad, y))[0][name]
        across = metric.prepare(y, nine).directions if name == "sliced_w2" else np.eye(2) * math.sqrt(2.0)
        assert told == pytest.approx(((bad[0] @ across) ** 2).mean() / len(bad), rel=1e-6)


@pytest.mark.parametrize("far", FAR)
def test_the_distance_to_a_manifold_is_that_to_its_middle_from_afar(truth, outcome, far):
    circle = DATASETS.build("circle")
    x = np.asarray(truth(circle, 50, "x"), np.float64)
    bad = moved(x, "one", far)
    told, rest = (
        METRICS.build("manifold_distance").measure(KEY, outcome(circle, one, x))[0]["manifold_distance"]
        for one in (bad, x[1:])
    )
    radius = 1.0 / circle.scale
    assert told == pytest.approx((norms(bad[:1])[0] - radius + 49 * rest) / 50, rel=1e-6)


@pytest.mark.slow
def test_modes_count_a_far_sample_as_stray(nine, few, outcome):
    x, y = few
    for far in FAR:
        values = METRICS.build("mode_tv").measure(KEY, outcome(nine, moved(x, "one", far), y))[0]
        assert math.isfinite(values["mode_tv"])
        assert values["stray"] >= 1 / len(x)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["circle", "swiss_roll", "torus"])
def test_the_place_on_a_manifold_is_that_of_the_direction_from_afar(truth, outcome, name):
    dataset = DATASETS.build(name)
    x, y = (np.asarray(truth(dataset, 50, key), np.float64) for key in "xy")
    told = [
        METRICS.build("intrinsic").measure(KEY, outcome(dataset, x * far, y))[0]["intrinsic"]
        for far in FAR[2:]
    ]
    assert len(set(told)) == 1
    near = METRICS.build("intrinsic").measure(KEY, outcome(dataset, x * 1e4, y))[0]["intrinsic"]
    assert told[0] == pytest.approx(near, abs=0.041)


@pytest.mark.parametrize("name", ["prdc", "c2st", "memorisation", "mode_tv", "intrinsic"])
def test_metrics_of_ranks_have_the_same_value_however_far(nine, truth, outcome, name):
    dataset = DATASETS.build("circle") if name == "intrinsic" else nine
    x, y, train = (np.asarray(truth(dataset, 60, key), np.float64) for key in ("x", "y", "t"))
    one, other = (
        METRICS.build(name).measure(KEY, outcome(dataset, x * far, y)._replace(train=train))[0]
        for far in (1e12, 1e149)
    )
    assert all(map(math.isfinite, one.values()))
    assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("how", ["all", "on a line"])
@pytest.mark.parametrize("name", ["energy", "mmd2", "sliced_w2", "w2"])
@pytest.mark.parametrize("far", [1e8, 1e140])
def test_a_model_that_went_astray_never_reads_as_truth(nine, truth, outcome, name, far, how):
    metric, draws = METRICS.build(name), 19
    y = truth(nine, 60, "y")
    floor = floor_of(metric, nine, y, 60, draws)
    x = np.asarray(truth(nine, 60, "x"), np.float64)
    # A line through the data is what a model with one growing direction leaves.
    x = x * far if how == "all" else np.outer(x[:, 0] * far, [1.0, 0.7])
    values, arrays = metric.measure(KEY, outcome(nine, x, y))
    if metric.finish is not None:
        values = metric.finish(values, arrays, floor.arrays)
    column = next(iter(metric.columns))
    assert against_floor(values[column], floor.values[column]).p_value == 1 / (draws + 1)


@pytest.mark.parametrize("name", JUDGES)
def test_what_float64_cannot_square_has_no_value(nine, few, outcome, name):
    x, y = few
    dataset = DATASETS.build("circle") if name in ("manifold_distance", "intrinsic") else nine
    for far in (1e200, math.inf, math.nan):
        bad = x.copy()
        bad[0, 0] = far
        assert not any(
            map(
                math.isfinite,
                METRICS.build(name).measure(KEY, outcome(dataset, bad, y)._replace(train=y))[0].values(),
            )
        )
