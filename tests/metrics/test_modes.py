import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from diffbench.contracts import DATASETS, METRICS, key_for
from diffbench.metrics import modes

KEY = key_for(0)


@pytest.fixture(scope="module")
def metric():
    return METRICS.build("mode_tv", null_samples=2**17)


@pytest.fixture(scope="module")
def null(metric, nine):
    return metric.prepare(None, nine)


def test_columns_equal_their_definitions(metric, null, nine, truth, outcome, brute):
    x = np.concatenate([1.1 * truth(nine, 600, "x"), np.array([[30.0, 0.0], [0.0, 9.0]])])
    law = nine.truth.law
    means = (np.asarray(law.means, np.float64) - nine.mean) / nine.scale
    variance = float(law.variances[0]) / nine.scale**2
    squared = brute.distances(x, means) ** 2 / variance
    mode = np.argmax(np.asarray(law.log_weights, np.float64) - 0.5 * squared, axis=1)
    share = np.bincount(mode, minlength=9) / len(x)
    values, arrays = metric.measure(KEY, outcome(nine, x, prepared=null))
    np.testing.assert_allclose(arrays["mode_shares"], share, atol=1e-12)
    assert values["mode_tv"] == pytest.approx(0.5 * np.abs(share - null).sum())
    assert values["stray"] == pytest.approx((squared.min(1) > stats.chi2.ppf(0.999, 2)).mean())
    assert values["missing_modes"] == 0.0
    assert all(type(value) is float for value in values.values())


@pytest.mark.slow
def test_null_shares_are_the_weights_where_modes_are_apart_and_not_where_they_overlap():
    apart, overlapping = DATASETS.build("nine_gaussians"), DATASETS.build("gaussian_mixture", sd=1.0)
    shares = modes.null_shares(apart, 2**18)
    weights = np.asarray(apart.modes.weights)
    # Nine binomials within 5 standard errors, and the little that does overlap.
    assert np.all(np.abs(shares - weights) < 5 * np.sqrt(weights / 2**18) + 1e-4)
    shares = modes.null_shares(overlapping, 2**18)
    assert shares.sum() == pytest.approx(1.0)
    assert np.abs(shares - np.asarray(overlapping.modes.weights)).max() > 0.05


def test_under_truth_mode_tv_is_that_of_a_multinomial(metric, null, nine, truth, outcome):
    samples = truth(nine, 30_000, "x").reshape(100, 300, 2)
    got = [metric.measure(KEY, outcome(nine, x, prepared=null))[0] for x in samples]
    drawn = np.random.RandomState(0).multinomial(300, null / null.sum(), size=20_000) / 300
    expected = 0.5 * np.abs(drawn - null).sum(axis=1)
    mean = np.mean([values["mode_tv"] for values in got])
    assert abs(mean - expected.mean()) < 4 * expected.std() / np.sqrt(100)
    assert np.mean([values["stray"] for values in got]) < 0.001 + 4 * math.sqrt(0.001 / 30_000)


@pytest.mark.slow
def test_a_mode_is_missing_only_where_it_was_to_be_expected(metric, null, nine, truth, outcome):
    x = truth(nine, 4000, "x")
    mode = np.asarray(jnp.argmax(nine.modes.responsibilities(x), axis=1))
    smallest = int(np.argmin(null))  # 1.2% of the mass
    without = x[mode != smallest]
    values, _ = metric.measure(KEY, outcome(nine, without, prepared=null))
    assert values["missing_modes"] == 1.0
    values, _ = metric.measure(KEY, outcome(nine, without[:500], prepared=null))  # n pi = 6
    assert values["missing_modes"] == 0.0
    few = np.flatnonzero(mode == smallest)[:6]  # above a tenth of its share
    values, _ = metric.measure(KEY, outcome(nine, np.concatenate([without, x[few]]), prepared=null))
    assert values["missing_modes"] == 0.0


def test_blocks_and_row_order_change_nothing(metric, null, nine, truth, outcome, monkeypatch):
    x = truth(nine, 1001, "x")
    expected = metric.measure(KEY, outcome(nine, x, prepared=null))
    monkeypatch.setattr(modes, "_BUDGET", 18 * 100)
    got = metric.measure(KEY, outcome(nine, x[::-1], prepared=null))
    assert got[0] == expected[0]
    np.testing.assert_array_equal(got[1]["mode_shares"], expected[1]["mode_shares"])


def test_samples_that_are_not_finite_give_nan(metric, null, nine, truth, outcome):
    x = truth(nine, 100, "x")
    x[0, 0] = np.nan
    values, arrays = metric.measure(KEY, outcome(nine, x, prepared=null))
    assert np.isnan([*values.values(), *arrays["mode_shares"]]).all()


def test_what_is_wrong_is_named(metric, nine, outcome):
    with pytest.raises(ValueError, match=r"beyond must be in \(0, 1\); got 1"):
        METRICS.build("mode_tv", beyond=1.0)
    with pytest.raises(ValueError, match="null_samples must be at least 1; got 0"):
        METRICS.build("mode_tv", null_samples=0)
    modeless = dataclasses.replace(nine, modes=None)
    with pytest.raises(ValueError, match="it needs modes, and dataset 'nine_gaussians' has none"):
        metric.measure(KEY, outcome(modeless, np.zeros((5, 2))))
