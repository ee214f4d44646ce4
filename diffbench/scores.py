"""Where a score comes from: learned by a family, or exact from the dataset's truth.

A source is a specification (what it is, static) and arrays (what it holds, arguments
of compiled programs). `score_function` joins the two into a `Score`; a sampler cannot
know which it got.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from diffbench.contracts import Array, Score, Truth
from diffbench.models import Params, model_of
from diffbench.pairwise import by_rows
from diffbench.process import Process
from diffbench.spec import Spec, canonical

# Rows whose activations fit the second-level cache at the default width.
ROWS = 1024


class Source(NamedTuple):
    """A source of scores.

    Attributes:
      spec: {"score": "learned", "family": ..., "network": ...} or {"score": "exact"}.
      arrays: Network parameters, or the truth.
    """

    spec: Spec
    arrays: Any


def learned(family: Spec, network: Spec, params: Params) -> Source:
    """Returns the source of a trained family's score."""
    return Source({"score": "learned", "family": family, "network": network}, params)


def exact(truth: Truth) -> Source:
    """Returns the source of the exact diffused score of a dataset."""
    return Source({"score": "exact"}, truth)


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

        return by_rows(rows, x, terms=1, budget=ROWS)

    return score


def _exact(spec: Spec, truth: Truth, process: Process) -> Score:
    def score(x: Array, t: Array) -> Array:
        return truth.score(x, process.alpha(t), process.sigma(t))

    return score


_KINDS = {"learned": _learned, "exact": _exact}
