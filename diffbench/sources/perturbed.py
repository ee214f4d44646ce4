"""A score of another source plus a bounded error that is known: what must a metric see of it?"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import Array, Score, key_for
from diffbench.laws.base import pytree
from diffbench.process import Process
from diffbench.sources.base import SOURCES, BoundScore, Given, Source
from diffbench.spec import Spec

NAME = "perturbed"
_WAVES = 16


@pytree
class Waves:
    """Cosines whose sum is a smooth random function for each coordinate.

    Attributes:
      frequencies: `[D, K]`.
      phases: `[K, D]`.
    """

    frequencies: Array
    phases: Array


def waves_of(dim: int) -> Waves:
    """Returns the cosines of D dimensions, the same for ever."""
    key_frequencies, key_phases = jax.random.split(key_for(0, NAME, dim))
    return Waves(
        frequencies=jax.random.normal(key_frequencies, (dim, _WAVES)),
        phases=jax.random.uniform(key_phases, (_WAVES, dim), maxval=2.0 * math.pi),
    )


def constant(x: Array, size: Array, waves: Waves) -> Array:
    """Returns the same error everywhere, `[n, D]`."""
    return jnp.full_like(x, size)


def field(x: Array, size: Array, waves: Waves) -> Array:
    """Returns a smooth random error at x `[n, D]`: size sin(h_d(x)), h a sum of random cosines, `[n, D]`."""
    # `[n, K, 1]` + `[K, D]`: the same waves run through every coordinate with phases of its own.
    angle = (x @ waves.frequencies)[..., None] + waves.phases
    return size * jnp.sin(math.pi * math.sqrt(2.0 / _WAVES) * jnp.cos(angle).sum(axis=1))


ERRORS = {"constant": constant, "field": field}


def score_of(inner: BoundScore, *, dim: int, error: str = "constant", size: float = 1.0) -> BoundScore:
    """Returns a score with a known error; see `perturbed`.

    Args:
      inner: The score itself.
      dim: Dimension D of the data.
      error: One of `ERRORS`.
      size: Bound of the error, in standardised units of the score.

    Raises:
      ValueError: If error or size is out of range.
    """
    _check(error, size)
    added = ERRORS[error]

    def bind(arrays: tuple[object, Array, Waves], process: Process) -> Score:
        held, bound, waves = arrays
        base = inner.score(held, process)

        def score(x: Array, t: Array) -> Array:
            return base(x, t) + added(x, bound, waves)

        return score

    spec: Spec = {"score": NAME, "of": inner.spec, "error": error}
    # The size is an array: errors of many sizes share their programs.
    return BoundScore(spec, (inner.arrays, jnp.asarray(size, float), waves_of(dim)), bind)


@SOURCES.register(NAME)
def perturbed(*, of: str = "learned", error: str = "constant", size: float = 1.0) -> Source:
    """Returns the source of a score with a known error, at most `size` in each coordinate at every time.

    Args:
      of: Where the score itself comes from.
      error: "constant" (size in every coordinate) or "field" (smooth and random, of unit length scale).
      size: Bound of the error, in standardised units of the score.

    Raises:
      ValueError: If a parameter is out of range.
    """
    _check(error, size)
    plain = [name for name in SOURCES.names() if name != NAME]
    if not isinstance(of, str) or of not in plain:
        raise ValueError(f"of must be one of {', '.join(plain)}; got {of!r}")
    inner = SOURCES.build(of)

    def make(given: Given) -> BoundScore:
        return score_of(inner.make(given), dim=given.dataset.dim, error=error, size=size)

    return Source(make, needs=inner.needs)


def _check(error: str, size: float) -> None:
    checks.choice("error", error, tuple(ERRORS))
    checks.positive(size=size)
