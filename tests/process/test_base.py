"""Every noise process: against its paper's closed form in float64, its inverse, its prior."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from papers import closed_form

from diffbench.process import PROCESSES, prior_kl, time_of_log_snr

PLAIN = {"steps": 100, "beta_first": 1e-4, "beta_last": 0.02}

CASES = [
    ("vp", {}),
    ("vp", {"beta_min": 0.001, "beta_max": 3}),
    ("sub_vp", {}),
    ("sub_vp", {"beta_max": 10.0}),
    ("ve", {}),
    ("ve", {"sigma_min": 0.02, "sigma_max": 50.0}),
    ("edm", {}),
    ("edm", {"sigma_min": 0.01, "sigma_max": 20.0}),
    ("rectified_flow", {}),
    ("rectified_flow", {"margin": 0.01}),
    ("ncsn", {}),
    ("ncsn", {"levels": 10, "sigma_max": 1.0}),
    ("ddpm_linear", {}),
    ("ddpm_linear", {"steps": 100}),
    ("ddpm_linear", PLAIN),
    ("ddpm_cosine", {}),
    ("ddpm_cosine", {"steps": 100}),
]
every_case = pytest.mark.parametrize(("name", "params"), CASES)
ROWS = 1024  # One shape for all that is compiled here.

perturbed = jax.jit(lambda process, key, x0, t: process.perturb(key, x0, t))
inverted = jax.jit(time_of_log_snr)


def test_every_process_is_a_case():
    assert {name for name, _ in CASES} == set(PROCESSES.names())


@every_case
def test_log_snr_falls_and_scales_stay_in_range(name, params, facts):
    process = PROCESSES.build(name, **params)
    t = np.geomspace(process.t_min, process.t_max, 400)
    alpha, sigma, log_snr, drift, diffusion = facts(process, t)
    assert (np.diff(log_snr) < 0).all()
    assert (alpha > 0).all()
    assert (alpha <= 1).all()
    assert (np.diff(sigma) >= 0).all()
    assert (drift <= 0).all()
    assert (diffusion >= 0).all()
    if name not in ("ve", "ncsn", "edm"):
        assert (sigma <= 1).all()
    for values in (alpha, sigma, log_snr, drift, diffusion):
        assert np.isfinite(values).all()


@every_case
def test_alpha_sigma_drift_and_diffusion_are_the_papers(name, params, facts):
    process = PROCESSES.build(name, **params)
    # float32 times, so that both sides are asked at the very same ones.
    t = np.linspace(0.02, min(0.999, process.t_max), 211).astype(np.float32).astype(np.float64)
    alpha, sigma, log_snr, drift, diffusion = facts(process, t)
    alpha64, sigma64, drift64, g2 = closed_form(name, params, t)
    np.testing.assert_allclose(alpha, alpha64, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(sigma, sigma64, rtol=1e-5)
    np.testing.assert_allclose(log_snr, 2 * np.log(alpha64 / sigma64), rtol=1e-4, atol=1e-4)
    # The slope of a cubic in float32, near the end of the cosine table where beta is 1,000 a unit of time.
    np.testing.assert_allclose(drift, drift64, rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(diffusion**2, g2, rtol=2e-3)


@every_case
def test_sigma_keeps_its_digits_at_t_min(name, params, facts):
    process = PROCESSES.build(name, **params)
    t = np.asarray([process.t_min, 10 * process.t_min], np.float32).astype(np.float64)
    np.testing.assert_allclose(facts(process, t)[1], closed_form(name, params, t)[1], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES.names())
def test_perturb_has_the_moments_of_the_law(name, facts):
    process = PROCESSES.build(name)
    n, point = 20_000, np.array([1.5, -0.5])
    for t in (0.01, 0.4, process.t_max):
        x0, times = jnp.tile(jnp.asarray(point, float), (n, 1)), jnp.full(n, t)
        x_t, eps = (np.asarray(a, np.float64) for a in perturbed(process, jax.random.key(5), x0, times))
        alpha, sigma = (a[0] for a in facts(process, [t])[:2])
        np.testing.assert_allclose(x_t, alpha * point + sigma * eps, rtol=1e-4, atol=1e-4 * sigma)
        # 8 processes x 3 times x 4 numbers beyond 5 standard errors: false alarm in 4e-5 of seeds.
        assert (np.abs(x_t.mean(0) - alpha * point) < 5 * sigma / math.sqrt(n)).all()
        assert (np.abs(x_t.var(0) / sigma**2 - 1) < 5 * math.sqrt(2 / n)).all()


@pytest.mark.parametrize("name", PROCESSES.names())
def test_time_of_log_snr_inverts(name, facts):
    process = PROCESSES.build(name)
    ends = facts(process, [0.9, 0.01])[2]
    wanted = np.linspace(*ends, ROWS)
    t = inverted(process, jnp.asarray(wanted, float))
    np.testing.assert_allclose(facts(process, t)[2], wanted, rtol=1e-3, atol=2e-3)


def test_time_of_log_snr_out_of_reach_gives_the_nearer_end():
    process = PROCESSES.build("vp")
    ends = inverted(process, jnp.repeat(jnp.asarray([1e3, -1e3]), ROWS // 2))
    np.testing.assert_allclose(ends[:: ROWS - 1], [process.t_min, process.t_max], rtol=1e-3)


@pytest.mark.parametrize("name", PROCESSES.names())
def test_the_prior_is_standard_normal_or_ends_where_unit_data_does(name, facts):
    process = PROCESSES.build(name)
    prior = process.prior(3)
    alpha, sigma = (a[0] for a in facts(process, [process.t_max])[:2])
    wide = math.sqrt(1.0 + sigma**2) if alpha == 1.0 else 1.0
    if name == "rectified_flow":
        wide = math.hypot(1e-3, 1.0 - 1e-3)
    np.testing.assert_allclose(prior.mean(), np.zeros(3))
    np.testing.assert_allclose(prior.stddev(), np.full(3, wide), rtol=1e-6)
    # sub-VP ends at alpha^2 + sigma^2 = 1 - 4e-5, the others at the prior's own variance.
    np.testing.assert_allclose(wide, math.sqrt(alpha**2 + sigma**2), rtol=1e-4)


@pytest.mark.parametrize(("name", "params"), [("vp", {}), ("ve", {}), ("ddpm_linear", PLAIN)])
def test_prior_kl_is_the_closed_form_for_a_gaussian(name, params, facts):
    process = PROCESSES.build(name, **params)
    mean, variance = np.array([0.8, -0.3]), 0.25

    def log_prob(x, alpha, sigma):
        v = alpha**2 * variance + sigma**2
        return -0.5 * jnp.sum((x - alpha * mean) ** 2, axis=1) / v - jnp.log(2 * jnp.pi * v)

    x0 = mean + math.sqrt(variance) * jax.random.normal(jax.random.key(0), (20_000, 2))
    program = jax.jit(lambda process, x0, key: prior_kl(process, log_prob, x0, key))
    value, error = (float(a) for a in program(process, x0, jax.random.key(1)))
    alpha, sigma = (a[0] for a in facts(process, [1.0])[:2])
    ratio = (alpha**2 * variance + sigma**2) / (alpha**2 + sigma**2)
    exact = ratio - 1 - math.log(ratio) + alpha**2 * (mean @ mean) / (2 * (alpha**2 + sigma**2))
    # False alarm in 3e-6 of seeds; the second term is the rounding of a log density.
    assert abs(value - exact) < 5 * error + 1e-5
    assert exact > 0.1 if params else exact < 0.02


def test_two_constants_share_one_program():
    traces = []

    @jax.jit
    def program(process, t):
        traces.append(process.name)
        return process.diffusion(t) + process.log_snr(t)

    t = jnp.linspace(0.1, 1.0, 5)
    for beta_max in (20.0, 10.0, 15):
        program(PROCESSES.build("vp", beta_max=beta_max), t)
    for sigma_max in (20.0, 50):
        program(PROCESSES.build("ve", sigma_max=sigma_max), t)
    for beta_last in (None, 0.1):
        program(PROCESSES.build("ddpm_linear", steps=50, beta_last=beta_last), t)
    assert traces == ["vp", "ve", "ddpm_linear"]
