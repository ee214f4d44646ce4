import math

import numpy as np
import pytest

from diffbench.contracts import METRICS, Outcome, key_for
from diffbench.metrics import c2st

KEY = key_for(0)


@pytest.fixture(scope="module")
def measure(nine):
    def values(x, y, **hyperparameters):
        outcome = Outcome(x, y, None, None, None, nine)
        return METRICS.build("c2st", **hyperparameters).measure(KEY, outcome)[0]

    return values


@pytest.mark.parametrize(("n", "m"), [(151, 120), (90, 200), (8, 9)])
def test_the_columns_equal_their_definition(nine, truth, measure, brute, n, m):
    size = min(n, m)
    for x in (1.05 * truth(nine, n, "x"), 0.5 + truth(nine, n, "x")):
        y = truth(nine, m, "y")
        for k in (1, 5):
            values = measure(x, y, k=k)
            assert values["c2st"] == pytest.approx(brute.c2st(x[:size], y[:size], k), rel=1e-12)
            tested = 2 * (size - size // 2)
            assert values["c2st_z"] == pytest.approx((values["c2st"] - 0.5) / math.sqrt(0.25 / tested))
            assert all(type(value) is float for value in values.values())


@pytest.mark.parametrize("dim", [2, 40])
def test_the_classifiers_equal_their_definitions(brute, dim):
    rng = np.random.RandomState(0)
    trained = np.concatenate([1.3 * rng.standard_normal((60, dim)), rng.standard_normal((60, dim))])
    tested = rng.standard_normal((50, dim))
    for told, defined in (
        (c2st.votes(trained, tested, 7), brute.votes(trained, tested, 7)),
        (c2st.quadratic(trained, tested), brute.quadratic(trained, tested)),
    ):
        np.testing.assert_array_equal(told[0], defined[0])
        np.testing.assert_array_equal(told[1], defined[1])


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_a_gaussian_of_another_scale_is_seen_in_many_dimensions(measure, factor):
    rng = np.random.RandomState(0)
    x, y = (rng.standard_normal((2_000, 64)).astype(np.float32) for _ in range(2))
    assert measure(factor * x, y)["c2st"] > 0.9
    # What it mends: one side holds the neighbours of all points.
    said = c2st.votes(np.concatenate([factor * x[::2], y[::2]]), x[1::2], 43)[1]
    assert said.all() or not said.any()


@pytest.mark.slow
def test_other_defects_in_many_dimensions_are_seen(measure):
    rng = np.random.RandomState(1)
    middles = 3 * rng.standard_normal((10, 64))

    def mixture(width=1.0, first=0):
        modes = middles[rng.randint(first, 10, 2_000)]
        return (modes + width * rng.standard_normal(modes.shape)).astype(np.float32)

    truth, normal = mixture(), rng.standard_normal((2_000, 64)).astype(np.float32)
    assert measure(mixture(0.8), truth)["c2st"] > 0.8
    assert measure(mixture(1.3), truth)["c2st"] > 0.85
    assert measure(mixture(first=1), truth)["c2st_z"] > 2
    assert measure(normal + 0.1, normal[::-1])["c2st"] > 0.55
    heavy = rng.standard_t(3, normal.shape) / math.sqrt(3.0)
    assert measure(heavy, normal)["c2st"] > 0.65


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dim", "n", "draws"),
    [
        (2, 100, 120),
        pytest.param(8, 200, 100, marks=pytest.mark.slow),
        (64, 60, 40),
        pytest.param(64, 300, 60, marks=pytest.mark.slow),
        pytest.param(256, 100, 40, marks=pytest.mark.slow),
    ],
)
def test_under_truth_it_has_its_null(measure, dim, n, draws):
    rng = np.random.RandomState(0)
    z = [measure(*rng.standard_normal((2, n, dim)))["c2st_z"] for _ in range(draws)]
    # False alarm in 1e-4 of seeds.
    assert abs(np.mean(z)) < 4 / math.sqrt(draws)
    # The null is too wide where the classifier leans to one side, never too narrow.
    assert np.var(z) < 1 + 4 * math.sqrt(2 / draws)


