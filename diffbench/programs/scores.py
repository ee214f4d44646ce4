"""Where a score comes from: learned, exact, empirical, or one of these with a known error.

A source is a specification (what it is, static) and arrays (what it holds, arguments
of compiled programs). `score_function` joins the two into a `Score`; a sampler cannot
know which it got.

- *learned*: a family's network.
- *exact*: the diffused score of the dataset. What is wrong with samples is the solver's doing.
- *empirical*: the exact score of a finite training set, sum_i r_i (alpha y_i - x)/sigma^2 with
  r the softmax of -|x - alpha y_i|^2/(2 sigma^2). It is the minimiser of the training loss, and
  it memorises: against the exact score it shows what finite data alone costs.
- *perturbed*: any of them plus a bounded error that is known.

References:
  Karras et al. (2022), appendix B.3, for the minimiser of the loss over a finite set.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import Array, Score, Truth, key_for
from diffbench.laws.base import DiffusedTruth, pytree
from diffbench.laws.mixtures import IsotropicMixture
from diffbench.pairwise import by_rows
from diffbench.process import Process
from diffbench.programs.model import Params, held_by, model_of
from diffbench.spec import Spec, canonical

# Numbers that fit the second-level cache: 1,024 rows of an MLP of the default width.
BLOCK = 2**19


class Source(NamedTuple):
    """A source of scores.

    Attributes:
      spec: {"score": "learned", "family": ..., "network": ...}, {"score": "exact"},
        {"score": "empirical"} or {"score": "perturbed", "of": a specification, "error": ...}.
      arrays: Network parameters, a truth, or those of a source and of its error.
    """

    spec: Spec
    arrays: Any


def learned(family: Spec, network: Spec, params: Params) -> Source:
    """Returns the source of a trained family's score."""
    return Source({"score": "learned", "family": family, "network": network}, params)


def exact(truth: Truth) -> Source:
    """Returns the source of the exact diffused score of a dataset."""
    return Source({"score": "exact"}, truth)


def empirical(points: Array) -> Source:
    """Returns the source of the exact score of a finite training set.

    Args:
      points: Training points, standardised, `[k, D]`.
    """
    count, dim = points.shape
    law = IsotropicMixture(
        means=jnp.asarray(points, float),
        log_weights=jnp.full(count, -math.log(count)),
        variances=jnp.zeros(count),
    )
    nothing = jnp.zeros(())
    truth = DiffusedTruth(law=law, mean=jnp.zeros(dim), scale=jnp.ones(()), thickness=nothing)
    return Source({"score": "empirical"}, truth)


ERRORS = ("constant", "field")


def perturbed(source: Source, *, dim: int, error: str = "constant", size: float = 1.0) -> Source:
    """Returns a source with a known error, at most `size` in each coordinate at every time.

    Args:
      source: Where the score itself comes from.
      dim: Dimension of the data.
      error: "constant" (size in every coordinate) or "field" (smooth and random, the same
        for ever: size sin(h_d(x)), h a sum of random cosines of unit length scale).
      size: Bound of the error, in standardised units of the score.

    Raises:
      ValueError: If error or size is out of range.
    """
    check_error(error=error, size=size)
    spec = {"score": "perturbed", "of": source.spec, "error": error}
    return Source(spec, (source.arrays, jnp.asarray(size, float), _waves(dim)))


def check_error(*, error: str = "constant", size: float = 1.0) -> None:
    """Checks the parameters of `perturbed`."""
    checks.choice("error", error, ERRORS)
    checks.positive(size=size)


@pytree
class Waves:
    """Cosines whose sum is a smooth random function for each coordinate.

    Attributes:
      frequencies: `[D, K]`.
      phases: `[K, D]`.
    """

    frequencies: Array
    phases: Array


_WAVES = 16


def _waves(dim: int) -> Waves:
    key_frequencies, key_phases = jax.random.split(key_for(0, "perturbed", dim))
    return Waves(
        frequencies=jax.random.normal(key_frequencies, (dim, _WAVES)),
        phases=jax.random.uniform(key_phases, (_WAVES, dim), maxval=2.0 * math.pi),
    )


def _constant(x: Array, size: Array, waves: Waves) -> Array:
    return jnp.full_like(x, size)


def _field(x: Array, size: Array, waves: Waves) -> Array:
    # `[n, K, 1]` + `[K, D]`: the same waves run through every coordinate with phases of its own.
    angle = (x @ waves.frequencies)[..., None] + waves.phases
    return size * jnp.sin(math.pi * math.sqrt(2.0 / _WAVES) * jnp.cos(angle).sum(axis=1))


_ERROR_FUNCTIONS = {"constant": _constant, "field": _field}


def score_function(spec: Spec, arrays: Any, process: Process) -> Score:
    """Returns the score (x `[n, D]`, t `[]`) -> `[n, D]` of a source on a process.

    Args:
      spec: See `Source`.
      arrays: See `Source`.
      process: The noise process that the score belongs to.
    """
    return _KINDS[spec["score"]](spec, arrays, process)


def evaluator(source: Source, process: Process) -> Score:
    """Returns the score of a source for calls outside compiled programs.

    It is compiled once per kind and shape: sources that differ in their arrays only, and
    processes that differ in their constants only, share the program. It is a pytree of
    those arrays, so a compiled program that takes it as an argument is shared likewise.
    """
    program = _program(canonical(source.spec))
    return jax.tree_util.Partial(program, source.arrays, process)


@functools.lru_cache(maxsize=64)
def _program(source: str) -> Callable[..., Array]:
    spec = json.loads(source)

    def program(arrays: Any, process: Process, x: Array, t: Array) -> Array:
        return score_function(spec, arrays, process)(x, t)

    return jax.jit(program)


def _learned(spec: Spec, params: Params, process: Process) -> Score:
    model = model_of(spec["family"], spec["network"])

    def score(x: Array, t: Array) -> Array:
        def rows(x: Array) -> Array:
            return model.score(params, x, t, process)

        return by_rows(rows, x, terms=held_by(spec["network"], x.shape[1]), budget=BLOCK)

    return score


def _diffused(spec: Spec, truth: Truth, process: Process) -> Score:
    def score(x: Array, t: Array) -> Array:
        return truth.score(x, process.alpha(t), process.sigma(t))

    return score


def _perturbed(spec: Spec, arrays: Any, process: Process) -> Score:
    inner, size, waves = arrays
    base, error = score_function(spec["of"], inner, process), _ERROR_FUNCTIONS[spec["error"]]

    def score(x: Array, t: Array) -> Array:
        return base(x, t) + error(x, size, waves)

    return score


_KINDS = {"learned": _learned, "exact": _diffused, "empirical": _diffused, "perturbed": _perturbed}
