"""The distance of a process from its prior, against the closed form of Gaussian data."""

import jax
import numpy as np
import pytest

from diffbench.contracts import DATASETS, METRICS, Outcome
from diffbench.process import PROCESSES


def measured(dataset, process, **params):
    metric = METRICS.build("prior_kl", **params)
    outcome = Outcome(None, None, None, None, process, dataset)
    return metric.measure(jax.random.key(0), outcome)[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("vp", {}),
        ("vp", {"beta_min": 0.001, "beta_max": 3.0}),
        ("ve", {"sigma_max": 2.0}),
        ("ddpm_linear", {"steps": 100}),
    ],
)
def test_it_is_the_closed_form_for_one_gaussian(name, params):
    # A single mode, standardised, is N(0, I), so that p_T = N(0, (alpha^2 + sigma^2) I).
    dataset, process = DATASETS.build("gaussian_mixture", modes=1), PROCESSES.build(name, **params)
    t = np.float32(process.t_max)
    variance = float(process.alpha(t)) ** 2 + float(process.sigma(t)) ** 2
    ratio = variance / float(process.constants["prior_sd"]) ** 2
    found = measured(dataset, process)
    assert found["prior_kl"] == pytest.approx(ratio - 1 - np.log(ratio), abs=4 * found["prior_kl_se"] + 1e-5)


@pytest.mark.slow
def test_it_sees_a_schedule_that_does_not_reach_its_prior():
    dataset = DATASETS.build("nine_gaussians")
    short = PROCESSES.build("ddpm_linear", steps=100, beta_first=1e-3, beta_last=0.02)
    found = measured(dataset, short)
    assert found["prior_kl"] > 3 * found["prior_kl_se"] > 0
    whole = measured(dataset, PROCESSES.build("ddpm_linear"))
    assert abs(whole["prior_kl"]) < 4 * whole["prior_kl_se"] + 1e-4


def test_a_row_without_a_process_is_an_error():
    with pytest.raises(ValueError, match="it needs a noise process, and this row has none"):
        measured(DATASETS.build("nine_gaussians"), None)
