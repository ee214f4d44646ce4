"""UniPC: a predictor and a corrector of one order that share their evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler, Score, Step
from diffbench.process import Process
from diffbench.samplers.base import FEW_STEPS, data_of, walker
from diffbench.samplers.grids import Grid
from diffbench.samplers.multistep import exponential, half_log_snr, pushed, two_of


class _Table(NamedTuple):
    """Coefficients of N steps: the predictor's, and the corrector's, who knows one estimate more.

    Attributes:
      keep: Of the point, `[N]`.
      predict: Of the estimates at t_i, t_{i-1}, ..., `[N, order]`.
      correct: Of those at t_{i+1}, t_i, t_{i-1}, ..., `[N, order + 1]`.
    """

    keep: Array
    predict: Array
    correct: Array


@SAMPLERS.register("unipc")
def unipc(
    *,
    steps: int = FEW_STEPS,
    order: int = 2,
    grid: str | Sequence[float] = "log_snr",
    rho: float | None = None,
    t_end: float | None = None,
    denoise: bool = False,
) -> Sampler:
    """Returns UniPC (multistep, on x0_hat, B(h) = expm1(h)).

    A step predicts x_s from the latest `order` estimates, takes the one estimate there, and with it
    corrects x_s; the estimate is kept for the steps to come and not made again at the corrected point.
    So a step is one evaluation, and the last prediction, which none follows, is not corrected. The
    first steps are of lower order.

    Args:
      steps: Number of steps, one evaluation each.
      order: 2 or 3.
      grid: How its times lie, see `grids`, or the times themselves, one more than steps.
      rho: Power of the grid "karras", by default 7.
      t_end: Last time of a continuous process; by default the process's own.
      denoise: Whether one more evaluation leads to the data.

    References:
      Zhao et al. (2023), UniPC, Algorithms 1 and 2; section 3.4 for order 1 of both, where the weight
      is 1/2 for any B, and so for the predictor of order 2.
    """
    checks.count("order", order, least=2, most=3)
    lie = Grid(grid, rho=rho, t_end=t_end, chained=True)

    def table(t: Array, process: Process) -> _Table:
        half, alpha = half_log_snr(process, t), process.alpha(t[1:])
        # B(h) of the paper, whose digits 1 - exp(-h) would lose where steps are many.
        gain = -alpha * jnp.expm1(-jnp.diff(half))
        predict = alpha[:, None] * exponential(order, half)
        # With one difference the weight is 1/2, as it is exactly where h is small.
        lower = jnp.pad(two_of(gain, half), ((0, 0), (0, order - 2)))
        predict = lower if order == 2 else predict.at[:2].set(lower[:2])
        correct = alpha[:, None] * exponential(order, half, ahead=True)
        first = jnp.zeros(order + 1, alpha.dtype).at[:2].set(0.5 * gain[0])
        return _Table(jnp.exp(jnp.diff(process.log_sigma(t))), predict, correct.at[0].set(first))

    def go(key: PRNGKey, x: Array, t: Array, steps: Array | int, score: Score, process: Process) -> Step:
        made = table(t, process)

        def body(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            before, predicted, past = carry
            # The one evaluation of a step, at the predicted point: corrector and next predictor share it.
            past = pushed(past, data_of(predicted, t[i], score, process))
            # Into the first time no step leads: its point is not corrected.
            last = jnp.maximum(i - 1, 0)
            corrected = made.keep[last] * before + jnp.tensordot(made.correct[last], past, 1)
            x = jnp.where(i > 0, corrected, predicted)
            return x, made.keep[i] * x + jnp.tensordot(made.predict[i], past[:-1], 1), past

        start = (x, x, jnp.zeros((order + 1, *x.shape), x.dtype))
        _, x, _ = jax.lax.fori_loop(0, steps, body, start)
        return Step(x, x)

    return walker(go, lie, steps, denoise=denoise)
