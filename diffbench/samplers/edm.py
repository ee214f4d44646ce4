"""The sampler of EDM: Heun's method over the noise-to-signal ratio, with churn or without."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler, Score, Step
from diffbench.process import Process, time_of_log_snr
from diffbench.samplers.base import FEW_STEPS, noise_of, stepping, walker
from diffbench.samplers.grids import Grid

MOST = math.sqrt(2.0) - 1.0  # Karras et al. (2022), Algorithm 2: a step at most doubles the variance


@SAMPLERS.register("edm")
def edm(
    *,
    steps: int = FEW_STEPS,
    churn: float = 0.0,
    s_min: float = 0.0,
    s_max: float | None = None,
    s_noise: float = 1.0,
    grid: str | Sequence[float] = "karras",
    rho: float | None = None,
    t_end: float | None = None,
    denoise: bool = False,
) -> Sampler:
    """Returns Heun's method on dy/dr = eps, y = x/alpha, r = sigma/alpha, after Karras et al.

    Before a step, noise lifts r to r (1 + gamma), gamma = min(churn/steps, sqrt(2) - 1) where r is in
    [s_min, s_max]; both slopes and their mean start from there. The noise never leads beyond t_max,
    where no score is known.

    Args:
      steps: Number of steps, two evaluations each.
      churn: Noise put in over all steps; 0 follows the probability flow.
      s_min: Least r at which noise is put in.
      s_max: Largest r at which noise is put in; by default any.
      s_noise: Standard deviation of that noise.
      grid: How its times lie, see `grids`, or the times themselves, one more than steps.
      rho: Power of the grid "karras", by default 7.
      t_end: Last time of a continuous process; by default the process's own.
      denoise: Whether one more evaluation leads to the data: the paper's last step, to r = 0.

    References:
      Karras et al. (2022), Algorithm 2.
    """
    checks.not_negative(churn=churn, s_min=s_min)
    checks.positive(s_noise=s_noise)
    if s_max is not None:
        checks.positive(s_max=s_max)
        if s_max <= s_min:
            raise ValueError(f"s_min must be below s_max; got s_min = {s_min} and s_max = {s_max}")
    if churn == 0.0:
        for name, value, default in (
            ("s_min", s_min, 0.0),
            ("s_max", s_max, None),
            ("s_noise", s_noise, 1.0),
        ):
            if value != default:
                raise ValueError(f"{name} is for churn above 0; got {name} = {value:g} with churn = 0")
    lie = Grid(grid, rho=rho, t_end=t_end, chained=True)
    largest = math.inf if s_max is None else s_max

    def ratio(process: Process, t: Array) -> Array:
        return jnp.exp(-0.5 * process.log_snr(t))

    def lifted(key: PRNGKey, y: Array, t: Array, gamma: Array, process: Process) -> tuple[Array, Array]:
        """Returns points and time after the noise of a step."""
        r = ratio(process, t)
        # A time is lifted and not r, for a process has alpha and sigma at times; beyond t_max there is none.
        wanted = time_of_log_snr(process, -2.0 * jnp.log(r * (1.0 + gamma)))
        t_hat = jnp.where((r >= s_min) & (r <= largest), jnp.maximum(wanted, t), t)
        # Of the time that was reached, not of the one wanted: points have the noise that the score is told.
        more = jnp.maximum(ratio(process, t_hat) ** 2 - r**2, 0.0)
        return y + s_noise * jnp.sqrt(more) * jax.random.normal(key, y.shape), t_hat

    def step(
        gamma: Array, key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process
    ) -> Step:
        # In y = x/alpha the flow of every process is dy/dr = eps: over r Heun is the paper's, whatever t is.
        y = x / process.alpha(t)
        if churn > 0.0:
            y, t = lifted(key, y, t, gamma, process)
        dr, alpha_s = ratio(process, s) - ratio(process, t), process.alpha(s)
        # t is the lifted time by now: Algorithm 2 takes its first slope there.
        slope = noise_of(process.alpha(t) * y, t, score, process)
        other = noise_of(alpha_s * (y + dr * slope), s, score, process)
        x = alpha_s * (y + dr * 0.5 * (slope + other))
        return Step(x, x)

    def go(key: PRNGKey, x: Array, t: Array, steps: Array | int, score: Score, process: Process) -> Step:
        gamma = jnp.minimum(churn / steps, MOST)
        return stepping(functools.partial(step, gamma))(key, x, t, steps, score, process)

    return walker(go, lie, steps, evaluations=2, denoise=denoise, noise=churn > 0.0)
