"""Scores as compiled programs see them: that of a model, and any of them called from outside.

Where a score comes from is a part (`sources/`); here are a function and its arrays.
"""

from __future__ import annotations

from collections.abc import Callable

import jax

from diffbench.contracts import Array, Score
from diffbench.pairwise import by_rows
from diffbench.process import Process
from diffbench.programs import cache
from diffbench.programs.model import Params, held_by, model_of
from diffbench.sources.base import BoundScore
from diffbench.spec import Spec, canonical

# Numbers that fit the second-level cache: 1,024 rows of an MLP of the default width.
BLOCK = 2**19


def of_model(family: Spec, network: Spec, params: Params) -> BoundScore:
    """Returns the score of a family on a network, in blocks of rows.

    Args:
      family: Name and parameters of a registered family.
      network: Name and parameters of a registered network.
      params: Parameters of the network.
    """
    model = model_of(family, network)

    def bind(params: Params, process: Process) -> Score:
        def score(x: Array, t: Array) -> Array:
            def rows(x: Array) -> Array:
                return model.score(params, x, t, process)

            return by_rows(rows, x, terms=held_by(network, x.shape[1]), budget=BLOCK)

        return score

    return BoundScore({"family": family, "network": network}, params, bind)


def evaluator(bound: BoundScore, process: Process) -> Score:
    """Returns a bound score on a process, for calls outside compiled programs.

    It is compiled once per kind and shape: scores that differ in their arrays only, and
    processes that differ in their constants only, share the program. It is a pytree of
    those arrays, so a compiled program that takes it as an argument is shared likewise.
    """

    def build() -> Callable[..., Array]:
        def program(arrays: object, process: Process, x: Array, t: Array) -> Array:
            return bound.score(arrays, process)(x, t)

        return jax.jit(program)

    compiled = cache.program("score", (canonical(bound.spec),), build)
    return jax.tree_util.Partial(compiled, bound.arrays, process)
