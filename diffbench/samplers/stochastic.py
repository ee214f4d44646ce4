"""Samplers of the reverse-time SDE: Euler-Maruyama, and predictor-corrector."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler, Score, Step
from diffbench.process import Process
from diffbench.samplers.base import langevin_step, reverse_sde_step, stepwise, unflown
from diffbench.samplers.grids import Grid


@SAMPLERS.register("euler_maruyama", later=("grid", "rho"))
def euler_maruyama(
    *,
    steps: int = 1000,
    t_end: float | None = None,
    grid: str | Sequence[float] = "time",
    rho: float | None = None,
) -> Sampler:
    """Returns Euler-Maruyama on the reverse-time SDE.

    Args:
      steps: Number of steps.
      t_end: Where to stop; by default the process's own.
      grid: How its times lie, see `grids`, or the times themselves, one more than steps.
      rho: Power of the grid "karras", by default 7.

    References:
      Song et al. (2021), equation 6.
    """
    checks.count("steps", steps)
    lie = Grid(grid, rho=rho, t_end=t_end)
    lie.holds(steps, 1)

    def step(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        return reverse_sde_step(key, x, t, s, score(x, t), process)

    return Sampler(
        run=stepwise(step, lambda process: lie.times(process, steps + 1)),
        unfit=lambda process: lie.unfit(process, steps, 1),
        end=lie.end,
        unflown=unflown(noise=True),
    )


@SAMPLERS.register("predictor_corrector", later=("grid", "rho"))
def predictor_corrector(
    *,
    steps: int = 500,
    corrections: int = 1,
    snr: float = 0.16,
    t_end: float | None = None,
    grid: str | Sequence[float] = "time",
    rho: float | None = None,
) -> Sampler:
    """Returns Song's predictor-corrector: Langevin steps, then one reverse-SDE step.

    The Langevin step is h = 2 a (snr mean|z| / mean|s|)^2, the means taken over the
    batch, so a sample depends on the batch it is drawn in. a = (alpha_t/alpha_s)^2 of
    the step itself, which serves sub-VP too.

    Args:
      steps: Number of predictor steps.
      corrections: Langevin steps before each predictor step.
      snr: Signal-to-noise ratio of the Langevin step.
      t_end: Where to stop; by default the process's own.
      grid: How its times lie, see `grids`, or the times themselves, one more than steps.
      rho: Power of the grid "karras", by default 7.

    References:
      Song et al. (2021), Algorithms 2 to 5, with snr = 0.16 from appendix G.
    """
    checks.count("steps", steps)
    checks.count("corrections", corrections)
    checks.positive(snr=snr)
    lie = Grid(grid, rho=rho, t_end=t_end)
    lie.holds(steps, 1)

    def correct(key: PRNGKey, x: Array, a: Array, slope: Array) -> Array:
        # Redrawing z from the same key gives the very noise that the step will add.
        z = jax.random.normal(key, x.shape)
        # Means over the batch, as in the reference code: by norms of single points h would be one for each.
        ratio = _mean_norm(z) / _mean_norm(slope)
        return langevin_step(key, x, 2.0 * a * (snr * ratio) ** 2, slope).x

    def step(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        key_predict, key_correct = jax.random.split(key)
        # The reference code takes 1 - beta of its own discrete chain, which sub-VP does not have.
        a = jnp.exp(2.0 * (process.log_alpha(t) - process.log_alpha(s)))
        for key_one in jax.random.split(key_correct, corrections):
            x = correct(key_one, x, a, score(x, t))
        # The predictor asks anew, at the corrected points: corrections + 1 evaluations a step.
        return reverse_sde_step(key_predict, x, t, s, score(x, t), process)

    return Sampler(
        run=stepwise(step, lambda process: lie.times(process, steps + 1), evaluations=corrections + 1),
        unfit=lambda process: lie.unfit(process, steps, 1),
        end=lie.end,
        unflown=unflown(noise=True),
    )


def _mean_norm(x: Array) -> Array:
    return jnp.linalg.norm(x, axis=1).mean()
