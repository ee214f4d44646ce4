"""Orders of convergence on Gaussian data, and the package's samplers beside the exact recursion."""

import math

import calibration_table
import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import orders
import papers
import pytest
from opened import variance_after
from orders import CASES, END, VARIANCE

from diffbench.contracts import DATASETS, SAMPLERS
from diffbench.process import PROCESSES
from diffbench.samplers.base import langevin_step
from diffbench.samplers.ode import flow

pytestmark = pytest.mark.slow

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case[:3])))


def score_of(process, data=VARIANCE):
    def score(x, t):
        return -x / (process.alpha(t) ** 2 * data + process.sigma(t) ** 2)

    return score


def start_of(process, data=VARIANCE):
    """Returns the variance of p_T."""
    t = jnp.asarray(1.0)
    return float(process.alpha(t)) ** 2 * data + float(process.sigma(t)) ** 2


def built(case, steps):
    """Returns the package's sampler and process of a case."""
    process = PROCESSES.build(case.process, **orders.params_of(case, steps))
    end = {} if case.own_table else {"t_end": END}
    return SAMPLERS.build(case.sampler, steps=steps, **end, **case.params), process


@every_case
def test_the_error_falls_by_the_order(case):
    _, error = orders.errors(case)
    ratio = error[:-1] / error[1:]
    assert ratio[-1] == pytest.approx(case.order, rel=0.04)
    # And ever closer to it: the error is C / N^p and what is left is of a higher power.
    assert abs(ratio[-1] - case.order) <= abs(ratio[0] - case.order) + 1e-3


def test_the_committed_table_is_what_is_found():
    for row, found in zip(calibration_table.read("orders"), calibration_table.orders(), strict=True):
        assert float(row.pop("ratio")) == pytest.approx(float(found.pop("ratio")), abs=0.02)
        for error in ("error", "error_twice"):
            assert float(row.pop(error)) == pytest.approx(float(found.pop(error)), rel=0.02)
        assert row == found


@every_case
def test_the_package_s_variance_is_that_of_the_recursion(case):
    sampler, process = built(case, 50)
    noises = 0 if case.sampler == "probability_flow" else 50
    found = variance_after(sampler, process, score_of(process), start_of(process), noises)
    # 50 steps of float32; the error that makes the order is 100 times that, or more.
    assert found == pytest.approx(orders.variance(case, 50), rel=1e-4)


@every_case
def test_samples_have_the_variance_of_the_recursion(case):
    # Own noise, 2^17 numbers: false alarm beyond 5 standard errors, for 16 cases, in 1e-5 of seeds.
    sampler, process = built(case, 50)
    n = 2**16
    x = math.sqrt(start_of(process)) * jax.random.normal(jax.random.key(1), (n, 2))
    run = jax.jit(lambda x, process: sampler.run(jax.random.key(2), x, score_of(process), process)[0])
    samples = np.asarray(run(x, process), np.float64)
    expected = orders.variance(case, 50)
    assert abs(samples.var() / expected - 1) < 5 * math.sqrt(2 / samples.size)
    assert abs(samples.mean()) < 5 * math.sqrt(expected / samples.size)
    # Points and dimensions of one run are independent.
    assert abs(np.corrcoef(samples.T)[0, 1]) < 5 / math.sqrt(n)


@pytest.mark.parametrize("variance", ["small", "large"])
def test_which_ancestral_variance_is_exact_is_what_ho_says(variance):
    # Ho et al. (2020), section 3.2: "large" is optimal for N(0, 1), "small" for a point.
    case, point = orders.Case("ancestral", {"variance": variance}, "vp", 2), 1e-9
    error = {
        data: abs(orders.variance(case, 20, data) / orders.wanted(case, data) - 1) for data in (1.0, point)
    }
    exact, other = (1.0, point) if variance == "large" else (point, 1.0)
    assert error[exact] < 1e-6
    assert error[other] > 0.1


def test_the_flow_leaves_unit_data_of_vp_where_it_is():
    case = orders.Case("probability_flow", {}, "vp", 4)
    assert orders.variance(case, 5, 1.0) == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("h", [0.1, 0.2])
