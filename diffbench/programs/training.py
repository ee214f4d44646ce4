"""The one optimiser loop: every family is fitted by this, with these settings.

No Python runs per step: `lax.scan` runs a chunk of steps in one compiled program, and
progress is told between chunks. The key of a step is folded from its number, so the
size of a chunk changes no bit. Minibatches are drawn from an array that is an argument
of the program: a large pool stands for unlimited data, a small one is a finite training
set, and one program per family and shape serves every dataset and seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from diffbench import checks
from diffbench.contracts import Array, PRNGKey
from diffbench.process import Process
from diffbench.programs import cache
from diffbench.programs.model import Params, initialise, model_of
from diffbench.registry import in_one_form
from diffbench.spec import Json, Spec, canonical

VERSION = 1
KIND = "training"
"""What its programs are called in the cache."""


@dataclasses.dataclass(frozen=True)
class Training:
    """The settings of a fit; every number may be set in a suite file.

    Attributes:
      steps: Optimiser steps.
      batch: Points in a minibatch.
      learning_rate: Peak learning rate.
      warm_up: Steps of linear warm-up; where it is more than a tenth of `steps`, a
        tenth of them.
      decay: "cosine" to 0 or "constant".
      weight_decay: AdamW's.
      clip: Largest global norm of a gradient.
      ema: Largest decay of the average of weights; step k uses
        min(ema, (1 + k)/(10 + k)), so that a short fit forgets its start.
    """

    steps: int = 2000
    batch: int = 512
    learning_rate: float = 2e-3
    warm_up: int = 500
    decay: str = "cosine"
    weight_decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.999

    def __post_init__(self) -> None:
        """Checks every number."""
        checks.count("steps", self.steps)
        checks.count("batch", self.batch)
        checks.count("warm_up", self.warm_up, least=0)
        checks.choice("decay", self.decay, ("cosine", "constant"))
        checks.positive(learning_rate=self.learning_rate, clip=self.clip)
        for name in ("ema", "weight_decay"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1); got {value!r}")

    def optimiser(self) -> optax.GradientTransformation:
        """Returns clipping, then AdamW with warm-up and decay."""
        warm_up = min(self.warm_up, self.steps // 10)
        if self.decay == "cosine":
            rate = optax.warmup_cosine_decay_schedule(0.0, self.learning_rate, warm_up, self.steps)
        else:
            ramp = optax.linear_schedule(0.0, self.learning_rate, warm_up)
            rate = ramp if warm_up else optax.constant_schedule(self.learning_rate)
        return optax.chain(
            optax.clip_by_global_norm(self.clip), optax.adamw(rate, weight_decay=self.weight_decay)
        )


class Fit(NamedTuple):
    """What a fit leaves.

    Attributes:
      raw: Parameters after the last step.
      ema: Their moving average, used for sampling.
      loss: Mean loss of each step taken, `[steps]`.
      failed_at: First step with a non-finite loss, or None.
    """

    raw: Params
    ema: Params
    loss: np.ndarray
    failed_at: int | None


class State(NamedTuple):
    """What the loop carries."""

    params: Params
    ema: Params
    optimiser: optax.OptState


Progress = Callable[[int, int, float], None]
"""(steps done, steps in all, latest loss), called between chunks."""


def fit(
    family: Spec,
    network: Spec,
    training: Training,
    process: Process,
    pool: Array,
    key_init: PRNGKey,
    key_steps: PRNGKey,
    *,
    chunk: int = 500,
    progress: Progress | None = None,
) -> Fit:
    """Trains one model.

    Args:
      family: Name and parameters of a registered family.
      network: Name and parameters of a registered network.
      training: Settings.
      process: The noise process.
      pool: Training points, standardised, `[N, D]`.
      key_init: Key of the initial parameters.
      key_steps: Key of the minibatches, times, noise and dropout.
      chunk: Steps between two reports of progress.
      progress: Called between chunks.
    """
    (result,) = fit_replicas(
        family, network, training, process, [pool], [key_init], [key_steps], chunk=chunk, progress=progress
    )
    return result


def fit_replicas(
    family: Spec,
    network: Spec,
    training: Training,
    process: Process,
    pools: list[Array],
    keys_init: list[PRNGKey],
    keys_steps: list[PRNGKey],
    *,
    chunk: int = 500,
    progress: Progress | None = None,
) -> list[Fit]:
    """Trains one model per pool and pair of keys, all in one compiled program.

    See `fit`; several replicas are stacked and mapped over, which fills a GPU. A
    replica with a non-finite loss is a failed one; when all have failed, the fit stops.
    """
    checks.count("chunk", chunk)
    replicas, dim = len(pools), pools[0].shape[1]
    params = [initialise(network, key, dim) for key in keys_init]
    states = [State(p, p, training.optimiser().init(p)) for p in params]
    if replicas == 1:
        state, pool, key = states[0], pools[0], keys_steps[0]
    else:
        state = jax.tree.map(lambda *a: jnp.stack(a), *states)
        pool, key = jnp.stack(pools), jnp.stack(keys_steps)
    losses = []
    done = 0
    while done < training.steps:
        length = min(chunk, training.steps - done)
        program = program_of(family, network, training, length, replicas > 1)
        state, loss = program(state, key, jnp.asarray(done), pool, process)
        losses.append(np.asarray(loss).reshape(replicas, length))
        done += length
        if progress is not None:
            progress(done, training.steps, float(losses[-1][:, -1].mean()))
        if not np.isfinite(losses[-1]).all(axis=1).any():
            break  # every replica has failed
    trace = np.concatenate(losses, axis=1)
    if replicas == 1:
        return [_result(state, trace[0])]
    return [_result(jax.tree.map(lambda a, i=i: a[i], state), trace[i]) for i in range(replicas)]


def _result(state: State, loss: np.ndarray) -> Fit:
    bad = np.flatnonzero(~np.isfinite(loss))
    return Fit(state.params, state.ema, loss, int(bad[0]) if bad.size else None)


def program_of(
    family: Spec, network: Spec, settings: Training, length: int, mapped: bool
) -> Callable[[State, PRNGKey, Array, Array, Process], tuple[State, Array]]:
    """Returns the compiled run of `length` steps, (state, key, start, pool, process) -> (state, losses).

    Args:
      family: Name and parameters of a registered family.
      network: Name and parameters of a registered network.
      settings: The settings.
      length: Steps of the run.
      mapped: Whether several replicas are stacked in state, key and pool.
    """
    texts = (canonical(family), canonical(network), canonical(dataclasses.asdict(settings)))
    return cache.program(
        KIND, (*texts, length, mapped), lambda: _program(family, network, settings, length, mapped)
    )


def _program(
    family: Spec, network: Spec, settings: Training, length: int, mapped: bool
) -> Callable[[State, PRNGKey, Array, Array, Process], tuple[State, Array]]:
    """Returns the compiled run of `length` steps."""
    model = model_of(family, network)
    optimiser = settings.optimiser()

    def one_step(
        state: State, step: Array, key: PRNGKey, pool: Array, process: Process
    ) -> tuple[State, Array]:
        key_rows, key_loss = jax.random.split(jax.random.fold_in(key, step))
        y = pool[jax.random.randint(key_rows, (settings.batch,), 0, pool.shape[0])]
        loss, gradient = jax.value_and_grad(
            lambda params: model.loss(params, key_loss, y, process, True).mean()
        )(state.params)
        updates, carried = optimiser.update(gradient, state.optimiser, state.params)
        params = optax.apply_updates(state.params, updates)
        decay = jnp.minimum(settings.ema, (1.0 + step) / (10.0 + step))
        ema = optax.incremental_update(params, state.ema, 1.0 - decay)
        return State(params, ema, carried), loss

    def run(state: State, key: PRNGKey, start: Array, pool: Array, process: Process) -> tuple[State, Array]:
        def body(state: State, i: Array) -> tuple[State, Array]:
            return one_step(state, start + i, key, pool, process)

        end, losses = jax.lax.scan(body, state, jnp.arange(length))
        return end, losses

    return jax.jit(jax.vmap(run, in_axes=(0, 0, None, 0, None)) if mapped else run)


def settings_of(values: Json) -> Training:
    """Returns the settings that a suite file gives, its numbers in the one form of specifications.

    Raises:
      ValueError: If a name or a number is wrong; the message lists the names.
    """
    known = {field.name: field.default for field in dataclasses.fields(Training)}
    for name in values:
        if name not in known:
            raise ValueError(f"training takes no {name!r}; it takes: {', '.join(known)}")
    numbers = {name: in_one_form(value) for name, value in values.items() if isinstance(known[name], float)}
    return Training(**{**values, **numbers})
