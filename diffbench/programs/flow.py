"""The flow map: to which point the probability flow of a score leads from each starting point.

A deterministic sampler approximates Phi: x_T -> x(t_end), the solution of
dx/dt = f x - g^2 score/2. With the exact score Phi is known: float64, to a tolerance of 1e-10, where
samplers compute in float32. So a few hundred fixed points tell a solver's error, one by one and
without sampling noise: what two samples of 10,000 see from 1e-2 on, these see from 1e-6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, Points, PRNGKey
from diffbench.process import Process
from diffbench.programs import cache
from diffbench.sources.base import BoundScore
from diffbench.spec import canonical

VERSION = 1
TOLERANCE = 1e-10
# Attempted steps; nine narrow modes take some 300, a network with kinks some thousand.
MAX_STEPS = 2**14


T = TypeVar("T")


class Map(NamedTuple):
    """Starting points and where the flow leads.

    Attributes:
      start: Points at t_max, the prior's, `[n, D]`, float32: a sampler starts from the very same.
      end: Points at the end, `[n, D]`, float64; NaN where the solve has failed.
      nfe: Evaluations of the score, of all points at once.
    """

    start: np.ndarray
    end: np.ndarray
    nfe: int


def starts(process: Process, key: PRNGKey, n: int, dim: int) -> np.ndarray:
    """Returns points of the prior, `[n, D]`, float32."""
    drawn = process.prior(dim).sample(seed=key, sample_shape=(n,))
    return np.asarray(drawn, np.float32)


def flow_map(source: BoundScore, process: Process, start: np.ndarray, t_end: float) -> Map:
    """Follows the probability flow of a source of scores from t_max down.

    All points are solved as one system, whose error is that of its worst point.

    Args:
      source: Where the score comes from; its arrays are taken as they are and computed with in float64.
      process: The noise process.
      start: Points at t_max, standardised, `[n, D]`.
      t_end: Where the flow is followed to.

    References:
      Song et al. (2021), equation 13; Dormand & Prince (1981), the pair of orders 8 and 7.
    """
    with jax.enable_x64(True):
        arrays, noise, x = (_wide(tree) for tree in (source.arrays, process, jnp.asarray(start)))
        about = (canonical(source.spec), float(t_end))
        end, steps = cache.program("flow", about, lambda: _program(source, float(t_end)))(arrays, noise, x)
        return Map(np.asarray(start), np.asarray(end), _STAGES * int(steps) + 1)


def _wide(tree: T) -> T:
    """Returns a pytree with its float arrays in float64."""

    def one(leaf: Points) -> Points:
        real = jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
        return jnp.asarray(leaf, jnp.float64) if real else leaf

    found: T = jax.tree.map(one, tree)
    return found


_STAGES = 13  # of the pair, whose first is the last of the step before


def _program(source: BoundScore, t_end: float) -> Callable[..., tuple[Array, Array]]:
    # Here: who trains needs no sampler, and no solver.
    import diffrax

    from diffbench.samplers.ode import flow

    bind = source.score

    def program(arrays: object, process: Process, x: Array) -> tuple[Array, Array]:
        score = bind(arrays, process)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, x, args: flow(x, jnp.asarray(t), score, process)),
            diffrax.Dopri8(),
            t0=process.t_max,
            t1=t_end,
            dt0=-1e-4 * (process.t_max - t_end),
            y0=x,
            # Not the root mean square of all points: one near a border would hide in it.
            stepsize_controller=diffrax.PIDController(
                rtol=TOLERANCE, atol=TOLERANCE, norm=lambda error: jnp.abs(error).max()
            ),
            max_steps=MAX_STEPS,
            throw=False,
        )
        solved = solution.result == diffrax.RESULTS.successful
        return jnp.where(solved, solution.ys[-1], jnp.nan), solution.stats["num_steps"]

    return jax.jit(program)
