"""DDIM: the step that goes straight to x_0 and back, with any share of the chain's noise."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler, Score, Step
from diffbench.process import Process
from diffbench.samplers.base import FEW_STEPS, noise_of, stepping, walker
from diffbench.samplers.grids import Grid


@SAMPLERS.register("ddim")
def ddim(
    *,
    steps: int = FEW_STEPS,
    eta: float = 0.0,
    grid: str | Sequence[float] = "time",
    rho: float | None = None,
    t_end: float | None = None,
    denoise: bool = False,
) -> Sampler:
    """Returns DDIM, which follows the probability flow (eta 0) or is ancestral sampling (eta 1).

    With tau = 1 - (alpha_t sigma_s / (alpha_s sigma_t))^2 for the stride that is taken,
      x_s = alpha_s x0_hat + sigma_s sqrt(1 - eta^2 tau) eps_hat + eta sigma_s sqrt(tau) z.

    Args:
      steps: Number of steps, one evaluation each.
      eta: Share of the chain's noise, in [0, 1].
      grid: How its times lie, see `grids`, or the times themselves, one more than steps.
      rho: Power of the grid "karras", by default 7.
      t_end: Last time of a continuous process; by default the process's own.
      denoise: Whether one more evaluation leads to the data, as in the paper, whose last level has no noise.

    References:
      Song et al. (2020), Denoising diffusion implicit models, equations 12 and 16.
    """
    checks.share(eta=eta)
    lie = Grid(grid, rho=rho, t_end=t_end, chained=True)

    def step(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        sigma_s = process.sigma(s)
        eps_hat = noise_of(x, t, score, process)
        x0_hat = (x - process.sigma(t) * eps_hat) / process.alpha(t)
        # expm1 keeps tau accurate where a stride is short.
        tau = -jnp.expm1(process.log_snr(t) - process.log_snr(s))
        # What noise adds is taken from eps_hat: for every eta x_s has variance sigma_s^2 about its signal.
        mean = process.alpha(s) * x0_hat + sigma_s * jnp.sqrt(1.0 - eta**2 * tau) * eps_hat
        if eta == 0.0:  # no noise is drawn, rather than drawn and multiplied by 0
            return Step(mean, mean)
        return Step(mean + eta * sigma_s * jnp.sqrt(tau) * jax.random.normal(key, x.shape), mean)

    return walker(stepping(step), lie, steps, denoise=denoise, noise=eta > 0.0)
