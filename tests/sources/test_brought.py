"""A function of the user's as a source: what its prediction makes of a score, and what becomes of its calls."""

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.process import PROCESSES
from diffbench.sources.base import SOURCES, Given
from diffbench.sources.brought import Function, as_score


@pytest.mark.slow
def test_what_a_velocity_gives_is_the_score_of_its_flow():
    process = PROCESSES.build("sub_vp")
    x, s, t = jnp.ones((3, 2)), jnp.full((3, 2), 0.7), jnp.asarray(0.4)
    flow = process.drift(t) * x - 0.5 * process.diffusion(t) ** 2 * s
    np.testing.assert_allclose(as_score("velocity", flow, x, t, process), s, rtol=1e-5)


def test_what_eps_x0_and_v_give_is_one_score():
    process, t, random = PROCESSES.build("vp"), jnp.asarray(0.4), np.random.RandomState(0)
    alpha, sigma = float(process.alpha(t)), float(process.sigma(t))
    x0, eps = random.standard_normal((2, 5, 3))
    x = jnp.asarray(alpha * x0 + sigma * eps, float)
    for predicts, told in (("eps", eps), ("x0", x0), ("v", alpha * eps - sigma * x0)):
        found = as_score(predicts, jnp.asarray(told, float), x, t, process)
        np.testing.assert_allclose(found, -eps / sigma, rtol=1e-3, atol=1e-4)


def test_what_a_function_raises_is_kept_and_its_answers_are_nan_from_then_on():
    def fails(x, t):
        raise KeyError("net")

    function = Function(fails, framework="numpy")
    for _ in range(2):
        assert np.isnan(function.here(np.zeros((4, 2)), np.float32(0.5))).all()
    assert isinstance(function.failed, KeyError)
    assert function.calls == 1


def test_a_function_writes_into_points_of_its_own():
    def writes(x, t):
        x += 1.0
        return x

    x = np.zeros((4, 2), np.float32)
    np.testing.assert_array_equal(Function(writes, framework="numpy").here(x, 0.5), 1.0)
    np.testing.assert_array_equal(x, 0.0)


def test_a_suite_that_names_one_is_told_that_it_is_of_one_program():
    with pytest.raises(
        ValueError, match="a brought score is a function of one program: give it by diffbench"
    ):
        SOURCES.build("brought").make(Given(DATASETS.build("circle")))
