"""DEIS: exponential Adams-Bashforth on eps_hat, a polynomial in t."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, Sampler
from diffbench.process import Process, time_of_log_snr
from diffbench.samplers.base import FEW_STEPS, noise_of, walker
from diffbench.samplers.grids import Grid
from diffbench.samplers.multistep import NODES, WEIGHTS, Scheme, half_log_snr, interpolated, like, multistep


@SAMPLERS.register("deis")
def deis(
    *,
    steps: int = FEW_STEPS,
    order: int = 3,
    grid: str | Sequence[float] = "quadratic",
    rho: float | None = None,
    t_end: float | None = None,
    denoise: bool = False,
) -> Sampler:
    """Returns DEIS (tAB), which integrates the polynomial in t through the latest eps_hat.

    With r = sigma/alpha, x/alpha moves by the integral of eps dr along the flow, so
      x_s = alpha_s/alpha_t x + alpha_s sum_j C_j eps_hat_j,  C_j = integral from t to s of L_j(tau) dr(tau),
    L_j being Lagrange's polynomials at the latest `order` times. Order 1 is DDIM. The authors count
    from 0: order 3 is their tAB2.

    Args:
      steps: Number of steps, one evaluation each.
      order: 1, 2 or 3.
      grid: How its times lie, see `grids`, or the times themselves, one more than steps.
      rho: Power of the grid "karras", by default 7.
      t_end: Last time of a continuous process; by default the process's own.
      denoise: Whether one more evaluation leads to the data.

    References:
      Zhang & Chen (2022), Fast sampling of diffusion models with exponential integrator, equations
      14 and 15; their grid is "quadratic".
    """
    checks.count("order", order, most=3)
    lie = Grid(grid, rho=rho, t_end=t_end, chained=True)

    def scheme(t: Array, process: Process) -> Scheme:
        log_alpha, log_r = process.log_alpha(t), -half_log_snr(process, t)
        alpha, h = jnp.exp(log_alpha[1:]), jnp.diff(log_r)[:, None]
        if order == 1:  # one estimate stands before the integral: that of dr is a difference
            past = jnp.diff(jnp.exp(log_r))[:, None]
        else:
            # Over log r the measure dr is smooth on every process; over t it has a pole or a root.
            nodes, weights = like(h, NODES, WEIGHTS)
            places = log_r[:-1, None] + h * nodes
            tau = time_of_log_snr(process, -2.0 * places)
            past = interpolated(order, t, tau, h * weights * jnp.exp(places))
        return Scheme(jnp.exp(jnp.diff(log_alpha)), alpha[:, None] * past)

    return walker(multistep(scheme, noise_of), lie, steps, denoise=denoise)