def test_langevin_s_stationary_variance(h):
    # v = (1 - h)^2 v + 2h, in units of s^2: 1/(1 - h/2), which is 1.11 at the default step.
    noise = PROCESSES.build("ncsn", levels=2, sigma_min=1.0, sigma_max=1.0 + 1e-6)
    sampler = SAMPLERS.build("annealed_langevin", steps_per_level=40, step=h, denoise=False)
    found = variance_after(sampler, noise, score_of(noise, 0.0), 1.0, 80)
    assert found == pytest.approx(1 / (1 - h / 2), rel=1e-4)
    # The same from own noise, in another unit: false alarm beyond 5 standard errors in 1e-6 of seeds.
    s, shape = 0.3, (2**14, 2)

    def body(x, key):
        return langevin_step(key, x, h * s**2, -x / s**2).x, None

    x, _ = jax.jit(lambda x, keys: jax.lax.scan(body, x, keys))(
        s * jax.random.normal(jax.random.key(0), shape), jax.random.split(jax.random.key(1), 80)
    )
    ratio = np.asarray(x, np.float64).var() / s**2 * (1 - h / 2)
    assert abs(ratio - 1) < 5 * math.sqrt(2 / x.size)


def test_denoising_removes_what_noise_is_left():
    noise = PROCESSES.build("ncsn", levels=2, sigma_min=1.0, sigma_max=1.0 + 1e-6)
    sampler = SAMPLERS.build("annealed_langevin", steps_per_level=5)
    # A point mass comes back as one: x + sigma^2 s = 0.
    assert variance_after(sampler, noise, score_of(noise, 0.0), 1.0, 10) < 1e-9


ADAPTIVE = [
    ("vp", "tsit5"),
    *(pytest.param(name, "tsit5", marks=pytest.mark.slow) for name in ("sub_vp", "ve", "ddpm_linear")),
    pytest.param("vp", "dopri5", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "solver"), ADAPTIVE)
def test_the_adaptive_flow_of_gaussian_data_is_its_closed_form(name, solver):
    # The flow keeps quantiles: x shrinks as the standard deviation of p_t.
    process, x = PROCESSES.build(name), np.linspace(-3.0, 3.0, 64)[:, None]
    alpha, sigma, _, _ = papers.facts_of(name, {})(np.array([1.0, process.t_end]))
    before, after = np.sqrt(alpha**2 * VARIANCE + sigma**2)
    sampler = SAMPLERS.build("probability_flow", solver=solver)
    run = jax.jit(lambda x: sampler.run(jax.random.key(0), x, score_of(process), process)[0])
    # The tolerance of 1e-5 is for one step.
    np.testing.assert_allclose(run(before * x), after * x, atol=3e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vp", "ve"])
def test_the_flow_of_nine_gaussians_there_and_back_returns(name):
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build(name)
    x0 = dataset.standardise(dataset.sample(jax.random.key(3), 256))

    def score(x, t):
        return dataset.score(x, process.alpha(t), process.sigma(t))

    @jax.jit
    def forth(x):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, x, args: flow(x, jnp.asarray(t), score, process)),
            diffrax.Dopri5(),
            t0=process.t_end,
            t1=process.t_max,
            dt0=1e-6,
            y0=x,
            stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-6),
            max_steps=4096,
        ).ys[-1]

    sampler = SAMPLERS.build("probability_flow", rtol=1e-6, atol=1e-6)
    x_t = forth(x0)
    back, _ = jax.jit(lambda x: sampler.run(jax.random.key(0), x, score, process))(x_t)
    far = np.linalg.norm(np.asarray(back, np.float64) - x0, axis=1)
    # Points that start between modes are stretched on the way back, by up to some hundred times.
    assert np.median(far) < 1e-5
    assert far.max() < 5e-3
    # It went somewhere: to the prior's width.
    assert float(x_t.std()) == pytest.approx(float(process.constants["prior_sd"]), rel=0.05)
