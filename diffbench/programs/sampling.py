"""Samples of any source of scores by any sampler, compiled once per kind and shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from diffbench.contracts import SAMPLERS, Array, PRNGKey
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
    about = (canonical(sampler), canonical(source.spec), n, dim)
    program = cache.program(KIND, about, lambda: _program(sampler, source, n, dim))
    samples, nfe = program(key, source.arrays, process)
    return Sampled(np.asarray(samples), int(nfe))


def _program(sampler: Spec, source: BoundScore, n: int, dim: int) -> Callable[..., Any]:
    """Returns the compiled sampler on a source."""
    run, bind = SAMPLERS.from_spec(copied(sampler)).run, source.score

    def program(key: PRNGKey, arrays: object, process: Process) -> tuple[Array, Array | int]:
        key_prior, key_run = jax.random.split(key)
        x_T = process.prior(dim).sample(seed=key_prior, sample_shape=(n,))
        return run(key_run, x_T, bind(arrays, process), process)

    return jax.jit(program)
