"""Samples of any source of scores by any sampler, compiled once per kind and shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
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
    about, walk = (canonical(shared), canonical(source.spec), n, dim), built.walk
    program = cache.program(KIND, about, lambda: _program(shared, source, n, dim))
    samples, nfe = program(key, source.arrays, process, None if walk is None else walk.steps)
    return Sampled(np.asarray(samples), int(nfe) if walk is None else walk.nfe)


def follow(sampler: Spec, source: BoundScore, process: Process, start: np.ndarray) -> np.ndarray:
    """Returns where a sampler that draws no noise leads from given points, `[n, D]`.

    Args:
      sampler: Name and parameters of a registered sampler.
      source: Where the score comes from.
      process: The noise process.
      start: Points at t_max, standardised, `[n, D]`.
    """
    built, shared = _shared(sampler)

    def build() -> Callable[..., Array]:
        run, bind = _run(SAMPLERS.from_spec(copied(shared))), source.score

        def program(start: Array, arrays: object, process: Process, steps: Array | None) -> Array:
            # It draws no noise of its own, so the key makes no difference.
            return run(jax.random.key(0), start, bind(arrays, process), process, steps)[0]

        return jax.jit(program)

    program = cache.program("following", (canonical(shared), canonical(source.spec)), build)
    steps = None if built.walk is None else built.walk.steps
    return np.asarray(program(start, source.arrays, process, steps))


def _shared(sampler: Spec) -> tuple[Sampler, Spec]:
    """Returns a sampler, and of which one the program is: not of its steps, where these are an argument."""
    built = SAMPLERS.from_spec(sampler)
    if built.walk is None:
        return built, sampler
    # The most steps stand for them: with as many the program serves all of fewer.
    return built, {**sampler, "params": {**sampler["params"], "steps": built.walk.most}}


def _run(sampler: Sampler) -> Callable[..., Any]:
    """Returns (key, x_T, score, process, steps) -> (x_0, nfe) of any sampler, steps None without a walk."""
    walk = sampler.walk
    if walk is None:
        return lambda key, x, score, process, steps: sampler.run(key, x, score, process)
    return lambda key, x, score, process, steps: (walk.run(key, x, score, process, steps), None)


def _program(sampler: Spec, source: BoundScore, n: int, dim: int) -> Callable[..., Any]:
    """Returns the compiled sampler on a source."""
    run, bind = _run(SAMPLERS.from_spec(copied(sampler))), source.score

    def program(
        key: PRNGKey, arrays: object, process: Process, steps: Array | None
    ) -> tuple[Array, Array | int | None]:
        key_prior, key_run = jax.random.split(key)
        x_T = process.prior(dim).sample(seed=key_prior, sample_shape=(n,))
        return run(key_run, x_T, bind(arrays, process), process, steps)

    return jax.jit(program)
