"""Linear multistep schemes: a step that uses the estimates of earlier steps, one evaluation each.

A few-step solver integrates what the score says along the flow, and nothing else: with an estimate D
(of x_0 or of eps) at t_i, t_{i-1}, ... a step is linear,

  x_{i+1} = keep_i x_i + sum_j past_ij D_{i-j} + spread_i z,

and the coefficients depend on the times alone. So a solver is its table of coefficients; the first
steps, which have no past yet, are of lower order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, PRNGKey, Score, Step
from diffbench.process import Process
from diffbench.samplers.base import Go

# Nodes of Gauss and Legendre on [0, 1], and their weights: a smooth integrand to all its digits with 24,
# that of a table, which is smooth between its knots alone, to 1e-7 with 64.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
NODES, WEIGHTS = 0.5 * (1.0 + _NODES), 0.5 * _WEIGHTS

Estimate = Callable[[Array, Array, Score, Process], Array]


class Scheme(NamedTuple):
    """Coefficients of N steps.

    Attributes:
      keep: Of the point, `[N]`.
      past: Of the estimates at t_i, t_{i-1}, ..., `[N, order]`.
      spread: Of the noise, `[N]`, or None where none is drawn.
    """

    keep: Array
    past: Array
    spread: Array | None = None


def multistep(scheme: Callable[[Array, Process], Scheme], estimate: Estimate) -> Go:
    """Returns the walk of a scheme.

    Args:
      scheme: (times `[N + 1]`, process) -> its coefficients; those of steps that lead nowhere are not used.
      estimate: (x, t, score, process) -> D, one evaluation.
    """

    def go(key: PRNGKey, x: Array, t: Array, steps: Array | int, score: Score, process: Process) -> Step:
        # Before the loop, for all steps at once: coefficients depend on times alone.
        made = scheme(t, process)
        keys = jax.random.split(key, t.size - 1)

        def body(i: Array, carry: tuple[Step, Array]) -> tuple[Step, Array]:
            last, past = carry
            past = pushed(past, estimate(last.x, t[i], score, process))
            mean = made.keep[i] * last.x + jnp.tensordot(made.past[i], past, 1)
            if made.spread is None:
                return Step(mean, mean), past
            return Step(mean + made.spread[i] * jax.random.normal(keys[i], x.shape), mean), past

        # Zeros stand for the past that is not there yet; the coefficients of the first steps are 0 there.
        start = Step(x, x), jnp.zeros((made.past.shape[1], *x.shape), x.dtype)
        return jax.lax.fori_loop(0, steps, body, start)[0]

    return go


def pushed(past: Array, newest: Array) -> Array:
    """Returns the estimates with the newest first and without the oldest, `[order, n, D]`."""
    return jnp.concatenate([newest[None], past[:-1]])


def interpolated(order: int, nodes: Array, points: Array, measure: Array, *, ahead: bool = False) -> Array:
    """Returns weights that integrate the polynomial through the latest estimates exactly, `[N, order]`.

    Weight j of row i is the integral, over that step, of Lagrange's polynomial that is 1 at node
    i - j; the first rows have fewer nodes.

    Args:
      order: Past estimates used, 1 more than the degree.
      nodes: Where the estimates are, `[N + 1]`.
      points: Where the integrand is taken in each step, `[N, Q]`.
      measure: Its weight there, `[N, Q]`.
      ahead: Whether that at the step's end, node i + 1, is known too: it comes first, `[N, order + 1]`.

    References:
      Hochbruck & Ostermann (2010), section 2.5, exponential Adams methods.
    """
    steps = points.shape[0]

    def rows(which: np.ndarray, number: int) -> Array:
        at = jnp.stack([nodes[which - j] for j in range(-int(ahead), number)], axis=-1)
        found = [(measure[which] * _lagrange(at, j, points[which])).sum(axis=-1) for j in range(at.shape[-1])]
        return jnp.pad(jnp.stack(found, axis=-1), ((0, 0), (0, order - number)))

    # A row each while the past grows; from then on all rows have the same number of nodes.
    ramp = [rows(np.array([i]), i + 1) for i in range(min(order - 1, steps))]
    rest = [rows(np.arange(order - 1, steps), order)] if steps >= order else []
    return jnp.concatenate([*ramp, *rest])


def _lagrange(at: Array, j: int, points: Array) -> Array:
    """Returns the polynomial that is 1 at node j and 0 at the others, at points `[N, Q]`."""
    value = jnp.ones_like(points)
    for k in range(at.shape[-1]):
        if k != j:
            value = value * (points - at[:, k, None]) / (at[:, j] - at[:, k])[:, None]
    return value


def like(x: Array, *constants: np.ndarray) -> list[np.ndarray]:
    """Returns constants in the precision of an array, each an array of its own.

    JAX converts a NumPy array once for all that name it, whatever their precision: one that a program in
    float32 holds would enter the next one, in float64, with the digits of float32.
    """
    return [np.array(constant, x.dtype) for constant in constants]


def half_log_snr(process: Process, t: Array) -> Array:
    """Returns lambda = log(alpha/sigma), shaped as t."""
    return 0.5 * process.log_snr(t)


def exponential(order: int, half: Array, *, ahead: bool = False) -> Array:
    """Returns weights of x0_hat, interpolated in lambda, relative to alpha at the step's end, `[N, order]`.

    They integrate exp(lambda - lambda_end) x0_hat(lambda) over each step.

    Args:
      order: Estimates used.
      half: lambda at the times, `[N + 1]`.
      ahead: See `interpolated`.
    """
    h = jnp.diff(half)[:, None]
    nodes, weights, left = like(h, NODES, WEIGHTS, 1.0 - NODES)
    measure = h * weights * jnp.exp(-h * left)
    return interpolated(order, half, half[:-1, None] + h * nodes, measure, ahead=ahead)


def two_of(gain: Array, half: Array) -> Array:
    """Returns weights (1 + 1/(2r)) and -1/(2r) of the latest two estimates, times the gain, `[N, 2]`.

    r is the previous step over this one in lambda; the first step has the newest estimate alone.

    References:
      Lu et al. (2022, DPM-Solver++), Algorithm 2.
    """
    h = jnp.diff(half)
    # 1/(2r) of the first step is 0, for it has no past: its order is 1.
    part = jnp.concatenate([jnp.zeros(1, h.dtype), 0.5 * h[1:] / h[:-1]])
    return gain[:, None] * jnp.stack([1.0 + part, -part], axis=-1)
