import math

import numpy as np
import pytest
from scipy import stats

from diffbench.contracts import METRICS, key_for
from diffbench.metrics.floor import against_floor, floor_of
from diffbench.metrics.memorisation import mann_whitney_z

KEY = key_for(0)


@pytest.fixture(scope="module")
def measure(nine, outcome):
    def values(x, y, train):
        return METRICS.build("memorisation").measure(KEY, outcome(nine, x, y, train=train))[0]

    return values


def test_columns_equal_their_definitions(nine, truth, measure, brute):
    y, train = truth(nine, 150, "y"), truth(nine, 100, "train")
    # Some copies, some near copies, some truth.
    x = np.concatenate([train[:20], train[:40] + 0.01, truth(nine, 77, "x")])
    values = measure(x, y, train)
    expected = brute.memorisation(x, y, train)
    assert values == pytest.approx(expected, rel=1e-12)
    assert all(type(value) is float for value in values.values())


def test_ct_is_scipys_mann_whitney():
    rng = np.random.RandomState(0)
    a, b = rng.standard_exponential(60), 1.3 * rng.standard_exponential(45)
    p = stats.mannwhitneyu(a, b, alternative="less", method="asymptotic", use_continuity=False).pvalue
    assert mann_whitney_z(a, b) == pytest.approx(stats.norm.ppf(p), rel=1e-9)
    assert mann_whitney_z(b, a) == pytest.approx(-mann_whitney_z(a, b))
    # A tie counts one half.
    assert mann_whitney_z(np.zeros(5), np.zeros(7)) == 0.0


def test_ct_is_standard_normal_under_truth(nine, truth, measure):
    # 200 draws of both sides. Beyond 4 standard errors once in 10,000 seeds.
    sizes = {"x": 60, "y": 80, "train": 50}
    draws = [truth(nine, 200 * n, label).reshape(200, n, 2) for label, n in sizes.items()]
    z = [measure(*one)["ct"] for one in zip(*draws, strict=True)]
    assert abs(np.mean(z)) < 4 / math.sqrt(200)
    # Both sides meet one training set: given it they are independent, so the spread is 1.
    assert abs(np.var(z) - 1) < 4 * math.sqrt(2 / 200)


def test_copies_are_seen_and_what_lies_further_than_truth_too(nine, truth, measure):
    y, train = truth(nine, 400, "y"), truth(nine, 400, "train")
    rng = np.random.RandomState(0)
    copies = train + 0.001 * rng.standard_normal(train.shape)
    fresh, blurred = truth(nine, 400, "x"), truth(nine, 400, "x") + 0.3 * rng.standard_normal(train.shape)
    copied, held_out, off = (measure(x, y, train) for x in (copies, fresh, blurred))
    assert copied["copied"] > 0.98
    assert copied["authenticity"] < 0.02
    assert copied["ct"] < -10
    # What the module's text says of held-out truth in two dimensions.
    assert 0.5 < held_out["copied"] < 0.7
    assert abs(held_out["ct"]) < 3
    assert off["ct"] > 5
    assert copied["ct"] < held_out["ct"] < off["ct"]


@pytest.mark.slow
def test_energy_is_blind_to_copies(nine, truth, measure, outcome):
    y, train = truth(nine, 400, "y"), truth(nine, 400, "train")
    energy = METRICS.build("energy")
    floor = floor_of(energy, nine, y, 400, 20).values["energy"]
    value = energy.measure(KEY, outcome(nine, train, y))[0]["energy"]
    assert abs(against_floor(value, floor).z) < 3
    assert measure(train, y, train)["ct"] < -10


def test_the_global_form_is_blind_to_copying_that_strays_make_up_for(nine, truth, measure):
    y, train = truth(nine, 400, "y"), truth(nine, 400, "train")
    x = train.copy()
    x[::2] += 10.0
    values = measure(x, y, train)
    assert abs(values["ct"]) < 3
    assert measure(x[1::2], y, train)["ct"] < -10


def test_a_copy_of_a_training_point_that_is_there_twice_is_a_tie(nine, truth, measure):
    y, train = truth(nine, 50, "y"), np.repeat(truth(nine, 20, "train"), 2, axis=0)
    values = measure(train, y, train)
    assert (values["copied"], values["authenticity"]) == (0.0, 0.0)
    assert values["ct"] < -5


def test_row_order_changes_nothing(nine, truth, measure):
    x, y, train = (truth(nine, n, label) for n, label in ((120, "x"), (90, "y"), (70, "train")))
    assert measure(x[::-1], y[::-1], train[::-1]) == pytest.approx(measure(x, y, train), rel=1e-12)


def test_samples_that_are_not_finite_give_nan(nine, truth, measure):
    x = truth(nine, 20, "x")
    x[3] = np.inf
    assert np.isnan([*measure(x, truth(nine, 20, "y"), truth(nine, 20, "train")).values()]).all()


def test_what_is_wrong_is_named(nine, truth, measure):
    x = truth(nine, 20, "x")
    with pytest.raises(ValueError, match="it needs a finite training set"):
        measure(x, x, None)
    with pytest.raises(ValueError, match="train must hold at least 2 points; got 1"):
        measure(x, x, x[:1])
    with pytest.raises(ValueError, match="samples must have dimension 2; got 3"):
        measure(np.zeros((5, 3)), x, x)


def test_ct_is_best_at_zero():
    column = METRICS.build("memorisation").columns["ct"]
    assert (column.better, column.perfect) == ("truth", 0.0)
