"""Every shipped process keeps its contract, and each broken one is told what it broke."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.process import PROCESSES, Process
from diffbench.testing import ContractError, check_process


def rectified(t_max):
    """Flow matching's alpha = 1 - t and sigma = t, which has no alpha left at t = 1."""
    return Process(
        "rectified",
        lambda t, c: jnp.log1p(-t),
        lambda t, c: jnp.log(t),
        {"prior_sd": jnp.ones(())},
        t_min=1e-3,
        t_max=t_max,
        t_end=1e-3,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES.names())
def test_processes_keep_the_contract(name):
    assert {"alpha(t_max)", "log_snr", "prior"} <= {
        found.what for found in check_process(PROCESSES.build(name))
    }


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("vp", {"beta_min": 0.001, "beta_max": 3.0}),
        ("ncsn", {"levels": 10, "sigma_max": 1.0}),
        ("ddpm_linear", {"steps": 21}),
    ],
)
def test_settings_of_papers_and_tutorials_pass(name, params):
    check_process(PROCESSES.build(name, **params))


def test_a_process_that_ends_before_its_alpha_does_passes():
    check_process(rectified(1.0 - 1e-3))


def vp(**changes):
    return dataclasses.replace(PROCESSES.build("vp"), **changes)


def ve(**changes):
    return dataclasses.replace(PROCESSES.build("ve"), **changes)


@pytest.mark.parametrize(
    ("process", "text"),
    [
        (rectified(1.0), r"alpha\(t_max\): expected above 0 \(let t_max end before it is\), got 0"),
        (ve(constants={k: v for k, v in ve().constants.items() if k != "prior_sd"}),
         "prior: expected 'prior_sd' among the constants, got log_sigma_min, log_sigma_max"),
        (vp(log_alpha_fn=lambda t, c: -0.5 * (t - t**2)),
         r"log_snr: expected falling with t, got .* at t = .* and"),
        (vp(log_sigma_fn=lambda t, c: jnp.log(t - 0.5)), "log_sigma: expected finite at every time, got nan at t ="),
        (vp(log_sigma_fn=lambda t, c: jnp.log(jnp.maximum(t - 0.5, 0.0))),
         "log_sigma: expected finite at every time, got -inf at t = 1e-05"),
        (vp(log_alpha_fn=lambda t, c: jnp.zeros(1)), r"log_alpha: expected shape \(5\d\d,\), as t, got shape \(1,\)"),
        (ve(constants={**ve().constants, "prior_sd": jnp.ones(())}),
         "KL of the law at t_max to the prior, a normal law: expected nats within 0.1, got"),
        (PROCESSES.build("vp", beta_max=1.0), "prior, one tenth far away: expected nats within 0.1, got 0.14"),
        (vp(t_min=0.0), "times: expected 0 < t_min <= t_end < t_max, got 0.0, 0.001, 1.0"),
        (vp(t_end=1e-6), "times: expected 0 < t_min <= t_end < t_max"),
        (vp(chain=True), "chain: expected a grid, the steps of the chain, got no grid"),
        (vp(grid=jnp.asarray([0.9, 0.1])), r"grid: expected rising times in \[1e-05, 1\], got 0.9 to 0.1"),
        (vp(grid=jnp.asarray([0.0, 1.0])), "grid: expected rising times in"),
        (vp(version="2"), "version: expected a whole number, got 2"),
        (ve(log_sigma_fn=lambda t, c: 1.0 + t), "log_snr from t_end to t_max: expected from above 0 down, got -2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_broken_process_is_told(process, text):
    with pytest.raises(ContractError, match=text):
        check_process(process)


def test_the_distance_to_the_prior_is_the_closed_form():
    # Of a normal law: VE from N(0, I) has variance 401 and KL = (401 - 1 - log 401)/2.
    wrong = ve(constants={**ve().constants, "prior_sd": jnp.ones(())})
    with pytest.raises(ContractError) as caught:
        check_process(wrong)
    expected = 0.5 * (401.0 - 1.0 - np.log(401.0))
    assert float(caught.value.findings[-1].got) == pytest.approx(expected, rel=1e-3)
