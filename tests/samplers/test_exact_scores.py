"""Samplers on exact scores: orders of convergence, evaluations counted from the host, mixtures."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench import datasets as datasets
from diffbench import samplers as samplers
from diffbench import sampling, scores
from diffbench.contracts import DATASETS, SAMPLERS
from diffbench.process import PROCESSES

VARIANCE = 0.25
STEPS = (100, 200, 400)


def errors(variance_after, gaussian, process, name, wanted, noises, **params):
    """Returns the error of the samples' variance by number of steps, started from p_T itself."""
    data = gaussian(PROCESSES.build(process), VARIANCE)
    exact = float(wanted(data))
    found = [
        variance_after(
            SAMPLERS.build(name, steps=steps, t_end=0.01, **params), data.process, data.score, float(data.at(1.0)),
            noises(steps),
        )
        for steps in STEPS
    ]  # fmt: skip
    return np.array(found) - exact


def at_the_end(data):
    return data.at(0.01)


def denoised_at_the_end(data):
    """Var E[x_0 | x_t]: what a step without noise from t to the data leaves."""
    return data.process.alpha(jnp.asarray(0.01)) ** 2 * VARIANCE**2 / data.at(0.01)


def euler_maruyama_variance(name, steps):
    """The variance recursion of equation 6 in Song et al. (2021) on N(0, VARIANCE), in float64."""
    times = np.linspace(1, 0.01, steps + 1)

    def facts(t):
        if name == "ve":
            noise = (0.01 * 2000**t) ** 2
            return 0.0, noise * 2 * math.log(2000), VARIANCE + noise
        beta, b = 0.1 + 19.9 * t, 0.1 * t + 19.9 * t**2 / 2
        return -beta / 2, beta, math.exp(-b) * VARIANCE - math.expm1(-b)

    variance = facts(1.0)[2]
    for i in range(steps):
        f, g2, v = facts(times[i])
        h = times[i] - times[i + 1]
        variance *= (1 - (f + g2 / v) * h) ** 2
        variance += g2 * h if i < steps - 1 else 0.0
    return variance


@pytest.mark.parametrize("process", ["vp", pytest.param("ve", marks=pytest.mark.slow)])
def test_the_variance_of_euler_maruyama_is_its_recursion(variance_after, gaussian, process):
    data = gaussian(PROCESSES.build(process), VARIANCE)
    sampler = SAMPLERS.build("euler_maruyama", steps=100, t_end=0.01)
    found = variance_after(sampler, data.process, data.score, float(data.at(1.0)), 100)
    assert found == pytest.approx(euler_maruyama_variance(process, 100), rel=1e-5)


def test_the_error_of_euler_maruyama_halves(variance_after, gaussian):
    # For VP and VE the terms of first order all but cancel here, until there are thousands of steps.
    error = errors(variance_after, gaussian, "sub_vp", "euler_maruyama", at_the_end, lambda steps: steps)
    np.testing.assert_allclose(error[:-1] / error[1:], 2.0, atol=0.25)
    assert abs(error[-1]) < 0.03


@pytest.mark.parametrize("process", ["vp", pytest.param("ve", marks=pytest.mark.slow)])
def test_the_error_of_ancestral_sampling_halves(variance_after, gaussian, process):
    # `steps` counts the last one, to the data.
    error = errors(variance_after, gaussian, process, "ancestral", denoised_at_the_end, lambda steps: steps)
    np.testing.assert_allclose(error[:-1] / error[1:], 2.0, atol=0.25)
    assert abs(error[-1]) < 0.03


@pytest.mark.parametrize("process", ["vp", pytest.param("sub_vp", marks=pytest.mark.slow)])
def test_the_error_of_heun_quarters(variance_after, gaussian, process):
    error = errors(
        variance_after, gaussian, process, "probability_flow", at_the_end, lambda steps: 0, solver="heun"
    )
    # 400 steps are as good as float32 can tell.
    assert error[0] / error[1] == pytest.approx(4.0, abs=0.5)
    assert abs(error[1]) < 1e-3


