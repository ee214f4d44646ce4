"""Annealed Langevin dynamics against Song & Ermon's Algorithm 1, in their convention and in ours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench import samplers as samplers
from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES
from diffbench.samplers.base import langevin_step

LEVELS = np.geomspace(0.2, 3.0, 4)


def process():
    return PROCESSES.build("ncsn", levels=4, sigma_min=0.2, sigma_max=3.0)


@pytest.mark.parametrize("growth", [1.0, 2.0])
@pytest.mark.parametrize("denoise", [False, True])
def test_every_step_is_song_and_ermon_s(run_openly, gaussian, points, growth, denoise):
    x, z = points
    noise = process()
    sampler = SAMPLERS.build("annealed_langevin", steps_per_level=3, step=0.1, growth=growth, denoise=denoise)
    asked, samples, nfe = run_openly(sampler, noise, gaussian(noise, 0.5).score, 3 * x, z)
    assert nfe == len(asked) == 12 + denoise
    after = [x for x, _ in asked[1:]] + [samples]
    # Their step size epsilon, in x + (a/2) s + sqrt(a) z, is twice our step sigma_L^2.
    epsilon = 2 * 0.1 * LEVELS[0] ** 2
    descending = np.repeat(LEVELS[::-1], 3)
    for sigma, (x_i, _), x_next in zip(descending, asked, after, strict=False):
        a = epsilon * (sigma / LEVELS[0]) ** growth
        expected = x_i - a / 2 * x_i / (0.5 + sigma**2) + np.sqrt(a) * z
        # t_min is 1e-5 and not 0, so the levels are geometric to 1e-4.
        np.testing.assert_allclose(x_next, expected, rtol=1e-3, atol=1e-3)
    if denoise:
        x_last = asked[-1][0]
        np.testing.assert_allclose(samples, x_last * (1 - LEVELS[0] ** 2 / (0.5 + LEVELS[0] ** 2)), rtol=1e-4)


def test_both_conventions_of_a_step_differ_by_two(monkeypatch):
    z = jnp.asarray([[0.3, -1.2]])
    monkeypatch.setattr(jax.random, "normal", lambda key, shape=(), dtype=float: z)
    x, slope, theirs = jnp.asarray([[1.0, 2.0]]), jnp.asarray([[-0.5, 0.25]]), 0.08
    step = langevin_step(jax.random.key(0), x, jnp.asarray(theirs / 2), slope)
    np.testing.assert_allclose(step.x, x + theirs / 2 * slope + theirs**0.5 * z, rtol=1e-6)
    np.testing.assert_allclose(step.mean, x + theirs / 2 * slope, rtol=1e-6)


@pytest.mark.parametrize(("growth", "largest"), [(1.0, 0.2 * 3.0 / 0.2), (2.0, 0.2 * (3.0 / 0.2) ** 2)])
def test_growth_is_the_power_of_the_levels(run_openly, points, growth, largest):
    x, z = points
    sampler = SAMPLERS.build("annealed_langevin", steps_per_level=1, step=0.2, growth=growth)
    asked, _, _ = run_openly(sampler, process(), lambda x, t: jnp.zeros_like(x), x, z)
    h = ((asked[1][0] - asked[0][0])[0, 0] / z[0, 0]) ** 2 / 2
    assert h == pytest.approx(largest * LEVELS[0] ** 2, rel=1e-3)


@pytest.mark.parametrize("step", [0.1, 0.2])
def test_the_stationary_variance_at_one_level(variance_after, gaussian, step):
    noise = PROCESSES.build("ncsn", levels=2, sigma_min=1.0, sigma_max=1.0 + 1e-6)
    sampler = SAMPLERS.build("annealed_langevin", steps_per_level=40, step=step, denoise=False)
    found = variance_after(sampler, noise, gaussian(noise, 0.0).score, 1.0, 80)
    # v = (1 - h)^2 v + 2h: 1/(1 - h/2), which is 1.11 at the default step.
    assert found == pytest.approx(1 / (1 - step / 2), rel=1e-4)


def test_denoising_removes_what_noise_is_left(variance_after, gaussian):
    noise = PROCESSES.build("ncsn", levels=2, sigma_min=1.0, sigma_max=1.0 + 1e-6)
    sampler = SAMPLERS.build("annealed_langevin", steps_per_level=5)
    # A point mass comes back as one: x + sigma^2 s = 0.
    assert variance_after(sampler, noise, gaussian(noise, 0.0).score, 1.0, 10) < 1e-9


def test_ve_without_levels_is_cut_into_them(run_openly, gaussian, points):
    noise, (x, z) = PROCESSES.build("ve", sigma_min=0.2, sigma_max=3.0), points
    sampler = SAMPLERS.build("annealed_langevin", steps_per_level=1, levels=4, denoise=False)
    asked, _, nfe = run_openly(sampler, noise, gaussian(noise, 0.5).score, x, z)
    assert nfe == 4
    sigmas = [float(noise.sigma(jnp.asarray(t))) for _, t in asked]
    np.testing.assert_allclose(sigmas, LEVELS[::-1], rtol=1e-3)


def test_unfit_says_why():
    sampler = SAMPLERS.build("annealed_langevin")
    assert sampler.unfit(PROCESSES.build("ncsn")) is None
    assert sampler.unfit(PROCESSES.build("ve")) is None
    assert sampler.unfit(PROCESSES.build("vp")) == (
        "it needs alpha = 1 at every level (ve, ncsn); vp ends at 0.00657"
    )
    assert "sub_vp ends at" in sampler.unfit(PROCESSES.build("sub_vp"))
    assert "ddpm_cosine ends at" in sampler.unfit(PROCESSES.build("ddpm_cosine"))


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"steps_per_level": 0}, ValueError, "steps_per_level must be at least 1; got 0"),
        ({"step": 0.0}, ValueError, "step must be positive and finite; got 0.0"),
        ({"growth": -1.0}, ValueError, "growth must be positive and finite; got -1.0"),
        ({"levels": 1}, ValueError, "levels must be at least 2; got 1"),
        ({"steps": 5}, ValueError, "sampler 'annealed_langevin' takes no 'steps'; it takes: steps_per_level"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        SAMPLERS.build("annealed_langevin", **params)
