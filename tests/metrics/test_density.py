import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS, METRICS, key_for
from diffbench.datasets.coordinates import in_data_coordinates
from diffbench.process import PROCESSES
from diffbench.programs import cache, scores
from diffbench.programs import model as models
from diffbench.programs.likelihood import elbo, in_blocks, log_likelihood
from diffbench.sources.exact import score_of as exact_score

KEY = key_for(0, "density test")


@jax.jit
def density(truth, x):
    """Returns the log density of the data, compiled as the metric compiles it."""
    return truth.log_prob(x, 1.0, 0.0)


def exact_of(dataset, process):
    return scores.evaluator(exact_score(dataset.truth), process)


@pytest.fixture(scope="module")
def gaussian():
    """Returns a standard normal in two dimensions, in standardised coordinates."""
    return DATASETS.build("gaussian_mixture", modes=1, dim=2)


def points_of(dataset, n, metric="kl"):
    """Returns the points that a measurement under KEY draws, standardised, `[n, D]` float64."""
    key = jax.random.split(KEY, 3 if metric == "nll" else 2)[0]
    return np.asarray(dataset.standardise(dataset.sample(key, n)), np.float64)


def too_wide(process, v=1.5):
    """The score of N(0, v I) data."""
    return lambda x, t: -x / (process.alpha(t) ** 2 * v + process.sigma(t) ** 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vp", pytest.param("ve", marks=pytest.mark.slow)])
def test_the_exact_score_is_at_no_distance_and_reaches_the_entropy(nine, outcome, name):
    process = PROCESSES.build(name)
    got = outcome(nine, None, score=exact_of(nine, process), process=process)
    values, arrays = METRICS.build("kl").measure(KEY, got)
    # What t_end and the prior leave: of VE the blur of 0.01.
    assert abs(values["kl"]) < 3 * values["kl_se"] + 2e-4
    assert values["kl_se"] < 1e-3
    assert arrays["kl_log_ratio"].shape == (512,)
    values, arrays = METRICS.build("nll").measure(KEY, got)
    assert values["nll"] == pytest.approx(-arrays["nll_log_prob"].mean())
    assert values["nll_se"] == pytest.approx(arrays["nll_log_prob"].std(ddof=1) / math.sqrt(512))
    assert values["nll_entropy"] == nine.entropy()[0]
    # False alarm in 1e-4 of seeds.
    assert abs(values["nll"] - values["nll_entropy"]) < 4 * values["nll_se"]
    assert math.isnan(values["nll_elbo"])
    assert math.isnan(values["nll_elbo_se"])


@pytest.mark.slow
def test_a_score_that_is_too_wide_has_its_closed_form(gaussian, outcome):
    process, v, n = PROCESSES.build("vp"), 1.5, 512
    x = points_of(gaussian, n)
    got = outcome(gaussian, None, score=too_wide(process, v), process=process)
    values, arrays = METRICS.build("kl").measure(KEY, got)
    ratio = 0.5 * ((1 / v - 1) * (x**2).sum(axis=1) + 2 * math.log(v))
    np.testing.assert_allclose(arrays["kl_log_ratio"], ratio, atol=2e-3)
    assert values["kl"] == pytest.approx(ratio.mean(), abs=3e-4)
    assert values["kl_se"] == pytest.approx(ratio.std(ddof=1) / math.sqrt(n), rel=1e-2)
    # False alarm in 1e-4 of seeds.
    assert abs(values["kl"] - (1 / v - 1 + math.log(v))) < 4 * values["kl_se"]
    values, _ = METRICS.build("nll").measure(KEY, got)
    x = points_of(gaussian, n, "nll")
    surprise = math.log(2 * math.pi * v) + (x**2).sum(axis=1) / (2 * v)
    assert values["nll"] == pytest.approx(surprise.mean(), abs=3e-4)
    assert values["nll_entropy"] == pytest.approx(1 + math.log(2 * math.pi), abs=1e-5)
    assert all(type(value) is float for value in values.values())


@pytest.mark.slow
def test_a_chain_has_a_bound_too(gaussian, outcome):
    process = PROCESSES.build("ddpm_linear", steps=100)
    score = too_wide(process, 1.0)
    got = outcome(gaussian, None, score=score, process=process)
    values, _ = METRICS.build("nll", points=48).measure(KEY, got)
    x = points_of(gaussian, 48, "nll")
    bound = in_blocks(elbo, score, process, x, jax.random.key(0)).log_prob
    # Two draws of the noise of the bound: false alarm in 1e-4 of seeds.
    assert abs(values["nll_elbo"] + bound.mean()) < 4 * bound.std() * math.sqrt(2 / 48)
    assert values["nll_elbo"] > values["nll"]
    # Its own error: over seeds, points and noise drawn anew, the bound spreads by as much.
    rows = [METRICS.build("nll", points=48).measure(key_for(s), got)[0] for s in range(40)]
    spread = np.std([row["nll_elbo"] for row in rows], ddof=1)
    told = np.mean([row["nll_elbo_se"] for row in rows])
    # A spread of 40 values is known to 11%.
    assert 0.6 < spread / told < 1.5
    assert told > 1.2 * np.mean([row["nll_se"] for row in rows])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kl", "nll"])
def test_the_spread_over_seeds_is_that_over_points(gaussian, outcome, name):
    """Each seed has points of its own, whatever the reference, so an interval has its width."""
    process, metric = PROCESSES.build("vp"), METRICS.build(name, points=64, rtol=1e-2, atol=1e-2)
    got = outcome(gaussian, None, np.zeros((4, 2)), score=too_wide(process, 3.0), process=process)
    rows = [metric.measure(key_for(seed), got)[0] for seed in range(24)]
    spread = np.std([row[name] for row in rows], ddof=1)
    told = np.mean([row[f"{name}_se"] for row in rows])
    # A spread of 24 values is known to 15%: false alarm in 1e-3 of seeds.
    assert 0.6 < spread / told < 1.6


@pytest.mark.slow
def test_the_points_are_those_of_the_key_whatever_the_model(gaussian, outcome):
    process, metric, v = PROCESSES.build("vp"), METRICS.build("kl", points=16, rtol=1e-4, atol=1e-4), 3.0
    found = metric.measure(KEY, outcome(gaussian, None, score=too_wide(process, v), process=process))[1]
    ratio = 0.5 * ((1 / v - 1) * (points_of(gaussian, 16) ** 2).sum(axis=1) + 2 * math.log(v))
    np.testing.assert_allclose(found["kl_log_ratio"], ratio, atol=0.02)


@pytest.mark.slow
def test_in_data_coordinates_values_and_entropy_move_together(nine, outcome):
    process, raw = PROCESSES.build("vp"), in_data_coordinates(nine)
    metric = METRICS.build("nll")
    here = metric.measure(KEY, outcome(nine, None, score=exact_of(nine, process), process=process))[0]
    got = outcome(raw, None, score=exact_of(raw, process), process=process)
    there, shift = metric.measure(KEY, got)[0], 2 * math.log(nine.scale)
    assert there["nll"] - here["nll"] == pytest.approx(shift, abs=2e-3)
    assert there["nll_entropy"] - here["nll_entropy"] == pytest.approx(shift, abs=1e-3)


@pytest.mark.slow
def test_hutchinson_s_trace_judges_alike(outcome):
    dataset, process = DATASETS.build("anisotropic"), PROCESSES.build("vp")
    got = outcome(dataset, None, score=exact_of(dataset, process), process=process)
    values, _ = METRICS.build("kl", trace="hutchinson", probes=4).measure(KEY, got)
    exact, _ = METRICS.build("kl", trace="exact").measure(KEY, got)
    assert values["kl_se"] > 10 * exact["kl_se"]
    # False alarm in 1e-3 of seeds.
    assert abs(values["kl"] - exact["kl"]) < 3.3 * values["kl_se"]


# All that the metric gives the solve, by name.
OPTIONS = {"trace": "auto", "probes": 1, "t_end": None, "rtol": 1e-3, "atol": 1e-3}


@pytest.mark.slow
def test_another_model_of_the_same_kind_compiles_nothing_new(nine, outcome):
    process = PROCESSES.build("vp")
    family, network = {"name": "score_sde", "params": {}}, {"name": "mlp", "params": {"widths": [8, 8]}}
    x = points_of(nine, 16)
    before = cache.compiled("likelihood")

    def measure(seed):
        params = models.initialise(network, key_for(seed, "init"), 2)
        source = scores.of_model(family, network, params)
        got = outcome(nine, None, score=scores.evaluator(source, process), process=process)
        values, arrays = METRICS.build("kl", points=16, rtol=1e-3, atol=1e-3).measure(KEY, got)
        found = log_likelihood(source, process, x, KEY, **OPTIONS)
        log_p = np.asarray(density(nine.truth, jnp.asarray(x, float)), np.float64)
        np.testing.assert_allclose(arrays["kl_log_ratio"], log_p - found.log_prob, rtol=1e-6)
        return values["kl"]

    assert measure(0) != measure(1)
    assert cache.compiled("likelihood") == before + 1


@pytest.mark.slow
def test_a_solve_that_fails_is_nan_and_told_by_nothing_else(gaussian, outcome, monkeypatch):
    process = PROCESSES.build("vp")
    monkeypatch.setattr("diffbench.metrics.density.in_blocks", failing(in_blocks))
    got = outcome(gaussian, None, score=too_wide(process), process=process)
    values, _ = METRICS.build("nll", points=8).measure(KEY, got)
    assert math.isnan(values["nll"])
    assert math.isnan(values["nll_se"])
    assert math.isfinite(values["nll_entropy"])
    assert math.isnan(METRICS.build("kl", points=8).measure(KEY, got)[0]["kl"])


def failing(run):
    """Returns the function with so few steps that no solve ends."""
    return lambda *args, **options: run(*args, max_steps=2, **options)


@pytest.mark.parametrize("name", ["nll", "kl"])
def test_what_is_wrong_is_named(gaussian, outcome, name):
    for params, text in (
        ({"points": 1}, "points must be at least 2; got 1"),
        ({"trace": "full"}, "trace must be one of auto, exact, hutchinson; got 'full'"),
        ({"probes": 0}, "probes must be at least 1; got 0"),
        ({"t_end": 2.0}, r"t_end must be in \(0, 1\); got 2.0"),
        ({"rtol": 0.0}, "rtol must be positive and finite; got 0.0"),
        ({"atol": 0.0}, "atol must be positive and finite; got 0.0"),
    ):
        with pytest.raises(ValueError, match=text):
            METRICS.build(name, **params)
    metric = METRICS.build(name)
    with pytest.raises(ValueError, match="it needs a score, and this row has none"):
        metric.measure(KEY, outcome(gaussian, None, np.zeros((5, 2))))


def test_data_without_a_density_have_no_entropy():
    with pytest.raises(ValueError, match="thickness 0, so no density and no entropy"):
        METRICS.build("nll").prepare(None, DATASETS.build("circle", thickness=0.0))
