"""Checks that catch a defect whatever its samples look like: each returns an error, 0 where it passes.

The equations are written out in NumPy and float64 from the papers, on Gaussian data of variance V whose score
is -x/(alpha^2 V + sigma^2). A sampler is run open: every normal number it draws is one given z, so that its
answer is one number and no chance is left in it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any
from unittest import mock

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import planted_learning as learning
from planted_record import NINE, NINE_RAW, Check, Setting, Variant

from diffbench.contracts import Sampler, key_for
from diffbench.families.base import Family
from diffbench.process import PROCESSES, Process, from_betas, prior_kl
from diffbench.programs import training
from diffbench.programs.scores import of_model

V = 0.3
BETAS = np.array([0.05, 0.1, 0.2, 0.35, 0.6])
LEVELS = (0.2, 3.0, 4)
_RANDOM = np.random.RandomState(7)
X, Z = _RANDOM.standard_normal((2, 6, 2))


def _open_run(sampler: Sampler, process: Process) -> np.ndarray:
    """Returns what a sampler makes of X where every normal number is Z, float64."""

    def score(x: Any, t: Any) -> Any:
        return -x / (process.alpha(t) ** 2 * V + process.sigma(t) ** 2)

    given = mock.patch.object(jax.random, "normal", return_value=jnp.asarray(Z, float))
    with given, jax.disable_jit():
        samples, _ = sampler.run(jax.random.key(0), jnp.asarray(X, float), score, process)
    return np.asarray(samples, np.float64)


def _largest(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max())


def _ho_algorithm_2() -> np.ndarray:
    abar, x = np.cumprod(1.0 - BETAS), X
    for i in range(len(BETAS), 0, -1):  # the paper's index, from T to 1
        beta, now = BETAS[i - 1], abar[i - 1]
        before = abar[i - 2] if i > 1 else 1.0
        eps = np.sqrt(1.0 - now) * x / (V * now + 1.0 - now)
        x = (x - beta / np.sqrt(1.0 - now) * eps) / np.sqrt(1.0 - beta)
        x = x + (np.sqrt((1.0 - before) / (1.0 - now) * beta) * Z if i > 1 else 0.0)
    return x


def _song_equation_6(steps: int, t_end: float) -> np.ndarray:
    times, x = np.linspace(1.0, t_end, steps + 1), X
    for i in range(steps):
        t, h = times[i], times[i] - times[i + 1]
        beta, b = 0.1 + 19.9 * t, 0.1 * t + 19.9 * t**2 / 2
        score = -x / (math.exp(-b) * V - math.expm1(-b))
        x = x - (-beta / 2 * x - beta * score) * h + (math.sqrt(beta * h) * Z if i < steps - 1 else 0.0)
    return x


def _song_ermon_algorithm_1(epsilon: float) -> np.ndarray:
    x, levels = X, np.geomspace(*LEVELS)[::-1]
    for sigma in levels:
        step = epsilon * (sigma / levels[-1]) ** 2
        x = x + step / 2 * -x / (V + sigma**2) + np.sqrt(step) * Z
    return x - levels[-1] ** 2 * x / (V + levels[-1] ** 2)


def _chain_error(chain: Sampler) -> float:
    return _largest(_open_run(chain, from_betas("five", BETAS)), _ho_algorithm_2())


def _reverse_sde_error(make: Callable[..., Sampler]) -> float:
    found = _open_run(make(steps=6, t_end=0.1), PROCESSES.build("vp"))
    return _largest(found, _song_equation_6(6, 0.1))


def _langevin_error(make: Callable[..., Sampler]) -> float:
    low, high, levels = LEVELS
    process = PROCESSES.build("ncsn", levels=levels, sigma_min=low, sigma_max=high)
    # The package's step of 0.2 sigma_L^2 is half of the paper's epsilon.
    found = _open_run(make(steps_per_level=1), process)
    return _largest(found, _song_ermon_algorithm_1(0.4 * low**2))


def _prior_error(variant: Variant, setting: Setting = NINE) -> float:
    dataset = setting.build()
    x = dataset.standardise(dataset.sample(key_for(0, "validity", "prior"), 2**14))
    return abs(
        float(prior_kl(variant.process, dataset.truth.log_prob, x, key_for(1, "validity", "prior"))[0])
    )


def _sigma_error(process: Process) -> float:
    t = process.t_min
    exact = math.sqrt(-math.expm1(-(0.1 * t + 19.9 * t**2 / 2)))
    return abs(float(process.sigma(jnp.asarray(t))) / exact - 1.0)


def _minimiser_error(family: type[Family], t: float = 0.2) -> float:
    """Returns how far the best multiple of the exact score at one time is from 1.

    The loss is a square, so three values of it give its minimiser.
    """

    class AtOneTime(family):  # type: ignore[misc, valid-type]
        def sample_times(self, key: Any, n: int) -> Any:
            return jnp.full((n,), t)

    process = PROCESSES.build("vp")
    y = math.sqrt(V) * jax.random.normal(key_for(0, "validity", "minimiser"), (2**16, 2))

    def loss(multiple: float) -> float:
        def network(x: Any, t: Any, alpha: Any, sigma: Any, is_training: bool) -> Any:
            return (multiple * sigma / (alpha**2 * V + sigma**2))[:, None] * x

        run = hk.transform(lambda: AtOneTime(network, process).loss(y).mean())
        return float(run.apply({}, key_for(1, "validity", "minimiser")))

    low, middle, high = (loss(multiple) for multiple in (-1.0, 0.0, 1.0))
    return abs((low - high) / (2.0 * (low + high - 2.0 * middle)) - 1.0)


def _unseen_share(rows: learning.Rows, n: int = 64, batch: int = 4) -> float:
    """Returns the share of n training points that never reach the loss.

    Replica i of one fit has a NaN in row i: it fails if the row is ever seen. 1280 draws of 64 rows miss any
    of them in 1e-7 of seeds.
    """
    clean = jax.random.normal(key_for(0, "validity", "rows"), (n, 2))
    pools = [rows(clean.at[i].set(jnp.nan), batch) for i in range(n)]
    network = {"name": "mlp", "params": {"widths": [4], "embedding_width": 2}}
    settings = training.Training(steps=20 * n // batch, batch=batch)
    keys = [key_for(0, "init")] * n, [key_for(0, "steps")] * n
    fits = training.fit_replicas(learning.FAMILY, network, settings, PROCESSES.build("vp"), pools, *keys)
    return sum(fit.failed_at is None for fit in fits) / n


def _weights_error(weights: learning.Weights, steps: int = 3, ema: float = 0.6) -> float:
    """Returns how far the score of the chosen weights is from that of the average, made again in NumPy.

    With a constant rate, the weights after k steps are those of a fit of k steps.
    """
    network, vp = {"name": "mlp", "params": {"widths": [8], "embedding_width": 4}}, PROCESSES.build("vp")
    pool = jax.random.normal(key_for(0, "validity", "weights"), (256, 2))
    keys = key_for(0, "init"), key_for(0, "steps")

    def fit(k: int) -> training.Fit:
        settings = training.Training(
            steps=k, batch=32, warm_up=0, decay="constant", learning_rate=0.05, ema=ema
        )
        return training.fit(learning.FAMILY, network, settings, vp, pool, *keys)

    average = training.initialise(network, keys[0], 2)
    for k in range(steps):
        made, decay = fit(k + 1), min(ema, (1 + k) / (10 + k))
        average = jax.tree.map(
            lambda a, b, d=decay: d * np.asarray(a, float) + (1 - d) * b, average, made.raw
        )

    def score(params: Any) -> np.ndarray:
        source = of_model(learning.FAMILY, network, jax.tree.map(jnp.asarray, params))
        return np.asarray(source.score(source.arrays, vp)(jnp.asarray(X, float), jnp.asarray(0.5)))

    return _largest(score(weights(made)), score(average))


LEAST = Check("the loss is least at the exact score: relative error of its minimiser", _minimiser_error, 0.02)
PRIOR = Check("p_T is the prior: |KL| in nats, nine_gaussians, standardised", _prior_error, 1e-3)
PRIOR_RAW = Check(
    "p_T is the prior: |KL| in nats, nine_gaussians, raw",
    functools.partial(_prior_error, setting=NINE_RAW),
    1e-3,
)
CHAIN = Check("samples equal Ho's Algorithm 2 in float64", _chain_error, 1e-4)
REVERSE = Check("samples equal Song's equation 6 in float64", _reverse_sde_error, 1e-3)
LANGEVIN = Check("samples equal Song & Ermon's Algorithm 1 in float64", _langevin_error, 1e-3)
SIGMA = Check("sigma(t_min) in float32 is that in float64: relative error", _sigma_error, 1e-3)
ROWS = Check("every training point is seen: share never seen", _unseen_share, 0.0)
WEIGHTS = Check("samples are drawn with the average of the weights: error of the score", _weights_error, 1e-4)
