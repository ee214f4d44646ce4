"""The way from noise to data: the points that the probability flow of a score passes, frame by frame.

With lambda = log_snr/2 and x0_hat = (x + sigma^2 s)/alpha, the flow from t to s < t is

  x_s = sigma_s/sigma_t x_t + alpha_s * integral of exp(lambda - lambda_s) x0_hat d lambda,

exact but for x0_hat, which changes slowly. Steps are even in lambda, and each integrates the parabola
through the latest three estimates exactly: order 3, one evaluation a step. The first two steps, which have no
such past, are of order 1 and 2: they lie where everything is noise. All in float32: `flow` has the end to
1e-10, and takes seconds to compile where this takes tenths.

With the exact score the end differs from that of `flow.flow_map` by a median of 6e-6 (3e-6 to 9e-6) and a
root mean square of 4e-5 (1e-5 to 8e-5; points between two modes decide it), over 256 points of
nine_gaussians, swiss_roll and checkerboard under VP and NCSN's levels. Trained ones are rougher: eight times
the steps move the distances of the suite `quick`, some 0.05, by 3e-4 at most.

References:
  Song et al. (2021), equation 13; Lu et al. (2022), DPM-Solver++, equation 9; Hochbruck & Ostermann (2010),
    section 2.5, for the exponential Adams method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, Score, Truth
from diffbench.process import Process, time_of_log_snr
from diffbench.programs import cache

ORDER = 3
STEPS = 184
"""Least steps of the whole way: 8 between two of 24 frames."""


class Way(NamedTuple):
    """Where a flow is followed, from t_max to the process's own end.

    Attributes:
      log_snr: Of the frames, rising, `[K]` float64.
      t: Times of all steps, falling, `[S + 1]`.
      alpha: Scale of the signal there.
      sigma: Standard deviation of the noise there.
      past: Weights of the latest estimates, the newest first, `[S, ORDER]`.
    """

    log_snr: np.ndarray
    t: np.ndarray
    alpha: np.ndarray
    sigma: np.ndarray
    past: np.ndarray


def way_of(process: Process, frames: int) -> Way:
    """Returns the steps to frames that are even in log_snr, the first at t_max and the last at t_end.

    Args:
      process: The noise process.
      frames: Number of frames, K, at least 2.
    """
    # As many between any two, and no fewer in all where frames are few.
    between = max(1, -(-STEPS // (frames - 1)))
    share = np.linspace(0.0, 1.0, between * (frames - 1) + 1)
    # The share is an argument: one program for each kind of process.
    found = _places(process, share.astype(np.float32))
    log_snr, t, alpha, sigma = (np.asarray(part) for part in found)
    half = 0.5 * log_snr.astype(np.float64)
    return Way(2.0 * half[::between], t, alpha, sigma, _weights(half).astype(np.float32))


@jax.jit
def _places(process: Process, share: Array) -> tuple[Array, Array, Array, Array]:
    ends = jnp.asarray([process.t_max, process.t_end], share.dtype)
    first, last = process.log_snr(ends)
    t = time_of_log_snr(process, first + (last - first) * share)
    # The inverse finds both ends to its tolerance alone.
    t = t.at[0].set(ends[0]).at[-1].set(ends[1])
    return process.log_snr(t), t, process.alpha(t), process.sigma(t)


def _weights(half: np.ndarray) -> np.ndarray:
    """Returns the integrals of exp(lambda - lambda_s) Lagrange's polynomials over each step, `[S, ORDER]`.

    Args:
      half: lambda at the steps, even, rising, `[S + 1]`.
    """
    h = np.diff(half)
    # Integrals of exp(u - h) u^k over [0, h], u from the step's beginning: what is left is even in u/h.
    zeroth = -np.expm1(-h)
    first = 1.0 - zeroth / h
    second = 1.0 - 2.0 * first / h
    none = np.zeros_like(h)
    found = np.stack(
        [zeroth + 1.5 * first + 0.5 * second, -2.0 * first - second, 0.5 * (first + second)], axis=1
    )
    found[:1] = np.stack([zeroth, none, none], axis=1)[:1]
    found[1:2] = np.stack([zeroth + first, -first, none], axis=1)[1:2]
    return found


def follow(score: Score, way: Way, start: np.ndarray) -> np.ndarray:
    """Returns the frames of a score's flow, each divided by sqrt(alpha^2 + sigma^2), `[K, n, D]` float32.

    Data of unit variance keep it on the way, so noise and data are seen in one view. Scores that
    `scores.evaluator` gives share one program for each kind and shape.

    Args:
      score: (x `[n, D]`, t `[]`) -> `[n, D]`.
      way: Where it is followed.
      start: Points at t_max, standardised, `[n, D]`.
    """
    # A bare function is a pytree without arrays.
    known = score if isinstance(score, jax.tree_util.Partial) else jax.tree_util.Partial(score)
    return _followed(jax.tree_util.Partial(_told, known), way, start)


def follow_exact(truth: Truth, way: Way, start: np.ndarray) -> np.ndarray:
    """Returns the frames of the exact score's flow: see `follow`.

    Args:
      truth: Knows the exact score; one program serves all processes.
      way: Where it is followed.
      start: Points at t_max, standardised, `[n, D]`.
    """
    return _followed(jax.tree_util.Partial(_exact, truth), way, start)


def _told(score: Score, x: Array, t: Array, alpha: Array, sigma: Array) -> Array:
    return score(x, t)


def _exact(truth: Truth, x: Array, t: Array, alpha: Array, sigma: Array) -> Array:
    return truth.score(x, alpha, sigma)


def _followed(score: Callable[..., Array], way: Way, start: np.ndarray) -> np.ndarray:
    program: Callable[..., Array] = cache.program("trajectory", (), lambda: jax.jit(_program))
    x = jnp.asarray(start, float)
    return np.asarray(program(score, way, x), np.float32)


def _program(score: Callable[..., Array], way: Way, x: Array) -> Array:
    t, alpha, sigma = way.t, way.alpha, way.sigma
    steps = (t[:-1], alpha[:-1], sigma[:-1], sigma[1:] / sigma[:-1], alpha[1:, None] * way.past)

    def step(carry: tuple[Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, Array], None]:
        x, past = carry
        t, alpha, sigma, keep, weights = now
        newest = (x + sigma**2 * score(x, t, alpha, sigma)) / alpha
        past = jnp.concatenate([newest[None], past[:-1]])
        return (keep * x + jnp.tensordot(weights, past, 1), past), None

    # Two loops, so that frames alone are kept: of images, all steps would be gigabytes.
    def frame(carry: tuple[Array, Array], some: tuple[Array, ...]) -> tuple[tuple[Array, Array], Array]:
        carry, _ = jax.lax.scan(step, carry, some)
        return carry, carry[0]

    gaps = way.log_snr.shape[0] - 1
    blocks = jax.tree.map(lambda part: part.reshape(gaps, -1, *part.shape[1:]), steps)
    _, found = jax.lax.scan(frame, (x, jnp.zeros((ORDER, *x.shape), x.dtype)), blocks)
    size = jnp.sqrt(alpha**2 + sigma**2)[:: steps[0].shape[0] // gaps]
    return jnp.concatenate([x[None], found]) / size[:, None, None]
