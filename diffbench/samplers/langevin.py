"""Annealed Langevin dynamics: NCSN's sampler, a short chain at each noise level."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler, Score
from diffbench.process import Process
from diffbench.samplers.base import langevin_step, unflown
from diffbench.samplers.grids import Grid

DEFAULT_LEVELS = 50  # as many as the process `ncsn` has by default


@SAMPLERS.register("annealed_langevin", later=("grid", "rho"))
def annealed_langevin(
    *,
    steps_per_level: int = 20,
    step: float = 0.2,
    growth: float = 2.0,
    levels: int | None = None,
    denoise: bool = True,
    grid: str | Sequence[float] = "time",
    rho: float | None = None,
) -> Sampler:
    """Returns annealed Langevin dynamics over the levels of a process with alpha = 1.

    At level i, `steps_per_level` times x + h_i s + sqrt(2 h_i) z with
      h_i = step sigma_L^2 (sigma_i / sigma_L)^growth,
    which is step sigma_i^2 for growth 2. Song & Ermon write x + (h/2) s + sqrt(h) z:
    their h is twice this one.

    Args:
      steps_per_level: Langevin steps at each level.
      step: Step at the last level, in units of sigma_L^2.
      growth: Power of sigma_i / sigma_L; the paper's is 2, some tutorials print 1.
      levels: Number of levels on a continuous process, at least 2; by default 50.
      denoise: Whether to end with x + sigma_L^2 s, one more evaluation.
      grid: How the levels of a continuous process lie, see `grids`, or their times.
      rho: Power of the grid "karras", by default 7. On NCSN's own levels `levels` and `grid`
        are refused.

    References:
      Song & Ermon (2019), Algorithm 1; Jolicoeur-Martineau et al. (2021), for the
      final denoising.
    """
    checks.count("steps_per_level", steps_per_level)
    checks.positive(step=step, growth=growth)
    checks.flag(denoise=denoise)
    if levels is not None:
        checks.count("levels", levels, least=2)
    lie = Grid(grid, rho=rho)
    lie.holds(levels, 0)

    def run(key: PRNGKey, x: Array, score: Score, process: Process) -> tuple[Array, int]:
        ascending = process.grid
        if ascending is None and grid == "time":
            ascending = jnp.linspace(process.t_end, process.t_max, levels or DEFAULT_LEVELS)
        elif ascending is None:
            ascending = lie.times(process, lie.listed or levels or DEFAULT_LEVELS)[::-1]
        t_last = ascending[0]
        times = jnp.repeat(ascending[::-1], steps_per_level)
        keys = jax.random.split(key, times.size)

        def body(x: Array, inputs: tuple[PRNGKey, Array]) -> tuple[Array, None]:
            key, t = inputs
            sigma, sigma_last = process.sigma(t), process.sigma(t_last)
            # For growth 2 that is step sigma^2: one step at all levels, in units of each one's noise.
            h = step * sigma_last**2 * (sigma / sigma_last) ** growth
            return langevin_step(key, x, h, score(x, t)).x, None

        x, _ = jax.lax.scan(body, x, (keys, times))
        if denoise:  # E[x_0 | x] where alpha is 1; left out, samples are blurred by sigma_L
            x = x + process.sigma(t_last) ** 2 * score(x, t_last)
        return x, times.size + int(denoise)

    def unfit(process: Process) -> str | None:
        if levels is not None and process.grid is not None:
            return f"levels = {levels} is for a continuous process; {process.name} has levels of its own"
        if grid != "time" and process.grid is not None:
            return f"grid = {grid!r} is for a continuous process; {process.name} has levels of its own"
        alpha = float(process.alpha(jnp.asarray(process.t_max)))
        if abs(alpha - 1.0) > 1e-6:
            return f"it needs alpha = 1 at every level (ve, ncsn); {process.name} ends at {alpha:.3g}"
        return None if process.grid is not None else lie.unfit(process, levels, 0)

    def end(process: Process) -> float:
        return lie.end(process) if process.grid is None else float(process.grid[0])

    return Sampler(run=run, unfit=unfit, end=end, unflown=unflown(noise=True))
