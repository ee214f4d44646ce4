"""The probability-flow ODE, by an adaptive solver or by Heun's method."""

from __future__ import annotations

import diffrax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import SAMPLERS, Array, PRNGKey, Sampler, Score, Step
from diffbench.process import Process
from diffbench.samplers.base import end_of, end_unfit, stepwise, uniform_times

HEUN_STEPS = 100
# Stages whose slope is new in each attempted step: both pairs reuse the last one.
SOLVERS = {"tsit5": (diffrax.Tsit5, 6), "dopri5": (diffrax.Dopri5, 6)}


def flow(x: Array, t: Array, score: Score, process: Process) -> Array:
    """Returns dx/dt = f x - g^2 score / 2 of the probability flow, `[n, D]`.

    References:
      Song et al. (2021), equation 13.
    """
    return process.drift(t) * x - 0.5 * process.diffusion(t) ** 2 * score(x, t)


@SAMPLERS.register("probability_flow")
def probability_flow(
    *,
    solver: str = "tsit5",
    rtol: float = 1e-5,
    atol: float = 1e-5,
    steps: int | None = None,
    max_steps: int = 4096,
    t_end: float | None = None,
) -> Sampler:
    """Returns a solver of the probability-flow ODE; it draws no noise of its own.

    The adaptive solvers solve the whole batch as one system: all samples share each
    step, so a sample depends on the batch it is drawn in.

    Args:
      solver: "tsit5" or "dopri5" (adaptive), or "heun" (fixed steps, even in t).
      rtol: Relative tolerance of the adaptive solvers.
      atol: Absolute tolerance of the adaptive solvers, standardised units.
      steps: Number of Heun steps, two evaluations each; by default 100. Refused with the
        adaptive solvers, which choose their own.
      max_steps: Attempted adaptive steps after which the solve has failed.
      t_end: Where to stop; by default the process's own.

    References:
      Song et al. (2021), section 4.3 (tolerance 1e-5); Tsitouras (2011); Dormand &
      Prince (1980); Karras et al. (2022), for Heun.
    """
    checks.choice("solver", solver, (*SOLVERS, "heun"))
    checks.positive(rtol=rtol, atol=atol)
    if steps is not None:
        checks.count("steps", steps)
        if solver in SOLVERS:
            raise ValueError(f"steps is for solver 'heun'; {solver!r} chooses its own; got steps = {steps}")
    checks.count("max_steps", max_steps)
    checks.end_time(t_end)

    def heun(key: PRNGKey, x: Array, t: Array, s: Array, score: Score, process: Process) -> Step:
        slope = flow(x, t, score, process)
        other = flow(x + (s - t) * slope, s, score, process)
        x = x + (s - t) * 0.5 * (slope + other)
        return Step(x, x)

    def adaptive(key: PRNGKey, x: Array, score: Score, process: Process) -> tuple[Array, Array]:
        method, stages = SOLVERS[solver]
        end = process.t_end if t_end is None else t_end
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
            throw=False,
        )
        solved = solution.result == diffrax.RESULTS.successful
        nfe = stages * solution.stats["num_steps"] + 1
        return jnp.where(solved, solution.ys[-1], jnp.nan), nfe

    run = (
        adaptive
        if solver in SOLVERS
        else stepwise(heun, uniform_times(steps or HEUN_STEPS, t_end), evaluations=2)
    )
    return Sampler(
        run=run,
        unfit=lambda process: end_unfit(t_end, process),
        end=lambda process: end_of(t_end, process),
    )
