"""Ancestral sampling: its times, its end at the data, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES, from_betas
from diffbench.samplers.ancestral import DEFAULT_STEPS

BETAS = np.array([0.05, 0.1, 0.2, 0.35, 0.6])


@pytest.mark.slow
def test_a_continuous_process_is_cut_evenly_and_ends_at_the_data(run_openly, gaussian, points):
    process, (x, z) = PROCESSES.build("vp"), points
    asked, samples, nfe = run_openly(SAMPLERS.build("ancestral", steps=4, t_end=0.1), process, gaussian(process, 1.0).score, x, z)  # fmt: skip
    np.testing.assert_allclose([t for _, t in asked], [1.0, 0.7, 0.4, 0.1], rtol=1e-5)
    x_last, t = asked[-1]
    alpha = float(process.alpha(jnp.asarray(t)))
    # For unit data the score is -x, so E[x_0 | x_t] = alpha x_t.
    np.testing.assert_allclose(samples, alpha * x_last, rtol=1e-4)


@pytest.mark.slow
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


@pytest.mark.slow
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
