"""Annealed Langevin dynamics: both conventions of a step, its levels, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES
from diffbench.samplers.base import langevin_step

LEVELS = np.geomspace(0.2, 3.0, 4)


def process():
    return PROCESSES.build("ncsn", levels=4, sigma_min=0.2, sigma_max=3.0)


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
