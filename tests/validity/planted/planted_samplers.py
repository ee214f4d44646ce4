"""Samplers with one thing wrong: defects 4, 5, 6, 7 and 10.

Where the package's step serves, it is called wrongly; the ancestral step is written again, since it is the
step itself that is wrong, and a test holds its sound form to the package's.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler, Score, Step
from diffbench.process import Process
from diffbench.samplers.base import reverse_sde_step, stepwise, uniform_times

STEPS = 1000
# On a thin circle the error of 1000 even steps and the noise left at the end cancel there: by the recursion
# of the variance across the circle, its root is within 1% of the thickness. Noise on the last step adds half.
THIN_END = 5.5e-4


def ho_chain(*, first: int = 0, last: int = 0, spread: Callable[[Array], Array] = jnp.sqrt) -> Sampler:
    """Returns Ho's Algorithm 2 over the whole table, with the posterior's variance.

    Args:
      first: Steps left out at the noisy end.
      last: Steps left out at the data's end.
      spread: Variance of a step -> what its noise is multiplied by.

    References:
      Ho et al. (2020), equations 6, 7 and Algorithm 2.
    """

    def times(process: Process) -> Array:
        descending = jnp.append(process.grid[::-1], 0.0)
        return descending[first : descending.size - last]

    def step(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        alpha_t, sigma_t = process.alpha(t), process.sigma(t)
        alpha_s = jnp.where(s > 0.0, process.alpha(s), 1.0)
        sigma_s = jnp.where(s > 0.0, process.sigma(s), 0.0)
        beta = 1.0 - (alpha_t / alpha_s) ** 2
        mean = (x + beta * score(x, t)) * alpha_s / alpha_t
        return Step(mean + spread((sigma_s / sigma_t) ** 2 * beta) * jax.random.normal(key, x.shape), mean)

    return Sampler(run=stepwise(step, times))


def euler_maruyama() -> Sampler:
    """Returns the package's, down to where it fits the thin circle."""
    return SAMPLERS.build("euler_maruyama", steps=STEPS, t_end=THIN_END)


def noise_on_the_last_step(*, steps: int = STEPS, t_end: float = THIN_END) -> Sampler:
    """Returns Euler-Maruyama whose last step keeps its noise."""

    def step(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        moved = reverse_sde_step(key, x, t, s, score(x, t), process)
        # A run returns the mean of its last step.
        return Step(moved.x, moved.x)

    return Sampler(run=stepwise(step, uniform_times(steps, t_end)))


def wrong_sign(*, steps: int = STEPS, t_end: float | None = None) -> Sampler:
    """Returns Euler-Maruyama on dx = (f x + g^2 score) dt + g dW, which runs away from the data."""

    def step(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        return reverse_sde_step(key, x, t, s, -score(x, t), process)

    return Sampler(run=stepwise(step, uniform_times(steps, t_end)))


# Langevin steps a level after which a sound chain passes for truth at n = 10,000: at the default of
# 20 it is at the edge.
SETTLED = 50


def linear_langevin(steps_per_level: int = SETTLED) -> Sampler:
    """Returns annealed Langevin dynamics with steps that grow as sigma_i/sigma_L, not its square."""
    return SAMPLERS.build("annealed_langevin", growth=1.0, steps_per_level=steps_per_level)
