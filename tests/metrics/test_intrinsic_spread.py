import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from diffbench.contracts import DATASETS, METRICS, key_for
from diffbench.metrics.floor import against_floor, floor_of

KEY = key_for(0)


@pytest.fixture(scope="module")
def circle():
    return DATASETS.build("circle")


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m"), [(200, 200), (151, 90)])
def test_the_column_is_scipys_kolmogorov_smirnov_distance(truth, outcome, n, m):
    s_curve = DATASETS.build("s_curve")
    x, y = 1.1 * truth(s_curve, n, "x"), truth(s_curve, m, "y")
    u, v = (np.asarray(s_curve.intrinsic(points), np.float64) for points in (x, y))
    expected = [stats.ks_2samp(u[:, j], v[:, j]).statistic for j in range(2)]
    metric = METRICS.build("intrinsic")
    values, arrays = metric.measure(KEY, outcome(s_curve, x, y))
    np.testing.assert_allclose(arrays["intrinsic_distances"], expected, rtol=1e-12)
    assert values == {"intrinsic": pytest.approx(max(expected), rel=1e-12)}
    assert type(values["intrinsic"]) is float
    prepared = metric.prepare(y, s_curve)
    again = metric.measure(KEY, outcome(s_curve, x[::-1], y[::-1], prepared))[0]
    assert again == values


def test_ties_are_counted_once(nine, outcome):
    line = dataclasses.replace(nine, intrinsic=lambda x: jnp.asarray(x)[:, :1])
    rng = np.random.RandomState(0)
    x, y = (rng.randint(0, 4, (n, 2)) / 4 for n in (40, 50))
    value = METRICS.build("intrinsic").measure(KEY, outcome(line, x, y))[0]["intrinsic"]
    assert value == pytest.approx(stats.ks_2samp(x[:, 0], y[:, 0]).statistic, rel=1e-12)


@pytest.mark.slow
def test_it_sees_an_uneven_density_along_the_manifold_and_the_distance_sees_the_rest(circle, truth, outcome):
    y, x = truth(circle, 2000, "y"), truth(circle, 4000, "x")
    metrics = {name: METRICS.build(name) for name in ("intrinsic", "manifold_distance")}
    floors = {name: floor_of(metric, circle, y, 2000, 20).values[name] for name, metric in metrics.items()}

    def z(samples):
        got = outcome(circle, samples[:2000], y)
        values = {name: metric.measure(KEY, got)[0][name] for name, metric in metrics.items()}
        return [against_floor(values[name], floors[name]).z for name in metrics]

    # More samples on the right than on the left, all as far from the circle as truth.
    keep = np.random.RandomState(0).rand(len(x)) < 0.75 + 0.25 * x[:, 0] / np.linalg.norm(x, axis=1)
    uneven = z(x[keep])
    assert uneven[0] > 5
    assert abs(uneven[1]) < 4
    # Further from the circle, at the same angles.
    further = z(x * (1 + 0.05 * np.random.RandomState(1).standard_normal((len(x), 1)).astype(np.float32)))
    assert abs(further[0]) < 4
    assert further[1] > 5


@pytest.mark.slow
def test_a_dropped_moon_is_seen(truth, outcome):
    moons = DATASETS.build("two_moons")
    y, x = truth(moons, 400, "y"), truth(moons, 400, "x")
    second = np.asarray(moons.intrinsic(x))[:, 0] > 0.5
    metric = METRICS.build("intrinsic")
    values = [metric.measure(KEY, outcome(moons, one, y))[0]["intrinsic"] for one in (x, x[~second])]
    assert values[0] < 0.15
    assert values[1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", ["circle", "swiss_roll", "checkerboard"])
def test_samples_that_are_not_finite_give_nan(truth, outcome, name):
    dataset = DATASETS.build(name)
    x, y = truth(dataset, 50, "x"), truth(dataset, 50, "y")
    x[3] = np.nan
    values, arrays = METRICS.build("intrinsic").measure(KEY, outcome(dataset, x, y))
    assert np.isnan([*values.values(), *arrays["intrinsic_distances"]]).all()


def test_a_dataset_without_coordinates_is_named(nine, outcome):
    with pytest.raises(
        ValueError, match="it needs coordinates on a manifold, and dataset 'nine_gaussians' has none"
    ):
        METRICS.build("intrinsic").measure(KEY, outcome(nine, np.zeros((5, 2)), np.zeros((5, 2))))
