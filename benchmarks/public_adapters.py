"""Runs samplers and writes down what they ask: diffusers' schedulers as its pipelines do, and ours.

Nothing is added to a scheduler: noise to begin with is `init_noise_sigma` times the starting points, input
is `scale_model_input`, and what it is told is the exact eps at the noise level of the timestep that it
names (the table of betas in float64, joined by the same cubic as ours between two steps).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from public_walks import DATA, Level, Walk
from scipy import interpolate

STEPS = 1000
MOST = 100  # steps of ours that share a program
BETAS = np.linspace(1e-4, 0.02, STEPS)
SCHEDULE = {"num_train_timesteps": STEPS, "beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}

Eps = Callable[[np.ndarray, float, float], np.ndarray]


class Table:
    """DDPM's linear table in float64, B(t) = -log alphas_bar, joined by a monotone cubic."""

    def __init__(self) -> None:
        """Joins the knots."""
        b = np.concatenate([[0.0], -np.cumsum(np.log1p(-BETAS))])
        self._b = interpolate.PchipInterpolator(np.arange(STEPS + 1) / STEPS, b)

    def at(self, t: float) -> Level:
        """The level of time t, of which step i of the table has (i + 1)/1000."""
        b = float(self._b(t))
        return Level(math.exp(-0.5 * b), math.sqrt(-math.expm1(-b)), t)

    def step(self, i: float) -> Level:
        """The level of a timestep as diffusers counts them, from 0; it may lie between two."""
        return self.at((i + 1.0) / STEPS)

    def rates(self, t: float, s: float) -> tuple[np.ndarray, np.ndarray]:
        """Nodes between t and s < t, and weights times dr/dt there: eight between any two knots."""
        knots = np.unique(np.concatenate([[s, t], np.arange(STEPS + 1) / STEPS]))
        ends = knots[(knots >= s) & (knots <= t)]
        nodes, weights = np.polynomial.legendre.leggauss(8)
        wide = np.diff(ends)[:, None]
        tau = (ends[:-1, None] + wide * 0.5 * (1.0 + nodes)).ravel()
        b = self._b(tau)
        rate = 0.5 * self._b.derivative()(tau) * np.exp(b) / np.sqrt(np.expm1(b))
        return tau, -(wide * 0.5 * weights).ravel() * rate


def of_ratio(r: float) -> Level:
    """The level of a noise-to-signal ratio."""
    return Level(1.0 / math.sqrt(1.0 + r * r), r / math.sqrt(1.0 + r * r))


class Theirs(NamedTuple):
    """A scheduler, as it is built and used.

    Attributes:
      name: Of its class.
      options: Of its constructor; the schedule is added where it takes one.
      space: What its points are: "vp", "r" (x/alpha over r) or "edm" (the same, with EDM's preconditioning).
      to_data: Whether it ends at the data; at the first knot otherwise.
      told: By what the level of an ask is known: its "timestep", or the "sigma" with which it computes.
      step: Arguments of its `step`.
      noisy: Whether it draws noise.
    """

    name: str
    options: dict[str, Any]
    space: str = "vp"
    to_data: bool = True
    told: str = "timestep"
    step: dict[str, Any] = {}  # noqa: RUF012 - never written
    noisy: bool = False


def built(theirs: Theirs, steps: int, change: Callable[[Any], None] | None = None) -> Any:
    """Returns the scheduler, with its timesteps set."""
    import diffusers

    schedule = {} if theirs.space == "edm" else SCHEDULE
    scheduler = getattr(diffusers, theirs.name)(**schedule, **theirs.options)
    scheduler.set_timesteps(steps)
    if change is not None:
        change(scheduler)
    return scheduler


def theirs_from(theirs: Theirs, steps: int, eps: Eps, start: np.ndarray, table: Table, **more: Any) -> Walk:
    """Walks a scheduler of diffusers from points of the prior.

    Args:
      theirs: The scheduler.
      steps: Its `num_inference_steps`.
      eps: (x, alpha, sigma) -> eps, in float32.
      start: Points at t = 1, `[n, D]`.
      table: Levels.
      more: See `built`.
    """
    import torch

    scheduler = built(theirs, steps, **more)
    x = torch.tensor(start, dtype=torch.float32) * scheduler.init_noise_sigma
    walk = Walk()
    for k, t in enumerate(scheduler.timesteps):
        told = scheduler.scale_model_input(x, t)
        level = _level(theirs, scheduler, k, float(t), table)
        found = eps(told.numpy(), level.alpha, level.sigma)
        walk.levels.append(level)
        walk.x.append(told.numpy().astype(np.float64))
        walk.eps.append(found.astype(np.float64))
        given = torch.tensor(found)
        if theirs.space == "edm":
            # EDM's networks give F, and c_skip y + c_out F is the denoised point; here c_out is sigma.
            given = torch.tensor((level.sigma * walk.x[-1] - walk.eps[-1]) / level.alpha, dtype=torch.float32)
        options = dict(theirs.step)
        if theirs.noisy:
            options["generator"] = torch.Generator().manual_seed(k)
            again = torch.Generator().manual_seed(k)
            walk.noises.append(torch.randn(x.shape, generator=again).numpy().astype(np.float64))
        x = scheduler.step(given, t, x, **options).prev_sample
    end = DATA if theirs.to_data else table.step(0)
    walk.levels.append(end)
    walk.x.append(x.numpy().astype(np.float64) * (1.0 if theirs.space == "vp" else end.alpha))
    return walk


