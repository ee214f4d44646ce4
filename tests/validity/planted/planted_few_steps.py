"""Few-step samplers with one thing wrong, and the identities that tell them from their sound twins.

Each identity is an equation of a paper in float64 on a walk of three steps (`few_steps`), a count made by the host,
or a rule for grids. Orders cannot stand for them: the wrong history is of order 2 too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import few_steps
import jax
import jax.numpy as jnp
import numpy as np
import papers
from opened import run_openly

from diffbench.contracts import SAMPLERS, Sampler, Step
from diffbench.process import PROCESSES
from diffbench.samplers.base import data_of, noise_of, stepping, walker
from diffbench.samplers.grids import Grid
from diffbench.samplers.multistep import Scheme, half_log_snr, multistep

STEPS, TABLE = 3, {"steps": 100}


def adams_bashforth() -> Sampler:
    """Returns Adams-Bashforth of order 2 on d(x/sigma)/dlambda, under the name of DPM-Solver++(2M)."""

    def scheme(t: Any, process: Any) -> Scheme:
        half, sigma = half_log_snr(process, t), process.sigma(t)
        h, weight = jnp.diff(half), jnp.exp(half)  # d(x/sigma) = e^lambda x0_hat dlambda
        earlier = jnp.concatenate([jnp.zeros(1), 0.5 * h[1:] / h[:-1]])
        before = jnp.concatenate([weight[:1], weight[:-2]])
        gain = sigma[1:] * h
        past = jnp.stack([gain * weight[:-1] * (1.0 + earlier), -gain * before * earlier], axis=-1)
        # Its first step is a solver's of order 1, so that only the history is wrong.
        first = -process.alpha(t[1]) * jnp.expm1(-h[0])
        past = past.at[0].set(jnp.stack([first, jnp.zeros(())]))
        return Scheme(sigma[1:] / sigma[:-1], past)

    return walker(multistep(scheme, data_of), Grid("log_snr", chained=True), STEPS)


def noise_of_one_step() -> Sampler:
    """Returns DDIM with eta = 1 whose noise is that of neighbours in the table, whatever the stride."""

    def step(key: Any, x: Any, t: Any, s: Any, score: Any, process: Any) -> Step:
        sigma_s, near = process.sigma(s), jnp.minimum(s + 1.0 / TABLE["steps"], t)
        tau = -jnp.expm1(process.log_snr(near) - process.log_snr(s))
        eps = noise_of(x, t, score, process)
        mean = process.alpha(s) * data_of(x, t, score, process) + sigma_s * jnp.sqrt(1.0 - tau) * eps
        return Step(mean + sigma_s * jnp.sqrt(tau) * jax.random.normal(key, x.shape), mean)

    return walker(stepping(step), Grid("time", chained=True), STEPS, noise=True)


def evaluated_twice() -> Sampler:
    """Returns UniPC that says one evaluation a step and asks again at the corrected point."""
    sound = SAMPLERS.build("unipc", steps=STEPS)

    def run(key: Any, x: Any, score: Any, process: Any) -> Any:
        return sound.run(key, x, lambda x, t: 0.5 * (score(x, t) + score(x, t)), process)

    return Sampler(run=run)


def repeated_knot() -> np.ndarray:
    """Returns times that are only rounded to their knots."""
    process = PROCESSES.build("ddpm_linear", **TABLE)
    wanted = np.asarray(Grid("log_snr").times(process, 60))
    knots = np.asarray(process.grid)
    return knots[np.abs(knots - wanted[:, None]).argmin(axis=1)]


def heun_from_the_wrong_point() -> Sampler:
    """Returns Heun's method whose mean of slopes is added to the predicted point."""

    def step(key: Any, x: Any, t: Any, s: Any, score: Any, process: Any) -> Step:
        r_t, r_s = (jnp.exp(-0.5 * process.log_snr(u)) for u in (t, s))
        y = x / process.alpha(t)
        slope = noise_of(x, t, score, process)
        there = y + (r_s - r_t) * slope
        other = noise_of(process.alpha(s) * there, s, score, process)
        x = process.alpha(s) * (there + (r_s - r_t) * 0.5 * (slope + other))
        return Step(x, x)

    return walker(stepping(step), Grid("karras", chained=True), STEPS, evaluations=2)


def off_the_paper(walk: Callable[..., Any], grid: str, process: str, sampler: Sampler) -> float:
    """Returns the largest distance from a paper's walk, float64."""
    params = TABLE if process == "ddpm_linear" else {}
    facts = papers.facts_of(process, params)
    with jax.enable_x64(True):
        noise = PROCESSES.build(process, **params)
        x = np.random.RandomState(7).standard_normal((6, 2))
        opened = run_openly(sampler, noise, papers.steep(facts), x)
        times = np.asarray(Grid(grid, chained=True).times(noise, STEPS + 1), np.float64)
    drawn = iter(opened.noises)
    expected = walk(facts, x, times, papers.steep(facts), lambda: next(drawn))
    return float(np.abs(opened.samples - expected).max())


def miscounted(sampler: Sampler) -> float:
    """Returns by how many the evaluations that a sampler declares differ from those made."""
    process = PROCESSES.build("vp")
    opened = run_openly(sampler, process, papers.steep(papers.facts_of("vp", {})), np.zeros((2, 2)))
    return abs(opened.nfe - len(opened.asked))


def repeated(times: np.ndarray) -> float:
    """Returns how many times are there twice."""
    return float(times.size - np.unique(times).size)


class Planted(NamedTuple):
    """A defect: what is wrong, its sound twin, itself, and the identity that tells them apart.

    Attributes:
      text: What is wrong.
      sound: Returns the sound subject.
      broken: Returns the broken one.
      error: Subject -> 0 where the identity holds.
      bound: What rounding may leave.
    """

    text: str
    sound: Callable[[], Any]
    broken: Callable[[], Any]
    error: Callable[[Any], float]
    bound: float


def _edm_walk(facts: Any, x: Any, times: Any, score: Any, noise: Any) -> Any:
    return few_steps.edm(0.0, 0.0, np.inf, 1.0, 1.0)(facts, x, times, score, noise)


DEFECTS = {
    "history": Planted(
        "Adams-Bashforth of order 2 under the name of DPM-Solver++(2M)",
        lambda: SAMPLERS.build("dpm_solver_pp", steps=STEPS),
        adams_bashforth,
        functools.partial(off_the_paper, few_steps.dpm_solver_pp_2m, "log_snr", "vp"),
        1e-6,
    ),
    "stride": Planted(
        "the noise of one step of the table, whatever the stride",
        lambda: SAMPLERS.build("ddim", steps=STEPS, eta=1.0),
        noise_of_one_step,
        functools.partial(off_the_paper, few_steps.ddim(1.0), "time", "ddpm_linear"),
        1e-6,
    ),
    "corrector": Planted(
        "a corrector that evaluates again and says it does not",
        lambda: SAMPLERS.build("unipc", steps=STEPS),
        evaluated_twice,
        miscounted,
        0.0,
    ),
    "knot": Planted(
        "a grid that takes one knot of a table twice",
        lambda: np.asarray(Grid("log_snr", chained=True).times(PROCESSES.build("ddpm_linear", **TABLE), 60)),
        repeated_knot,
        repeated,
        0.0,
    ),
    "heun": Planted(
        "Heun's mean of slopes from the predicted point, not from the first",
        lambda: SAMPLERS.build("edm", steps=STEPS),
        heun_from_the_wrong_point,
        functools.partial(off_the_paper, _edm_walk, "karras", "vp"),
        1e-6,
    ),
}
