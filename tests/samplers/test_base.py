"""The run over a grid and the steps that samplers share, against their equations in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import Step
from diffbench.process import PROCESSES
from diffbench.samplers.base import (
    end_unfit,
    langevin_step,
    reverse_sde_step,
    stepwise,
    uniform_times,
)

X = np.random.RandomState(0).standard_normal((50, 2)).astype(np.float32)
KEY = jax.random.key(3)


def test_a_run_asks_once_a_step_of_the_grid_and_returns_the_last_mean():
    def step(key, x, t, s, score, process):
        return Step(x + 100.0, x + (t - s) * score(x, t))

    run = stepwise(step, uniform_times(4, 0.2), evaluations=2)
    x, nfe = run(KEY, jnp.asarray(X), lambda x, t: jnp.full_like(x, t), PROCESSES.build("vp"))
    # Three moves of 100 and then the mean of the last, from 0.4 to 0.2.
    np.testing.assert_allclose(x, X + 300.0 + 0.2 * 0.4, rtol=1e-6)
    assert nfe == 8


def test_every_step_has_a_key_of_its_own():
    def step(key, x, t, s, score, process):
        moved = x + jax.random.normal(key, x.shape)
        return Step(moved, moved)

    x, _ = stepwise(step, uniform_times(3, 0.1))(KEY, jnp.asarray(X), None, PROCESSES.build("vp"))
    noise = [np.asarray(jax.random.normal(key, X.shape)) for key in jax.random.split(KEY, 3)]
    np.testing.assert_allclose(x, X + sum(noise), atol=1e-5)


@pytest.mark.parametrize(("given", "end"), [(None, 1e-3), (0.25, 0.25)])
def test_times_are_numpys_linspace_down_to_the_end(given, end):
    vp = PROCESSES.build("vp")
    np.testing.assert_allclose(uniform_times(7, given)(vp), np.linspace(vp.t_max, end, 8), rtol=1e-6)


def test_an_end_below_the_process_is_said():
    vp = PROCESSES.build("vp")
    assert end_unfit(1e-9, vp) == "t_end = 1e-09 is below t_min = 1e-05 of process 'vp'"
    assert end_unfit(None, vp) is None
    assert end_unfit(vp.t_min, vp) is None


def test_a_langevin_step_is_its_equation():
    h, slope = 0.02, np.sin(X)
    step = langevin_step(KEY, jnp.asarray(X), jnp.asarray(h), jnp.asarray(slope))
    z = np.asarray(jax.random.normal(KEY, X.shape))
    np.testing.assert_allclose(step.mean, X + h * slope, rtol=1e-6)
    np.testing.assert_allclose(step.x, X + h * slope + np.sqrt(2 * h) * z, rtol=1e-5)


def test_a_reverse_step_is_songs_equation_6_with_the_paper_s_beta():
    t, s, slope = 0.6, 0.55, np.sin(X)
    found = reverse_sde_step(
        KEY, jnp.asarray(X), jnp.asarray(t), jnp.asarray(s), jnp.asarray(slope), PROCESSES.build("vp")
    )
    beta = 0.1 + 19.9 * t
    mean = X + (0.5 * beta * X + beta * slope) * (t - s)
    z = np.asarray(jax.random.normal(KEY, X.shape))
    np.testing.assert_allclose(found.mean, mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.x, mean + np.sqrt(beta * (t - s)) * z, rtol=1e-4, atol=1e-5)
