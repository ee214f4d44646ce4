"""Ancestral sampling: the reverse Markov chain of DDPM, for any linear noise process."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler, Score, Step
from diffbench.process import Process
from diffbench.samplers.base import stepwise, unflown
from diffbench.samplers.grids import Grid

# Ho et al. (2020), section 4. Half of them leave modes too narrow to pass for truth.
DEFAULT_STEPS = 1000


@SAMPLERS.register("ancestral", later=("grid", "rho"))
def ancestral(
    *,
    steps: int | None = None,
    variance: str = "small",
    t_end: float | None = None,
    grid: str | Sequence[float] = "time",
    rho: float | None = None,
) -> Sampler:
    """Returns ancestral sampling, x_s ~ q(x_s | x_t, x_0 = x0_hat).

    With tau = 1 - (alpha_t sigma_s / (alpha_s sigma_t))^2,
      x_s = alpha_s x0_hat + sigma_s sqrt(1 - tau) eps_hat + spread z,
    where spread is sigma_s sqrt(tau) ("small") or sigma_t sqrt(tau) ("large"). It
    serves VP (Ho, Algorithm 2) and VE (Song, appendix F) alike.

    The times are taken evenly from the table of a chain (DDPM), or evenly in t from
    t_max to t_end; one more step, without noise, leads from there to the data and
    returns x0_hat.

    Args:
      steps: Number of steps; by default 1000, or all of a chain that has fewer, or as many as
        `grid` has times.
      variance: "small" (the posterior's) or "large" (DDPM's beta).
      t_end: Last time of a continuous process; by default the process's own.
      grid: How its times lie, see `grids`, or the times themselves.
      rho: Power of the grid "karras", by default 7.

    References:
      Ho et al. (2020), equations 6, 7 and Algorithm 2. Song et al. (2021), appendix F.
    """
    if steps is not None:
        checks.count("steps", steps)
    checks.choice("variance", variance, ("small", "large"))
    lie = Grid(grid, rho=rho, t_end=t_end, chained=True)
    lie.holds(steps, 0)

    def times(process: Process) -> Array:
        taken = lie.listed or steps or DEFAULT_STEPS
        if process.grid is not None and process.chain:
            taken = min(process.grid.shape[0], taken)
        return jnp.append(lie.times(process, taken), 0.0)

    def step(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        alpha_t, sigma_t = process.alpha(t), process.sigma(t)
        # VE has sigma(0) = sigma_min; the chain ends at the data, where sigma is 0.
        at_data = s < process.t_min
        alpha_s = jnp.where(at_data, 1.0, process.alpha(s))
        sigma_s = jnp.where(at_data, 0.0, process.sigma(s))
        eps_hat = -sigma_t * score(x, t)
        x0_hat = (x - sigma_t * eps_hat) / alpha_t
        # sqrt(1 - tau), by ratios and not by expm1 of log SNR, which is infinite at the data.
        keep = alpha_t * sigma_s / (alpha_s * sigma_t)
        spread = jnp.sqrt(1.0 - keep**2) * (sigma_s if variance == "small" else sigma_t)
        mean = alpha_s * x0_hat + sigma_s * keep * eps_hat
        return Step(mean + spread * jax.random.normal(key, x.shape), mean)

    return Sampler(
        run=stepwise(step, times),
        unfit=lambda process: lie.unfit(process, steps, 0),
        end=lie.end,
        unflown=unflown(noise=True),
    )
