"""Denoising: the exact score has no excess, a known error has the excess that it says."""

import math

import jax
import numpy as np
import pytest

from diffbench.contracts import DATASETS, METRICS, Outcome
from diffbench.process import PROCESSES
from diffbench.programs import scores
from diffbench.sources.exact import score_of as exact_score
from diffbench.sources.perturbed import score_of as perturbed_score


@pytest.fixture(scope="module")
def field():
    return DATASETS.build("random_field", size=4)


def measured(dataset, process, score, **params):
    outcome = Outcome(None, None, None, score, process, dataset)
    return METRICS.build("denoising", **{"points": 512, "shown": 3, **params}).measure(
        jax.random.key(0), outcome
    )


@pytest.mark.slow
def test_the_exact_score_of_a_field_loses_its_posterior_variance(field):
    process = PROCESSES.build("vp")
    values, arrays = measured(field, process, scores.evaluator(exact_score(field.truth), process))
    assert values["denoising_excess"] < 1e-8
    power = np.linalg.eigvalsh(field.moments()[1])
    ratios = np.exp(-arrays["denoising_log_snr"])  # sigma^2/alpha^2
    wanted = np.mean([(power * r / (power + r)).mean() for r in ratios])
    assert values["denoising_loss"] == pytest.approx(wanted, rel=0.05)
    assert arrays["denoising_told"] == pytest.approx(arrays["denoising_exact"], abs=1e-4)
    assert arrays["denoising_clean"].shape == (3, 16)
    # With the least noise the noisy image nearly is the clean one.
    off = arrays["denoising_noisy"][-1] - arrays["denoising_clean"]
    assert off.std() == pytest.approx(math.exp(-2.5), rel=0.4)


@pytest.mark.slow
def test_a_constant_error_of_the_score_is_the_excess_that_it_says(field):
    process = PROCESSES.build("vp")
    source = perturbed_score(exact_score(field.truth), dim=16, size=0.1)
    values, arrays = measured(field, process, scores.evaluator(source, process))
    levels = arrays["denoising_log_snr"]
    alpha2 = 1.0 / (1.0 + np.exp(-levels))
    wanted = np.mean((0.1 * (1.0 - alpha2)) ** 2 / alpha2)
    assert values["denoising_excess"] == pytest.approx(wanted, rel=1e-2)


@pytest.mark.slow
def test_levels_that_a_process_does_not_reach_have_no_estimate(field):
    process = PROCESSES.build("ncsn")  # up to sigma = 6
    values, arrays = measured(field, process, scores.evaluator(exact_score(field.truth), process), points=4)
    assert math.isnan(values["denoising_loss"])
    assert np.isnan(arrays["denoising_told"][0]).all()
    assert np.isfinite(arrays["denoising_told"][1:]).all()
