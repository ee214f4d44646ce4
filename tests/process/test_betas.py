"""Tables of betas against the paper's products in float64, and what is no table."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from papers import betas_of

from diffbench.process import PROCESSES, from_betas

PLAIN = {"steps": 100, "beta_first": 1e-4, "beta_last": 0.02}
TABLES = [
    ("ddpm_linear", {}),
    ("ddpm_linear", {"steps": 100}),
    ("ddpm_linear", PLAIN),
    ("ddpm_cosine", {}),
    ("ddpm_cosine", {"steps": 100}),
]
every_table = pytest.mark.parametrize(("name", "params"), TABLES)


@every_table
def test_alpha_on_the_grid_is_the_cumulative_product(name, params, facts):
    process, betas = PROCESSES.build(name, **params), betas_of(name, params)
    alphas_bar = np.cumprod(1 - betas)
    np.testing.assert_allclose(process.grid, np.arange(1, len(betas) + 1) / len(betas), rtol=1e-6)
    alpha, sigma = facts(process, process.grid)[:2]
    # B reaches 20 in float32, so alpha is known to 20 x 6e-8 / 2 relative, and a few roundings.
    np.testing.assert_allclose(alpha**2, alphas_bar, rtol=2e-5, atol=1e-8)
    np.testing.assert_allclose(sigma**2, 1 - alphas_bar, rtol=2e-6)


@every_table
def test_posterior_variance_is_ho_s_beta_tilde(name, params, facts):
    process, betas = PROCESSES.build(name, **params), betas_of(name, params)
    alphas_bar = np.cumprod(1 - betas)
    beta_tilde = (1 - alphas_bar[:-1]) / (1 - alphas_bar[1:]) * betas[1:]
    alpha, sigma = facts(process, process.grid)[:2]
    tau = 1 - (alpha[1:] * sigma[:-1] / (alpha[:-1] * sigma[1:])) ** 2
    np.testing.assert_allclose(sigma[:-1] ** 2 * tau, beta_tilde, rtol=1e-3)
    np.testing.assert_allclose(sigma[1:] ** 2 * tau, betas[1:], rtol=1e-3)


@every_table
def test_the_table_is_monotone_between_its_knots_and_finite_at_the_start(name, params, facts):
    process = PROCESSES.build(name, **params)
    t = np.linspace(process.t_min, 1, 1024)
    alpha, sigma, log_snr, drift, diffusion = facts(process, t)
    assert (np.diff(alpha) <= 0).all()
    assert (np.diff(log_snr) < 1e-3).all()
    start = facts(process, np.geomspace(process.t_min, 1 / process.grid.size, 50))
    assert all(np.isfinite(values).all() for values in start)
    assert (start[1] > 0).all()


def test_explicit_ends_are_used_as_they_are_and_miss_the_prior(facts):
    plain = PROCESSES.build("ddpm_linear", **PLAIN)
    assert facts(plain, 1.0)[0][0] ** 2 == pytest.approx(0.364, abs=1e-3)


@pytest.mark.parametrize("steps", [21, 100, 4000])
def test_a_rescaled_table_reaches_the_prior(steps):
    process = PROCESSES.build("ddpm_linear", steps=steps)
    assert float(process.log_alpha(jnp.asarray(1.0))) < math.log(1e-4) / 2


def test_defaults_at_1000_steps_are_the_paper_s():
    explicit = PROCESSES.build("ddpm_linear", beta_first=1e-4, beta_last=0.02)
    default = PROCESSES.build("ddpm_linear")
    np.testing.assert_allclose(default.constants["cubic"], explicit.constants["cubic"], rtol=1e-6)


def test_cosine_betas_stay_at_0_999(facts):
    process = PROCESSES.build("ddpm_cosine")
    alphas_bar = facts(process, process.grid)[0] ** 2
    betas = 1 - alphas_bar[1:] / alphas_bar[:-1]
    assert betas.max() == pytest.approx(0.999, abs=1e-5)


@pytest.mark.parametrize(
    ("betas", "text"),
    [
        ([0.1], r"betas must be one row of at least 2 numbers; got shape \(1,\)"),
        ([[0.1, 0.2]], r"betas must be one row of at least 2 numbers; got shape \(1, 2\)"),
        ([0.1, 1.0], r"each beta must be in \(0, 1\); got 0.1 to 1"),
        ([0.0, 0.1], r"each beta must be in \(0, 1\); got 0 to 0.1"),
        ([math.nan, 0.1], r"each beta must be in \(0, 1\)"),
    ],
)
def test_wrong_tables_are_refused(betas, text):
    with pytest.raises(ValueError, match=text):
        from_betas("mine", np.array(betas))


def test_a_table_of_one_s_own_is_a_process(facts):
    process = from_betas("mine", np.array([0.5, 0.5, 0.5]))
    np.testing.assert_allclose(facts(process, process.grid)[0] ** 2, [0.5, 0.25, 0.125], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "params", "error", "text"),
    [
        ("ddpm_linear", {"steps": 1}, ValueError, "steps must be at least 2; got 1"),
        ("ddpm_linear", {"steps": 20}, ValueError, "steps must be above 20 .*; got steps = 20"),
        ("ddpm_linear", {"beta_first": -1.0}, ValueError, "beta_first must be positive and finite; got -1.0"),
        ("ddpm_linear", {"beta_last": 1.5}, ValueError, r"each beta must be in \(0, 1\); got 0.0001 to 1.5"),
        ("ddpm_cosine", {"steps": 1}, ValueError, "steps must be at least 2; got 1"),
    ],
)
def test_wrong_constants_are_refused(name, params, error, text):
    with pytest.raises(error, match=text):
        PROCESSES.build(name, **params)
