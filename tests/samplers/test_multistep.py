"""Linear multistep schemes: weights against polynomials and their papers' formulas, the walk against NumPy,
both precisions in one process.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import quickly
from scipy import integrate

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES
from diffbench.samplers.multistep import NODES, WEIGHTS, Scheme, exponential, interpolated, multistep, two_of

TIMES = np.array([1.0, 0.7, 0.45, 0.2, 0.05])
HALF = np.array([-2.0, -0.9, 0.4, 1.1, 2.6])  # lambda rises as time falls


def weights_of(order, ahead):
    a, h = TIMES[:-1, None], np.diff(TIMES)[:, None]
    with jax.enable_x64(True):
        return np.asarray(
            quickly(functools.partial(interpolated, order, ahead=ahead))(TIMES, a + h * NODES, h * WEIGHTS)
        )


@pytest.mark.parametrize(("order", "ahead"), [(1, True), (2, False), (3, False), (3, True)])
def test_weights_integrate_every_polynomial_through_the_known_estimates(order, ahead):
    weights = weights_of(order, ahead)
    assert weights.shape == (4, order + ahead)
    for i, row in enumerate(weights):
        known = min(i + 1, order)
        nodes = TIMES[[i - j for j in range(-int(ahead), known)]]
        for degree in range(len(nodes)):
            exact = (TIMES[i + 1] ** (degree + 1) - TIMES[i] ** (degree + 1)) / (degree + 1)
            assert row[: len(nodes)] @ nodes**degree == pytest.approx(exact, abs=1e-12)
        # The first steps have no more past: what they do not know weighs nothing.
        np.testing.assert_array_equal(row[len(nodes) :], 0.0)


def weighed(v, zero, one, end):
    """The line that is 0 and 1 at two values of lambda, times exp(lambda - lambda_end)."""
    return np.exp(v - end) * (v - zero) / (one - zero)


def test_exponential_weights_are_scipy_s_integrals_over_lambda():
    with jax.enable_x64(True):
        weights = np.asarray(quickly(functools.partial(exponential, 2))(HALF))
    for i in range(1, 4):
        for found, zero, one in zip(weights[i], HALF[[i - 1, i]], HALF[[i, i - 1]], strict=True):
            wanted = integrate.quad(weighed, HALF[i], HALF[i + 1], args=(zero, one, HALF[i + 1]))[0]
            assert found == pytest.approx(wanted, rel=1e-10)
    assert weights[0] == pytest.approx([-np.expm1(HALF[0] - HALF[1]), 0.0])


def test_the_latest_two_weigh_as_in_algorithm_2_of_dpm_solver_pp():
    gain = np.array([0.3, 0.5, 0.2, 0.7])
    with jax.enable_x64(True):
        found = np.asarray(quickly(two_of)(gain, HALF))
    h = np.diff(HALF)
    r = h[:-1] / h[1:]
    wanted = np.stack([1 + 1 / (2 * r), -1 / (2 * r)], axis=1) * gain[1:, None]
    np.testing.assert_allclose(found, [[gain[0], 0.0], *wanted], rtol=1e-12)


@pytest.mark.parametrize("spread", [None, [0.1, 0.2, 0.3]])
def test_a_walk_is_its_recursion_written_out_and_ends_on_its_mean(spread):
    random = np.random.RandomState(0)
    keep, past = random.uniform(0.5, 1.0, 3), random.uniform(-0.5, 0.5, (3, 2))
    x, key = random.standard_normal((5, 2)), jax.random.key(4)
    scheme = Scheme(*(None if a is None else jnp.asarray(a, float) for a in (keep, past, spread)))
    walk = multistep(lambda t, process: scheme, lambda x, t, score, process: score(x, t))
    found = walk(
        key, jnp.asarray(x, float), jnp.asarray(TIMES[:4], float), 3, lambda x, t: t * jnp.sin(x), None
    )
    before = np.zeros_like(x)
    for i, one in enumerate(jax.random.split(key, 3)):
        estimate = TIMES[i] * np.sin(x)
        mean = keep[i] * x + past[i, 0] * estimate + past[i, 1] * before
        noise = 0.0 if spread is None else spread[i] * np.asarray(jax.random.normal(one, x.shape))
        x, before = mean + noise, estimate
    np.testing.assert_allclose(found.mean, mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.x, x, rtol=1e-5, atol=1e-6)


def walked(name, params, dtype):
    """Returns a compiled walk, kept alive as the cache of programs keeps it, and where it leads."""
    process = jax.tree.map(lambda a: jnp.asarray(a, dtype), PROCESSES.build("vp"))
    walk = SAMPLERS.build(name, steps=6, **params).walk

    @jax.jit
    def run(x, process):
        return walk.run(jax.random.key(0), x, lambda x, t: -x / (1.0 + t), process, 6)

    return run, run(jnp.ones((3, 2), dtype), process)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deis", "dpm_solver_pp", "unipc"])
def test_a_program_in_float32_that_is_kept_leaves_float64_its_digits(name):
    params = {"order": 3}
    with jax.enable_x64(True):
        first = np.asarray(walked(name, params, jnp.float64)[1])
    kept, short = walked(name, params, jnp.float32)
    with jax.enable_x64(True):
        again = np.asarray(walked(name, params, jnp.float64)[1])
    assert first.dtype == again.dtype == np.float64
    np.testing.assert_array_equal(again, first)
    np.testing.assert_allclose(short, first, rtol=1e-5)
    assert kept._cache_size() == 1
