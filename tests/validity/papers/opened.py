"""Samplers opened up: what they ask of the score, the noise they draw, and their gains."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import io_callback


class Opened(NamedTuple):
    """One run: [(x, t) asked of the score], [noise], samples, evaluations; float64."""

    asked: list
    noises: list
    samples: np.ndarray
    nfe: int


def run_openly(sampler, process, score, x, seed=0):
    """Runs a sampler step by step on its own noise and writes down what it did.

    A noise drawn twice under one key, as where a norm is wanted first, is written down once.

    Args:
      sampler: A sampler.
      process: A process.
      score: (x, t) -> score, in NumPy and float64.
      x: Points at t_max, `[n, D]`.
      seed: Seed of the run's key.
    """
    asked, noises, normal = [], {}, jax.random.normal

    def spy(x, t):
        asked.append((np.asarray(x, np.float64), float(t)))
        return jnp.asarray(score(*asked[-1]), float)

    def recorded(key, shape=(), dtype=float):
        z = normal(key, shape, dtype)
        noises[jax.random.key_data(key).tobytes()] = np.asarray(z, np.float64)
        return z

    with pytest.MonkeyPatch.context() as patch, jax.disable_jit():
        patch.setattr(jax.random, "normal", recorded)
        samples, nfe = sampler.run(jax.random.key(seed), jnp.asarray(x, float), spy, process)
    return Opened(asked, list(noises.values()), np.asarray(samples, np.float64), int(nfe))


def variance_after(sampler, process, score, start, noises):
    """Returns the exact variance of samples of Gaussian data, without sampling.

    With a linear score, a sample is a sum of independent normals, the start and the noises, each
    times a gain. The k-th row carries the gain of the k-th noise, so the squares of the rows add
    up to the variance.

    Args:
      sampler: A sampler.
      process: A process.
      score: (x, t) -> score, linear in x.
      start: Variance at t_max.
      noises: Noises that the sampler draws.
    """
    counter = itertools.count(1)

    def basis(key, shape=(), dtype=float):
        row = io_callback(lambda: np.int32(next(counter)), jax.ShapeDtypeStruct((), jnp.int32), ordered=True)
        return jax.nn.one_hot(row, shape[0])[:, None]

    x = jnp.zeros((noises + 1, 1)).at[0, 0].set(start**0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.random, "normal", basis)
        gains, _ = jax.jit(lambda x: sampler.run(jax.random.key(0), x, score, process))(x)
        gains = np.asarray(gains, np.float64)
    return float((gains**2).sum())
