"""The process of rectified flow and flow matching: a straight line from the data to the noise."""

from __future__ import annotations

import math

import jax.numpy as jnp

from diffbench import checks
from diffbench.process.base import PROCESSES, Array, Constants, Process


def _straight_log_alpha(t: Array, c: Constants) -> Array:
    return jnp.log1p(-t)


def _straight_log_sigma(t: Array, c: Constants) -> Array:
    return jnp.log(t)


@PROCESSES.register("rectified_flow")
def rectified_flow(*, margin: float = 1e-3) -> Process:
    """Returns the process of rectified flow: alpha = 1 - t and sigma = t, a straight line to the noise.

    At t = 1 no data is left and the score says nothing of it, at t = 0 it has no noise: times run
    from `margin` to 1 - `margin`.

    Args:
      margin: Share of the line that is left out at either end, in (0, 0.1].

    References:
      Liu et al. (2022), Flow straight and fast; Lipman et al. (2022), Flow matching, example II.
    """
    checks.positive(margin=margin)
    if margin > 0.1:
        raise ValueError(f"margin must be at most 0.1; got {margin}")
    constants = {"prior_sd": jnp.asarray(math.hypot(margin, 1.0 - margin), float)}
    return Process(
        "rectified_flow", _straight_log_alpha, _straight_log_sigma, constants,
        t_min=margin, t_max=1.0 - margin, t_end=margin,
    )  # fmt: skip
