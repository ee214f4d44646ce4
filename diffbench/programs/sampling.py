"""Samples of any source of scores by any sampler, compiled once per kind and shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler
from diffbench.process import Process
from diffbench.programs import cache
from diffbench.sources.base import BoundScore
from diffbench.spec import Spec, canonical, copied

VERSION = 1
KIND = "sampling"
"""What its programs are called in the cache."""


class Sampled(NamedTuple):
    """Samples and what they cost.

    Attributes:
      samples: Standardised, `[n, D]`.
      nfe: Score evaluations spent on each sample.
    """

    samples: np.ndarray
    nfe: int


def sample(sampler: Spec, source: BoundScore, process: Process, key: PRNGKey, n: int, dim: int) -> Sampled:
    """Returns n samples of a score by a sampler.

    Args:
      sampler: Name and parameters of a registered sampler.
      source: Where the score comes from.
      process: The noise process.
      key: PRNG key; the same key starts every sampler from the same noise.
      n: Number of samples.
      dim: Dimension.
    """
    built, shared = _shared(sampler)
    if built.walk is not None:
        key_prior, key_run = jax.random.split(key)
        x = _walked(shared, source, n, dim)(
            key_run, _prior(n, dim)(key_prior, process), source.arrays, process, built.walk.steps
        )
        return Sampled(np.asarray(x), built.walk.nfe)
    about = (canonical(shared), canonical(source.spec), n, dim)
    program = cache.program(KIND, about, lambda: _program(shared, source, n, dim))
    samples, nfe = program(key, source.arrays, process)
    return Sampled(np.asarray(samples), int(nfe))


def follow(sampler: Spec, source: BoundScore, process: Process, start: np.ndarray) -> np.ndarray:
    """Returns where a sampler that draws no noise leads from given points, `[n, D]`.

    Args:
      sampler: Name and parameters of a registered sampler.
      source: Where the score comes from.
      process: The noise process.
      start: Points at t_max, standardised, `[n, D]`.
    """
    built, shared = _shared(sampler)
    # It draws no noise of its own, so the key makes no difference.
    key = jax.random.key(0)
    if built.walk is not None:
        # As many points as samples share the program of these.
        program = _walked(shared, source, *start.shape)
        return np.asarray(program(key, jnp.asarray(start), source.arrays, process, built.walk.steps))

    def build() -> Callable[..., Array]:
        run, bind = SAMPLERS.from_spec(copied(shared)).run, source.score

        def program(start: Array, arrays: object, process: Process) -> Array:
            return run(key, start, bind(arrays, process), process)[0]

        return jax.jit(program)

    program = cache.program("following", (canonical(shared), canonical(source.spec)), build)
    return np.asarray(program(start, source.arrays, process))


def compiled_for(sampler: Spec) -> Spec:
    """Returns the sampler of which the program is: not of its own steps, where these are an argument."""
    return _shared(sampler)[1]


def _shared(sampler: Spec) -> tuple[Sampler, Spec]:
    """Returns a sampler, and that of which the program is."""
    built = SAMPLERS.from_spec(sampler)
    if built.walk is None:
        return built, sampler
    # The most steps stand for them: with as many the program serves all of fewer.
    return built, {**sampler, "params": {**sampler["params"], "steps": built.walk.most}}


def _prior(n: int, dim: int) -> Callable[..., Array]:
    """Returns the program (key, process) -> points of the prior, `[n, D]`."""

    def program(key: PRNGKey, process: Process) -> Array:
        return process.prior(dim).sample(seed=key, sample_shape=(n,))

    return cache.program("prior", (n, dim), lambda: jax.jit(program))


def _walked(sampler: Spec, source: BoundScore, n: int, dim: int) -> Callable[..., Array]:
    """Returns the program (key, x_T, arrays, process, steps) -> x_0 of a sampler that has a walk.

    Both what is drawn and what is held to the exact flow is computed by it: of a sweep over solvers and
    grids nearly all the time goes into compiling.
    """

    def build() -> Callable[..., Array]:
        walk, bind = SAMPLERS.from_spec(copied(sampler)).walk, source.score
        if walk is None:
            raise ValueError(f"sampler {sampler['name']!r} has no walk")

        def program(key: PRNGKey, x: Array, arrays: object, process: Process, steps: Array) -> Array:
            return walk.run(key, x, bind(arrays, process), process, steps)

        return jax.jit(program)

    return cache.program(KIND, (canonical(sampler), canonical(source.spec), n, dim), build)


def _program(sampler: Spec, source: BoundScore, n: int, dim: int) -> Callable[..., Any]:
    """Returns the compiled sampler on a source, of a sampler without a walk."""
    run, bind = SAMPLERS.from_spec(copied(sampler)).run, source.score

    def program(key: PRNGKey, arrays: object, process: Process) -> tuple[Array, Array | int]:
        key_prior, key_run = jax.random.split(key)
        x_T = process.prior(dim).sample(seed=key_prior, sample_shape=(n,))
        return run(key_run, x_T, bind(arrays, process), process)

    return jax.jit(program)