def _level(theirs: Theirs, scheduler: Any, k: int, t: float, table: Table) -> Level:
    if theirs.space == "edm":
        return of_ratio(math.exp(4.0 * t))
    return of_ratio(float(scheduler.sigmas[k])) if theirs.told == "sigma" else table.step(t)


class Ours:
    """Our samplers, compiled once for any number of steps, writing down what they ask."""

    def __init__(self, truth: Any, process: Any, table: Table) -> None:
        """Takes the truth whose score they see.

        Args:
          truth: Of a dataset.
          process: The noise process.
          table: Levels.
        """
        self._truth, self._process, self._table = truth, process, table
        self._programs: dict[str, Any] = {}

    def walk(self, name: str, options: dict[str, Any], start: np.ndarray) -> tuple[Walk, int]:
        """Returns a walk, and the evaluations that the sampler says it made."""
        import jax
        import jax.numpy as jnp

        from diffbench.contracts import SAMPLERS

        sampler, steps = SAMPLERS.build(name, **options), options["steps"]
        if sampler.walk is not None and steps <= MOST:
            # One program for any number of steps up to that.
            sampler = SAMPLERS.build(name, **{**options, "steps": MOST})
        shared = {key: value for key, value in options.items() if key != "steps"}
        kind = f"{name} {sorted(shared.items())} {steps if sampler.walk is None else sampler.walk.most}"
        asked: list[tuple[np.ndarray, ...]] = []
        noises: list[np.ndarray] = []
        self._asked, self._noises = asked, noises
        if kind not in self._programs:
            self._programs[kind] = jax.jit(lambda x, steps: self._run(sampler, x, steps))
        told = None if sampler.walk is None else jnp.asarray(steps)
        end = np.asarray(self._programs[kind](jnp.asarray(start, jnp.float32), told), np.float64)
        jax.effects_barrier()
        itself = SAMPLERS.build(name, **options).walk
        nfe = steps if itself is None else itself.nfe
        walk = Walk(noises=noises)
        for x_k, t, score in asked:
            level = self._table.at(round(float(t) * STEPS) / STEPS)
            walk.levels.append(level)
            walk.x.append(x_k)
            walk.eps.append(-level.sigma * score)
        to_data = options.get("denoise", False) or name == "ancestral"
        if noises:
            # A run returns the mean of its last step.
            noises[-1] = np.zeros_like(noises[-1])
        walk.levels.append(DATA if to_data else self._table.step(0))
        walk.x.append(end)
        return walk, nfe

    def _run(self, sampler: Any, x: Any, steps: Any) -> Any:
        import jax
        from jax.experimental import io_callback

        from diffbench.sources import exact

        score = exact.score_of(self._truth).score(self._truth, self._process)

        def spied(x: Any, t: Any) -> Any:
            found = score(x, t)
            io_callback(self._ask, None, x, t, found, ordered=True)
            return found

        with _recorded(lambda z: self._noises.append(np.asarray(z, np.float64))):
            if sampler.walk is None:
                return sampler.run(jax.random.key(0), x, spied, self._process)[0]
            return sampler.walk.run(jax.random.key(0), x, spied, self._process, steps)

    def _ask(self, x: Any, t: Any, found: Any) -> None:
        self._asked.append((np.asarray(x, np.float64), np.asarray(t), np.asarray(found, np.float64)))


@contextmanager
def _recorded(keep: Callable[[Any], None]) -> Iterator[None]:
    """Writes down all noise that is drawn in programs that are traced meanwhile."""
    import jax
    from jax.experimental import io_callback

    normal = jax.random.normal

    def spied(*args: Any, **kwargs: Any) -> Any:
        z = normal(*args, **kwargs)
        io_callback(keep, None, z, ordered=True)
        return z

    jax.random.normal = spied
    try:
        yield
    finally:
        jax.random.normal = normal
