"""Learning with one thing wrong: defects 1, 9 and 12.

What defect 1 learns is known in closed form, the minimiser of its loss, so nothing is trained for it. The
other two are fits of a linear network, one fit for each set of points, kept for all that ask.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp
import optax
from planted_record import Setting

from diffbench.contracts import SAMPLERS, Array, Dataset, Score, key_for
from diffbench.families.score_sde import ScoreSDE
from diffbench.process import PROCESSES, Process
from diffbench.programs import training
from diffbench.records.store import Store
from diffbench.spec import identify
from diffbench.stages import draw as draws
from diffbench.stages import fit as fits
from diffbench.stages.inputs import Inputs

# One Gaussian, N(0, I) once standardised: the network below holds its score under VP exactly, so that fits
# of seconds are as good as truth and what is left is the defect.
EASY = Setting("gaussian_mixture", (("modes", 1),), metrics=("energy", "mmd2", "sliced_w2"))
STEPS, BATCH, POOL = 4000, 256, 2**18
# A constant rate leaves the raw weights noisy, which is what an average is for.
RATE, EMA = 0.05, 0.999
# What the checks fit by the package's own loop.
FAMILY = {"name": "score_sde", "params": {}}
NETWORK = {"name": "mlp", "params": {"widths": [8], "embedding_width": 4}}

Rows = Callable[[Array, int], Array]
"""(training points, batch) -> the points that the loop over minibatches comes to."""

Weights = Callable[[training.Fit], Any]
"""A fit -> the parameters that samples are drawn with."""


class SquaredSigma(ScoreSDE):
    """Score-SDE with |sigma^2 s + eps|^2 for |sigma s + eps|^2: its score is off by 1/sigma."""

    def loss(self, y: Array, is_training: bool = True) -> Array:
        """See `Family.loss`."""
        key_t, key_eps = jax.random.split(hk.next_rng_key())
        t = self.sample_times(key_t, y.shape[0])
        x_t, eps = self.process.perturb(key_eps, y, t)
        squared = self.process.sigma(t)[:, None] ** 2
        return jnp.mean((squared * self.score(x_t, t) + eps) ** 2, axis=1)


def minimiser_of_squared_sigma(dataset: Dataset, process: Process) -> Score:
    """Returns the score that `SquaredSigma` learns from unlimited data: the exact one over sigma."""
    return lambda x, t: dataset.score(x, process.alpha(t), process.sigma(t)) / process.sigma(t)


def every_row(pool: Array, batch: int) -> Array:
    """Returns all points: the package draws its minibatches from the whole pool."""
    return pool


def as_many_batches_as_a_batch_has_rows(pool: Array, batch: int) -> Array:
    """Returns the points of `for i in range(batch): pool[i * batch : (i + 1) * batch]`."""
    return jnp.concatenate([pool[i * batch : (i + 1) * batch] for i in range(batch)])


def averaged(fit: training.Fit) -> Any:
    """Returns the parameters that the package draws with, by way of a stored fit."""
    spec = {"stage": "fit", "family": FAMILY, "network": NETWORK}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        arrays = {**fits.flatten("raw", fit.raw), **fits.flatten("ema", fit.ema)}
        store.write("fit", identify(spec), {"status": "ok", "reason": "", "spec": spec}, arrays)
        return draws.score_of({"score": "learned", "fit": spec}, Inputs(store), EASY.build()).arrays


def last(fit: training.Fit) -> Any:
    """Returns the parameters of the last step."""
    return fit.raw


def _network(x: Array, t: Array, alpha: Array, sigma: Array, is_training: bool) -> Array:
    """Returns sigma (W x + b), whose best is sigma x on N(0, I) under VP."""
    return (sigma if t.ndim == 0 else sigma[:, None]) * hk.Linear(x.shape[1], name="linear")(x)


def _family(process: Process) -> ScoreSDE:
    return ScoreSDE(_network, process)


@functools.cache
def fitted(rows: Rows) -> training.Fit:
    """Returns a small fit on the points that a loop comes to, averaged as `training.fit` averages."""
    dataset, process = EASY.build(), PROCESSES.build("vp")
    pool = dataset.standardise(dataset.sample(key_for(0, "validity", "train"), POOL))
    seen, optimiser = rows(pool, BATCH), optax.adam(RATE)
    loss = hk.transform(lambda y: _family(process).loss(y).mean())

    @jax.jit
    def run(start: Any, seen: Array) -> Any:
        def step(state: training.State, k: Array) -> tuple[training.State, Array]:
            key_rows, key_loss = jax.random.split(jax.random.fold_in(key_for(0, "validity", "steps"), k))
            y = seen[jax.random.randint(key_rows, (BATCH,), 0, seen.shape[0])]
            value, gradient = jax.value_and_grad(loss.apply)(state.params, key_loss, y)
            change, carried = optimiser.update(gradient, state.optimiser)
            params = optax.apply_updates(state.params, change)
            decay = jnp.minimum(EMA, (1.0 + k) / (10.0 + k))
            return training.State(
                params, optax.incremental_update(params, state.ema, 1.0 - decay), carried
            ), value

        return jax.lax.scan(step, training.State(start, start, optimiser.init(start)), jnp.arange(STEPS))

    state, trace = run(loss.init(key_for(0, "validity", "init"), pool[:1]), seen)
    return training.Fit(state.params, state.ema, trace, None)


def learned_score(rows: Rows, weights: Weights) -> Callable[[Dataset, Process], Score]:
    """Returns the learned score of a variant: (dataset, process) -> score."""

    def score(dataset: Dataset, process: Process) -> Score:
        params, of_family = weights(fitted(rows)), hk.transform(lambda x, t: _family(process).score(x, t))
        return lambda x, t: of_family.apply(params, None, x, t)

    return score


def solver() -> Any:
    """Returns the sampler of the learned scores: without noise, which would hide some of an error."""
    return SAMPLERS.build("probability_flow", solver="heun", steps=100)