COUNTED = [
    ("ancestral", {"steps": 7}, "vp"),
    ("ancestral", {"steps": 7}, "ddpm_linear"),
    ("annealed_langevin", {"steps_per_level": 2, "levels": 4}, "ve"),
    ("annealed_langevin", {"steps_per_level": 1, "denoise": False}, "ncsn"),
    ("euler_maruyama", {"steps": 7}, "vp"),
    ("predictor_corrector", {"steps": 5}, "vp"),
    ("predictor_corrector", {"steps": 5, "corrections": 3}, "ve"),
    ("probability_flow", {"solver": "heun", "steps": 6}, "vp"),
    ("probability_flow", {}, "vp"),
    ("probability_flow", {"rtol": 1e-3, "atol": 1e-3}, "ve"),
    ("probability_flow", {"solver": "dopri5"}, "vp"),
    ("probability_flow", {"solver": "dopri5", "max_steps": 25}, "vp"),
]


def test_every_sampler_is_counted():
    assert {name for name, _, _ in COUNTED} == set(SAMPLERS.names())


# Each sampler at its defaults is counted by check_sampler too; one with rejected steps and one
# with corrections are enough for the fast tests.
FAST = (COUNTED[6], COUNTED[10])


@pytest.mark.parametrize(
    ("name", "params", "process"),
    [case if case in FAST else pytest.param(*case, marks=pytest.mark.slow) for case in COUNTED],
    ids=str,
)
def test_nfe_is_what_the_score_was_asked(name, params, process):
    dataset, noise = DATASETS.build("nine_gaussians"), PROCESSES.build(process)
    sampler, times = SAMPLERS.build(name, **params), []
    x = float(noise.prior(2).stddev()[0]) * np.random.RandomState(0).standard_normal((16, 2))

    def score(x, t):
        jax.debug.callback(lambda t: times.append(float(t)), t, ordered=True)
        # Nine modes are stiff enough for an adaptive solver to reject steps.
        adaptive = name == "probability_flow"
        return (
            dataset.score(x, noise.alpha(t), noise.sigma(t)) if adaptive else -x / (1 + noise.sigma(t) ** 2)
        )

    _, nfe = jax.jit(lambda x: sampler.run(jax.random.key(1), x, score, noise))(jnp.asarray(x, float))
    jax.effects_barrier()
    assert int(nfe) == len(times)
    # The stages of an attempted step go forward, so going back shows a step that was rejected.
    rejected = int((np.diff(times) > 0).sum())
    assert (rejected > 0) == (name == "probability_flow" and params.get("solver") != "heun")


MIXTURES = [
    ("ancestral", {}, "vp"),
    ("ancestral", {}, "sub_vp"),
    ("ancestral", {}, "ddpm_linear"),
    ("ancestral", {"variance": "large"}, "ddpm_linear"),
    ("annealed_langevin", {}, "ncsn"),
    ("euler_maruyama", {}, "vp"),
    ("euler_maruyama", {}, "sub_vp"),
    ("euler_maruyama", {}, "ve"),
    ("predictor_corrector", {}, "vp"),
    ("predictor_corrector", {}, "sub_vp"),
    ("predictor_corrector", {}, "ve"),
    ("probability_flow", {}, "vp"),
    ("probability_flow", {}, "ve"),
    ("probability_flow", {"solver": "heun"}, "sub_vp"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "params", "process"), MIXTURES, ids=str)
def test_nine_gaussians_come_back_at_default_steps(name, params, process):
    dataset, n = DATASETS.build("nine_gaussians"), 10_000
    sampler = {"name": name, "params": SAMPLERS.complete(name, params)}
    noise = PROCESSES.build(process)
    drawn = sampling.draw(sampler, scores.exact(dataset.truth), noise, jax.random.key(2), n, 2)
    samples = np.asarray(drawn.samples, np.float64)
    law = dataset.truth.law
    means = (np.asarray(law.means, np.float64) - dataset.mean) / dataset.scale
    weights = np.exp(np.asarray(law.log_weights, np.float64))
    variance = weights @ np.asarray(law.variances, np.float64) / dataset.scale**2
    covariance = (weights[:, None] * means).T @ means + variance * np.eye(2)
    # 14 cases of 2 numbers beyond 5 standard errors: false alarm in 2e-5 of seeds.
    assert (np.abs(samples.mean(0)) < 5 * samples.std(0) / n**0.5).all()
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.1)


def test_every_sampler_is_tried_on_a_mixture():
    assert {name for name, _, _ in MIXTURES} == set(SAMPLERS.names())