def test_bad_models_are_ranked(nine, truth, measure):
    x, y = truth(nine, 1000, "x"), truth(nine, 1000, "y")
    z = [measure(bad, y)["c2st_z"] for bad in (x, x + 0.15, x + 0.5)]
    assert abs(z[0]) < 4 < z[1] < z[2]


def test_the_order_of_modes_does_not_matter(nine, truth, measure):
    x, y = truth(nine, 1000, "x"), truth(nine, 1000, "y")
    by_mode = np.argsort(np.asarray(nine.modes.responsibilities(x)).argmax(axis=1), kind="stable")
    assert abs(measure(x[by_mode], y)["c2st_z"]) < 4


def test_atoms_and_far_points_are_judged_too(nine, truth, measure):
    x, y = truth(nine, 400, "x"), truth(nine, 400, "y")
    assert measure(np.repeat(x[:4], 100, axis=0), y)["c2st"] > 0.9
    assert measure(x + np.float32(1e37), y)["c2st"] == 1.0
    assert measure(np.float32(1e30) * x, y)["c2st"] > 0.95
    same = np.ones((40, 2), np.float32)
    assert measure(same, same)["c2st"] == 0.5


def test_only_the_first_points_are_looked_at_and_as_many_of_both(nine, truth, measure):
    x, y = 1.1 * truth(nine, 100, "x"), truth(nine, 300, "y")
    assert measure(x, y) == measure(x, y[:100])
    assert measure(x, y, points=80) == measure(x[:80], y[:80])


def test_blocks_and_the_order_of_those_that_train_change_nothing(nine, truth, measure, monkeypatch):
    x, y = 1.1 * truth(nine, 100, "x"), truth(nine, 100, "y")
    order = np.arange(100).reshape(10, 10)[::-1].reshape(-1)
    told = measure(x, y)
    monkeypatch.setattr(c2st, "_BLOCK", 7)
    # Tens of rows keep together, so that the same ones train, in the same folds of five.
    assert measure(x[order], y[order]) == pytest.approx(told, rel=1e-12)
    assert c2st.votes(x[::2], x[1::2], 5)[1].shape == (50,)
    monkeypatch.setattr(c2st, "_TREE_DIM", 0)
    assert measure(x, y) == pytest.approx(told, rel=1e-12)


def test_c2st_is_blind_to_a_few_strays_that_energy_sees(nine, truth, measure, outcome):
    x, y = truth(nine, 1000, "x"), truth(nine, 1000, "y")
    strays = x.copy()
    strays[::50] += 100.0
    assert abs(measure(strays, y)["c2st_z"]) < 4
    energy = METRICS.build("energy")
    values = [energy.measure(KEY, outcome(nine, one, y))[0]["energy"] for one in (x, strays)]
    assert values[1] > 20 * abs(values[0])


def test_samples_that_are_not_finite_give_nan(nine, truth, measure):
    x = truth(nine, 20, "x")
    x[3] = np.nan
    assert np.isnan([*measure(x, truth(nine, 20, "y")).values()]).all()


def test_what_is_wrong_is_named(nine, truth, measure):
    x = truth(nine, 20, "x")
    with pytest.raises(ValueError, match="k must be at least 1; got 0"):
        METRICS.build("c2st", k=0)
    with pytest.raises(ValueError, match="k must be odd; got 4"):
        METRICS.build("c2st", k=4)
    with pytest.raises(ValueError, match="points must be at least 2; got 1"):
        METRICS.build("c2st", points=1)
    with pytest.raises(ValueError, match="samples must have dimension 2; got 3"):
        measure(np.zeros((5, 3)), x)
    with pytest.raises(ValueError, match="samples must hold at least 2 points; got 1"):
        measure(x[:1], x)
    with pytest.raises(ValueError, match="k must be at most the 20 points that train; got 21"):
        measure(x, x, k=21)
