"""Samplers opened up: every question they ask of the score, and every grain of their noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import quickly


@pytest.fixture
def run_openly(monkeypatch):
    """Returns a function that runs a sampler step by step on a noise of one's own.

    (sampler, process, score, x, z) -> [(x, t) asked of the score], samples, nfe; float64. Every
    normal number the sampler draws is that of z, so that one step has one right answer.
    """

    def run(sampler, process, score, x, z):
        asked = []

        def spy(x, t):
            asked.append((np.asarray(x, np.float64), float(t)))
            return score(x, t)

        monkeypatch.setattr(jax.random, "normal", lambda key, shape=(), dtype=float: jnp.asarray(z, float))
        with jax.disable_jit():
            samples, nfe = sampler.run(jax.random.key(0), jnp.asarray(x, float), spy, process)
        return asked, np.asarray(samples, np.float64), int(nfe)

    return run


class Gaussian:
    """Data N(0, variance): its score, its variance over time, as float64 or as traced arrays."""

    def __init__(self, process, variance):
        self.process, self.variance = process, variance

    def at(self, t):
        alpha, sigma = self.process.alpha(jnp.asarray(t)), self.process.sigma(jnp.asarray(t))
        return alpha**2 * self.variance + sigma**2

    def score(self, x, t):
        return -x / self.at(t)


@pytest.fixture
def gaussian():
    """Returns `Gaussian`."""
    return Gaussian


@pytest.fixture
def points():
    """Returns points and noise, `[6, 2]` each."""
    random = np.random.RandomState(7)
    return random.standard_normal((6, 2)), random.standard_normal((6, 2))


@pytest.fixture
def one_point():
    """Returns a function: (sampler, process) -> its samples of data at one point p, and alpha p + sigma eps.

    There x0_hat is p and eps_hat the noise that a point began with, wherever a point is: so what follows the
    probability flow by either of them arrives where it leads, in as few steps as it takes.
    """
    p, eps = np.array([0.7, -1.2]), np.random.RandomState(7).standard_normal((6, 2))

    def samples_of(sampler, process):
        def score(x, t):
            return (process.alpha(t) * jnp.asarray(p, float) - x) / process.sigma(t) ** 2

        def at(t):
            t = jnp.asarray(t)
            return float(process.alpha(t)) * p + float(process.sigma(t)) * eps

        run = quickly(lambda x: sampler.run(jax.random.key(0), x, score, process)[0])
        x = run(jnp.asarray(at(process.t_max), float))
        return np.asarray(x, np.float64), at(sampler.end(process))

    return samples_of
