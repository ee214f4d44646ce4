"""Samplers opened up: every question they ask of the score, and every grain of their noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest


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
