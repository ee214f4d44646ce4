"""Ancestral sampling against Ho's Algorithm 2 and Song's appendix F, index by index."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench import samplers as samplers
from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES, from_betas
from diffbench.samplers.ancestral import DEFAULT_STEPS

BETAS = np.array([0.05, 0.1, 0.2, 0.35, 0.6])
ABAR = np.cumprod(1 - BETAS)


@pytest.mark.parametrize("variance", ["small", "large"])
def test_every_step_is_ho_s_algorithm_2(run_openly, gaussian, points, variance):
    process, (x, z) = from_betas("five", BETAS), points
    score = gaussian(process, 0.3).score
    asked, samples, nfe = run_openly(SAMPLERS.build("ancestral", variance=variance), process, score, x, z)
    assert nfe == len(asked) == 5
    after = [x for x, _ in asked[1:]] + [samples]
    # Ho's i runs from T = 5 down to 1; arrays of the paper start at index 1.
    for i, (x_i, t), x_next in zip([5, 4, 3, 2, 1], asked, after, strict=True):
        assert t == pytest.approx(i / 5)
        beta, abar = BETAS[i - 1], ABAR[i - 1]
        abar_before = ABAR[i - 2] if i > 1 else 1.0
        eps = np.sqrt(1 - abar) * x_i / (0.3 * abar + 1 - abar)
        mean = (x_i - beta / np.sqrt(1 - abar) * eps) / np.sqrt(1 - beta)
        # The posterior mean of equation 7, with x_0 in place of eps, is the same.
        x0 = (x_i - np.sqrt(1 - abar) * eps) / np.sqrt(abar)
        posterior = np.sqrt(abar_before) * beta * x0 + np.sqrt(1 - beta) * (1 - abar_before) * x_i
        np.testing.assert_allclose(mean, posterior / (1 - abar), rtol=1e-9)
        spread = np.sqrt(beta if variance == "large" else (1 - abar_before) / (1 - abar) * beta)
        np.testing.assert_allclose(x_next, mean + (spread * z if i > 1 else 0), rtol=2e-5, atol=2e-5)


def test_every_step_is_song_s_appendix_f_for_ve(run_openly, gaussian, points):
    process, (x, z) = PROCESSES.build("ve", sigma_min=0.1, sigma_max=5.0), points
    levels = np.geomspace(0.1, 5.0, 5)
    score = gaussian(process, 0.3).score
    asked, samples, nfe = run_openly(SAMPLERS.build("ancestral", steps=5), process, score, 5 * x, z)
    assert nfe == len(asked) == 5
    after = [x for x, _ in asked[1:]] + [samples]
    for i, (x_i, _), x_next in zip([4, 3, 2, 1, 0], asked, after, strict=True):
        before = levels[i - 1] if i else 0.0
        gap = levels[i] ** 2 - before**2
        mean = x_i - gap * x_i / (0.3 + levels[i] ** 2)
        spread = np.sqrt(before**2 * gap / levels[i] ** 2)
        # t_end is 1e-5 and not 0, so the levels are geometric to 1e-4.
        np.testing.assert_allclose(x_next, mean + spread * z, rtol=1e-3, atol=1e-3)


def test_a_continuous_process_is_cut_evenly_and_ends_at_the_data(run_openly, gaussian, points):
    process, (x, z) = PROCESSES.build("vp"), points
    asked, samples, nfe = run_openly(SAMPLERS.build("ancestral", steps=4, t_end=0.1), process, gaussian(process, 1.0).score, x, z)  # fmt: skip
    np.testing.assert_allclose([t for _, t in asked], [1.0, 0.7, 0.4, 0.1], rtol=1e-5)
    x_last, t = asked[-1]
    alpha = float(process.alpha(jnp.asarray(t)))
    # For unit data the score is -x, so E[x_0 | x_t] = alpha x_t.
    np.testing.assert_allclose(samples, alpha * x_last, rtol=1e-4)


def test_it_takes_times_of_the_table_evenly_with_both_ends(run_openly, gaussian, points):
    process, (x, z) = from_betas("five", BETAS), points
    asked, _, nfe = run_openly(
        SAMPLERS.build("ancestral", steps=3), process, gaussian(process, 1.0).score, x, z
    )
    np.testing.assert_allclose([t for _, t in asked], [1.0, 0.6, 0.2], rtol=1e-6)
    assert nfe == 3


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [("vp", {}, DEFAULT_STEPS), ("ddpm_linear", {}, DEFAULT_STEPS), ("ddpm_linear", {"steps": 50}, 50)],
)
def test_default_steps(name, params, expected):
    sampler, process, found = SAMPLERS.build("ancestral"), PROCESSES.build(name, **params), []

    def trace(x):
        samples, nfe = sampler.run(jax.random.key(0), x, lambda x, t: -x, process)
        found.append(nfe)
        return samples

    jax.eval_shape(trace, jnp.zeros((1, 1)))
    assert found == [expected]


@pytest.mark.parametrize("name", ["vp", "ncsn"])
def test_a_point_mass_comes_back_as_a_point(name):
    # Noise on the last step, or an end before the data, would blur it.
    process, point = PROCESSES.build(name), jnp.asarray([0.7, -0.2])

    def score(x, t):
        return (process.alpha(t) * point - x) / process.sigma(t) ** 2

    sampler = SAMPLERS.build("ancestral", steps=20)
    x = jnp.asarray(np.random.RandomState(0).standard_normal((50, 2)), float)
    samples, _ = jax.jit(lambda x: sampler.run(jax.random.key(1), x, score, process))(x)
    np.testing.assert_allclose(samples, np.tile(point, (50, 1)), atol=1e-4)


def test_unfit_says_why():
    table, vp = PROCESSES.build("ddpm_linear", steps=100), PROCESSES.build("vp")
    assert SAMPLERS.build("ancestral", steps=100).unfit(table) is None
    assert SAMPLERS.build("ancestral", steps=101).unfit(table) == (
        "steps = 101 is more than the 100 of process 'ddpm_linear'"
    )
    assert SAMPLERS.build("ancestral", steps=5000).unfit(vp) is None
    assert SAMPLERS.build("ancestral", t_end=1e-6).unfit(vp) == (
        "t_end = 1e-06 is below t_min = 1e-05 of process 'vp'"
    )


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1; got 0"),
        ({"steps": 2.5}, TypeError, "steps must be a whole number; got 2.5"),
        ({"variance": "big"}, ValueError, "variance must be one of small, large; got 'big'"),
        ({"t_end": 1.0}, ValueError, r"t_end must be in \(0, 1\); got 1.0"),
        ({"step": 5}, ValueError, "sampler 'ancestral' takes no 'step'; it takes: steps, variance, t_end"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        SAMPLERS.build("ancestral", **params)
