"""The probability-flow ODE, by an adaptive solver, by Heun's method or by Euler's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import diffrax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler, Score, Step
from diffbench.process import Process
from diffbench.samplers.base import stepwise
from diffbench.samplers.grids import Grid

FIXED_STEPS = 100
# Evaluations in a step of the solvers that take the steps they are told.
FIXED = {"heun": 2, "euler": 1}
# Stages whose slope is new in each attempted step: both pairs reuse the last one.
SOLVERS = {"tsit5": (diffrax.Tsit5, 6), "dopri5": (diffrax.Dopri5, 6)}
_FIXED, _ADAPTIVE = (" or ".join(map(repr, names)) for names in (FIXED, SOLVERS))
TOLERANCE, MAX_STEPS = 1e-5, 4096


def flow(x: Array, t: Array, score: Score, process: Process) -> Array:
    """Returns dx/dt = f x - g^2 score / 2 of the probability flow, `[n, D]`.

    References:
      Song et al. (2021), equation 13.
    """
    return process.drift(t) * x - 0.5 * process.diffusion(t) ** 2 * score(x, t)


@SAMPLERS.register("probability_flow", later=("grid", "rho"))
def probability_flow(
    *,
    solver: str = "tsit5",
    rtol: float = TOLERANCE,
    atol: float = TOLERANCE,
    steps: int | None = None,
    max_steps: int = MAX_STEPS,
    t_end: float | None = None,
    grid: str | Sequence[float] = "time",
    rho: float | None = None,
) -> Sampler:
    """Returns a solver of the probability-flow ODE; it draws no noise of its own.

    The adaptive solvers solve the whole batch as one system: all samples share each
    step, so a sample depends on the batch it is drawn in.

    Args:
      solver: "tsit5" or "dopri5" (adaptive), or "heun" or "euler" (fixed steps).
      rtol: Relative tolerance of the adaptive solvers.
      atol: Absolute tolerance of the adaptive solvers, standardised units.
      steps: Number of Heun steps, two evaluations each, or of Euler steps, one each; by default
        100. Refused with the adaptive solvers, which choose their own.
      max_steps: Attempted adaptive steps after which the solve has failed.
      t_end: Where to stop; by default the process's own.
      grid: How the times of fixed steps lie, see `grids`, or the times themselves, one more
        than steps; refused with the adaptive solvers.
      rho: Power of the grid "karras", by default 7.

    References:
      Song et al. (2021), section 4.3 (tolerance 1e-5); Tsitouras (2011); Dormand &
      Prince (1980); Karras et al. (2022), for Heun.
    """
    checks.choice("solver", solver, (*SOLVERS, *FIXED))
    checks.positive(rtol=rtol, atol=atol)
    if steps is not None:
        checks.count("steps", steps)
        if solver in SOLVERS:
            raise ValueError(f"steps is for solver {_FIXED}; {solver!r} chooses its own; got steps = {steps}")
    checks.count("max_steps", max_steps)
    lie = Grid(grid, rho=rho, t_end=t_end)
    if solver in SOLVERS and grid != "time":
        raise ValueError(f"grid is for solver {_FIXED}; {solver!r} chooses its times; got grid = {grid!r}")
    for name, value, default in (
        ("rtol", rtol, TOLERANCE),
        ("atol", atol, TOLERANCE),
        ("max_steps", max_steps, MAX_STEPS),
    ):
        if solver in FIXED and value != default:
            raise ValueError(
                f"{name} is for solver {_ADAPTIVE}; {solver!r} takes its steps as told; got {value}"
            )
    lie.holds(steps, 1)
    count = steps or (FIXED_STEPS if lie.listed is None else lie.listed - 1)

    def euler(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        x = x + (s - t) * flow(x, t, score, process)
        return Step(x, x)

    def heun(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        slope = flow(x, t, score, process)
        # On the last step too, for t_end has noise left: Karras's Euler step is for an end at 0.
        other = flow(x + (s - t) * slope, s, score, process)
        x = x + (s - t) * 0.5 * (slope + other)
        return Step(x, x)

    def adaptive(key: PRNGKey, x: Array, score: Score, process: Process) -> tuple[Array, Array]:
        method, stages = SOLVERS[solver]
        end = lie.end(process)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, x, args: flow(x, jnp.asarray(t), score, process)),
            method(),
            t0=process.t_max,
            t1=end,
            # A first guess small enough for the steep end of VE; rejected steps are counted.
            dt0=-1e-3 * (process.t_max - end),
            y0=x,
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
            max_steps=max_steps,
            # A solve that did not end is NaN, which its row tells; what a program raises is no result.
            throw=False,
        )
        solved = solution.result == diffrax.RESULTS.successful
        # One for the first slope of all: every later step begins with the last slope of the one before.
        nfe = stages * solution.stats["num_steps"] + 1
        return jnp.where(solved, solution.ys[-1], jnp.nan), nfe

    run: Any = adaptive
    if solver in FIXED:
        move = {"heun": heun, "euler": euler}[solver]
        run = stepwise(move, lambda process: lie.times(process, count + 1), FIXED[solver])
    return Sampler(run=run, unfit=lambda process: lie.unfit(process, count, 1), end=lie.end, unflown=None)
