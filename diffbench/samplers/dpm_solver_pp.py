"""DPM-Solver++: an exponential multistep method in lambda = log(alpha/sigma), on x0_hat."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, Sampler
from diffbench.process import Process
from diffbench.samplers.base import FEW_STEPS, data_of, walker
from diffbench.samplers.grids import Grid
from diffbench.samplers.multistep import Scheme, exponential, half_log_snr, multistep, two_of


@SAMPLERS.register("dpm_solver_pp")
def dpm_solver_pp(
    *,
    steps: int = FEW_STEPS,
    order: int = 2,
    sde: bool = False,
    grid: str | Sequence[float] = "log_snr",
    rho: float | None = None,
    t_end: float | None = None,
    denoise: bool = False,
) -> Sampler:
    """Returns DPM-Solver++ (multistep), of the probability flow or of the reverse SDE.

    With h = lambda_s - lambda_t and r = h_previous/h, order 2 is
      x_s = sigma_s/sigma_t x - alpha_s expm1(-h) D,  D = (1 + 1/(2r)) x0_hat - 1/(2r) x0_previous.
    Order 1 is DDIM, and so is the first step of all. Order 3 integrates the parabola through three
    estimates exactly.
    The SDE has exp(-h) sigma_s/sigma_t x, expm1(-2h) for expm1(-h), and sigma_s sqrt(-expm1(-2h)) z.

    Args:
      steps: Number of steps, one evaluation each.
      order: 1, 2 or 3.
      sde: Whether the reverse SDE is solved, of order 1 or 2; order 1 is then ancestral sampling.
      grid: How its times lie, see `grids`, or the times themselves, one more than steps.
      rho: Power of the grid "karras", by default 7.
      t_end: Last time of a continuous process; by default the process's own.
      denoise: Whether one more evaluation leads to the data.

    References:
      Lu et al. (2022), DPM-Solver++, Algorithm 2, equation 9 for the integral, and section 5 for the
      SDE. Hochbruck & Ostermann (2010), section 2.5, for order 3.
    """
    checks.count("order", order, most=3)
    checks.flag(sde=sde)
    if sde and order == 3:
        raise ValueError("order must be 1 or 2 with sde = true; got 3")
    lie = Grid(grid, rho=rho, t_end=t_end, chained=True)

    def scheme(t: Array, process: Process) -> Scheme:
        half, log_sigma, alpha = half_log_snr(process, t), process.log_sigma(t), process.alpha(t[1:])
        h = jnp.diff(half)
        # The SDE forgets exp(-h) more of its point than the flow, and puts noise in the place of it.
        keep = jnp.exp(jnp.diff(log_sigma) - (h if sde else 0.0))
        # expm1: h is small where steps are many, and 1 - exp(-h) would lose the digits of the step.
        gain = -alpha * jnp.expm1(-2.0 * h if sde else -h)
        spread = jnp.exp(log_sigma[1:]) * jnp.sqrt(-jnp.expm1(-2.0 * h)) if sde else None
        if order == 1:
            past = gain[:, None]
        elif order == 2:  # as printed: the integral of the line through both differs from it by h^3
            past = two_of(gain, half)
        else:
            past = alpha[:, None] * exponential(order, half)
        return Scheme(keep, past, spread)

    return walker(multistep(scheme, data_of), lie, steps, denoise=denoise, noise=sde)
