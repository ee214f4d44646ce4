"""What the samplers share: the run over a grid of times, the Langevin step, the reverse SDE.

A sampler moves from t to s < t. Most write one `step(key, x, t, s, score, process)`
and `stepwise` makes the run of it, one scan, whose last step returns its mean: noise
added at the very end would only blur the samples.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import Array, PRNGKey, Sampler, Score, Step, Walk
from diffbench.process import Process
from diffbench.samplers.grids import Grid

StepFunction = Callable[[PRNGKey, Array, Array, Array, Score, Process], Step]
Times = Callable[[Process], Array]
Run = Callable[[PRNGKey, Array, Score, Process], tuple[Array, int]]

Go = Callable[[PRNGKey, Array, Array, Array | int, Score, Process], Step]

FEW_STEPS = 20
"""Default of the samplers that are made for few steps."""
# Up to so many they share a program.
SHARED_STEPS = 64


def stepwise(step: StepFunction, times: Times, evaluations: int = 1) -> Run:
    """Returns the run of a step function over a descending grid of times.

    Args:
      step: One move, (key, x, t, s, score, process) -> Step.
      times: process -> times from t_max down to where sampling ends, `[steps + 1]`.
      evaluations: Score evaluations in one step.
    """

    def run(key: PRNGKey, x: Array, score: Score, process: Process) -> tuple[Array, int]:
        t = times(process)
        keys = jax.random.split(key, t.size - 1)

        def body(carry: Step, inputs: tuple[PRNGKey, Array, Array]) -> tuple[Step, None]:
            key, t, s = inputs
            return step(key, carry.x, t, s, score, process), None

        # One step in the program, however many are taken: a loop in Python would write out each.
        last, _ = jax.lax.scan(body, Step(x, x), (keys, t[:-1], t[1:]))
        return last.mean, evaluations * (t.size - 1)

    return run


def noise_of(x: Array, t: Array, score: Score, process: Process) -> Array:
    """Returns eps_hat = -sigma s, the noise in points x `[n, D]` at time t, `[n, D]`."""
    return -process.sigma(t) * score(x, t)


def data_of(x: Array, t: Array, score: Score, process: Process) -> Array:
    """Returns x0_hat = (x + sigma^2 s)/alpha, what points x `[n, D]` at time t were, `[n, D]`."""
    return (x + process.sigma(t) ** 2 * score(x, t)) / process.alpha(t)


def walker(
    go: Go, grid: Grid, steps: int, *, evaluations: int = 1, denoise: bool = False, noise: bool = False
) -> Sampler:
    """Returns the sampler of a walk over a grid, whose number of steps is an argument of its program.

    Args:
      go: (key, x_T, times `[most + 1]`, steps, score, process) -> the last step.
      grid: Where it asks.
      steps: Number of steps.
      evaluations: Score evaluations in one step.
      denoise: Whether one more evaluation leads from the last time to the data, `data_of`.
      noise: Whether it draws noise.

    Raises:
      ValueError: If the grid is a list of another length.
    """
    checks.count("steps", steps)
    checks.flag(denoise=denoise)
    grid.holds(steps, 1)
    # A power of two beyond them, so that a sweep over steps compiles a few programs and not one for each.
    most = max(SHARED_STEPS, 1 << (steps - 1).bit_length())

    def run(key: PRNGKey, x: Array, score: Score, process: Process, steps: Array | int) -> Array:
        t = grid.spread(process, steps, most)
        last = go(key, x, t, steps, score, process)
        # From x and not from its mean: the one evaluation more is made where the noise of t[steps] is whole.
        return data_of(last.x, t[steps], score, process) if denoise else last.mean

    nfe = evaluations * steps + int(denoise)
    return Sampler(
        run=lambda key, x, score, process: (run(key, x, score, process, steps), nfe),
        unfit=lambda process: grid.unfit(process, steps, 1),
        end=grid.end,
        unflown=unflown(noise=noise, denoise=denoise),
        # A list of times is of its own number of steps.
        walk=Walk(run, steps, most, nfe) if grid.listed is None else None,
    )


def stepping(step: StepFunction) -> Go:
    """Returns the walk of a step function."""

    def go(key: PRNGKey, x: Array, t: Array, steps: Array | int, score: Score, process: Process) -> Step:
        keys = jax.random.split(key, t.size - 1)

        def body(i: Array, last: Step) -> Step:
            return step(keys[i], last.x, t[i], t[i + 1], score, process)

        # No scan: its length is part of a program, and here the number of steps is an argument of it.
        return jax.lax.fori_loop(0, steps, body, Step(x, x))

    return go


def unflown(*, noise: bool = False, denoise: bool = False) -> str | None:
    """Returns why samples are no points of the probability flow, or None: see `Sampler.unflown`."""
    if noise:
        return "it draws noise of its own"
    return "its last step leaves the flow for the data (denoise = true)" if denoise else None


def uniform_times(steps: int, t_end: float | None) -> Times:
    """Returns times evenly spaced from t_max to t_end (by default the process's own)."""

    def times(process: Process) -> Array:
        return jnp.linspace(process.t_max, process.t_end if t_end is None else t_end, steps + 1)

    return times


def langevin_step(key: PRNGKey, x: Array, h: Array, slope: Array) -> Step:
    """Returns one step of unadjusted Langevin dynamics, x + h s + sqrt(2h) z.

    The step h is half the square of the noise. The toy form x + (h/2) s + sqrt(h) z
    takes twice the number for the same move.

    Args:
      key: PRNG key.
      x: Points, `[n, D]`.
      h: Step, `[]`.
      slope: The score at x, `[n, D]`.
    """
    mean = x + h * slope
    return Step(mean + jnp.sqrt(2.0 * h) * jax.random.normal(key, x.shape), mean)


def reverse_sde_step(key: PRNGKey, x: Array, t: Array, s: Array, slope: Array, process: Process) -> Step:
    """Returns one Euler-Maruyama step of the reverse-time SDE from t to s.

    dx = (f x - g^2 score) dt + g dW, run backwards.

    Args:
      key: PRNG key.
      x: Points at t, `[n, D]`.
      t: Time, `[]`.
      s: Earlier time, `[]`.
      slope: The score at (x, t), `[n, D]`.
      process: The noise process.

    References:
      Song et al. (2021), equation 6; Anderson (1982).
    """
    g = process.diffusion(t)
    # t - s > 0 goes backwards: the drift changes its sign, the noise keeps its variance g^2 (t - s).
    mean = x - (process.drift(t) * x - g**2 * slope) * (t - s)
    return Step(mean + g * jnp.sqrt(t - s) * jax.random.normal(key, x.shape), mean)


def end_unfit(t_end: float | None, process: Process) -> str | None:
    """Returns why a process cannot be sampled down to t_end, or None."""
    if t_end is not None and t_end < process.t_min:
        return f"t_end = {t_end:g} is below t_min = {process.t_min:g} of process {process.name!r}"
    return None
