"""Bits per dimension: exact scores reach the law's own, in any unit, by any number of probes."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS, METRICS, Outcome
from diffbench.process import PROCESSES
from diffbench.programs import scores
from diffbench.programs.likelihood import log_prob
from diffbench.sources.exact import score_of as exact_score


def outcome_of(dataset, process, score=None):
    if score is None:
        score = scores.evaluator(exact_score(dataset.truth), process)
    return Outcome(None, None, None, score, process, dataset)


@pytest.fixture(scope="module")
def field():
    return DATASETS.build("random_field", size=4)


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["vp", "ve"])
def test_the_exact_score_of_a_field_costs_what_its_entropy_says(field, noise):
    process = PROCESSES.build(noise)
    values, arrays = METRICS.build("bpd", points=64, probes=2).measure(
        jax.random.key(0), outcome_of(field, process)
    )
    assert abs(values["bpd_excess"]) < 0.01 + 4.0 * values["bpd_excess_se"]
    assert abs(values["bpd"] - values["bpd_entropy"]) < 4.0 * values["bpd_se"] + 0.01
    wanted = field.exact_entropy / (16 * math.log(2.0)) + math.log2(field.scale * 256.0)
    assert values["bpd_entropy"] == pytest.approx(wanted)
    blur = float(process.sigma(process.t_min) / process.alpha(process.t_min))
    assert values["bpd_blur"] == pytest.approx(256.0 * field.scale * blur, rel=1e-4)
    assert arrays["bpd_log_prob"].shape == (64,)


@pytest.mark.slow
def test_a_model_that_is_too_wide_costs_what_its_divergence_says(field):
    process, wide = PROCESSES.build("vp"), 1.5

    def score(x, t):
        # That of white noise of this variance: a Gaussian whose divergence is known.
        return -x / (process.alpha(t) ** 2 * wide + process.sigma(t) ** 2)

    values, _ = METRICS.build("bpd", points=256, probes=1).measure(
        jax.random.key(0), outcome_of(field, process, score)
    )
    cross = 0.5 * (math.log(2.0 * math.pi * wide) + 1.0 / wide)
    wanted = cross / math.log(2.0) - field.exact_entropy / (16 * math.log(2.0))
    assert abs(values["bpd_excess"] - wanted) < 4.0 * values["bpd_excess_se"] + 0.002
    assert math.isnan(values["bpd_trace_se"])


@pytest.mark.slow
@pytest.mark.parametrize("levels", [17, 256])
def test_units_of_the_images_change_no_bit_per_dimension(field, levels):
    process, metric = PROCESSES.build("vp"), METRICS.build("bpd", points=8, probes=1)
    on_0_1 = dataclasses.replace(field, grey=1.0 / (levels - 1))
    on_levels = dataclasses.replace(
        field,
        mean=(levels - 1) * field.mean,
        scale=(levels - 1) * field.scale,
        grey=1.0,
        sample=lambda key, n: (levels - 1) * field.sample(key, n),
    )
    on_both_sides = dataclasses.replace(
        field,
        mean=2.0 * field.mean - 1.0,
        scale=2.0 * field.scale,
        grey=2.0 / (levels - 1),
        sample=lambda key, n: 2.0 * field.sample(key, n) - 1.0,
    )
    told = [
        metric.measure(jax.random.key(0), outcome_of(data, process))[0]["bpd"]
        for data in (on_0_1, on_levels, on_both_sides)
    ]
    assert told[1:] == pytest.approx(told[:1] * 2, abs=1e-4)


@pytest.mark.slow
def test_probes_apart_average_to_the_estimate_and_spread_about_the_exact_trace(field):
    process = PROCESSES.build("vp")
    score = scores.evaluator(exact_score(field.truth), process)
    x = field.standardise(field.sample(jax.random.key(3), 32))
    options = {"key": jax.random.key(4), "rtol": 1e-4, "atol": 1e-4}
    # A field's Jacobian is no multiple of the identity: signs matter.
    apart, _ = jax.jit(lambda x: log_prob(score, process, x, probes=16, apart=True, **options))(x)
    exact, _ = jax.jit(lambda x: log_prob(score, process, x, trace="exact", apart=True, **options))(x)
    assert apart.shape == (32, 16)
    assert exact.shape == (32, 1)
    off = np.asarray(apart - exact, np.float64)
    assert off.std() > 0.05
    assert abs(off.mean()) < 4.0 * off.std() / math.sqrt(off.size) + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("size", [8, 28])
def test_exact_scores_of_digits_are_within_a_hundredth_of_a_bit_and_the_error(size):
    dataset, process = DATASETS.build("digit_images", size=size), PROCESSES.build("vp")
    values, _ = METRICS.build("bpd", points=32, probes=4).measure(
        jax.random.key(0), outcome_of(dataset, process)._replace(prepared=0.0)
    )
    # Of 32 images and 4 probes the standard error alone is about a hundredth at 8x8.
    assert abs(values["bpd_excess"]) < 0.01 + 3.0 * values["bpd_excess_se"]


def test_what_has_no_grey_levels_has_no_bits_per_dimension():
    dataset = DATASETS.build("nine_gaussians")
    with pytest.raises(ValueError, match="it needs grey levels, and dataset 'nine_gaussians' has none"):
        METRICS.build("bpd").measure(jax.random.key(0), outcome_of(dataset, PROCESSES.build("vp"), jnp.sign))
