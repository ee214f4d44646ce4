"""What a score makes of noisy images: its estimate of the clean one, beside the exact estimate.

A score is a denoiser by another name (Tweedie's formula):

  x0_hat(x_t, t) = (x_t + sigma^2 s(x_t, t))/alpha,

and that of the exact score is the mean of all clean images given the noisy one: the best there is, blurred
where noise hides what the image was. What a learned estimate adds to that one's error is learning's.

References:
  Efron (2011), Tweedie's formula and selection bias; Vincent (2011).
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import (
    METRICS,
    Array,
    Column,
    Measured,
    Metric,
    Outcome,
    PRNGKey,
    Truth,
    key_for,
)
from diffbench.metrics.base import covered
from diffbench.process import Process, time_of_log_snr

# Most noise first: nothing is left of the image, its shape, its strokes, all but its pixels.
LEVELS = (-5.0, -2.5, 0.0, 2.5, 5.0)


@METRICS.register("denoising")
def denoising(*, points: int = 256, shown: int = 6) -> Metric:
    """Returns the error of estimates of clean images from noisy ones, over log SNR -5 to 5.

    Columns, mean squared errors of a pixel, standardised, over five noise levels: `denoising_loss`,
    against the clean images, 1 for an estimate that knows their mean alone; `denoising_excess`, against the
    exact estimate, NaN where there is no truth: what the loss is above its least. Both are NaN where process
    or truth do not reach the levels.

    Arrays, the same images and noise for every score of a dataset: `denoising_log_snr` `[L]`, and in data
    coordinates `denoising_clean` `[shown, D]`, `denoising_noisy` (x_t/alpha), `denoising_told` and, where
    there is a truth, `denoising_exact`, `[L, shown, D]` each. Levels that are not reached are NaN.

    Args:
      points: Images at each level, as many as there are of data that are points alone.
      shown: Images that are kept.
    """
    checks.count("points", points)
    checks.count("shown", shown)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        score, process, dataset = outcome.need("score"), outcome.need("process"), outcome.dataset
        key_x, key_eps = jax.random.split(key_for(0, "denoising", dataset.name))
        most = math.inf if dataset.finite is None else dataset.finite.most
        x0 = dataset.standardise(dataset.sample(key_x, int(min(max(points, shown), most))))
        loss, excess, kept = [], [], []
        for key_level, level in zip(jax.random.split(key_eps, len(LEVELS)), LEVELS, strict=True):
            if not covered(process, dataset, level, level):
                loss.append(math.nan)
                excess.append(math.nan)
                kept.append(np.full((3, shown, dataset.dim), math.nan))
                continue
            t, noisy = _noisy(process, key_level, x0, jnp.asarray(level, float))
            told = _estimate(process, noisy, t, score(noisy, t))
            loss.append(float(((told - x0) ** 2).mean()))
            images = [noisy / process.alpha(t), told]
            if dataset.truth is not None:
                exact = _exact(dataset.truth, process, noisy, t)
                excess.append(float(((told - exact) ** 2).mean()))
                images.append(exact)
            kept.append(np.stack([np.asarray(dataset.restore(one[:shown])) for one in images]))
        values = {
            "denoising_loss": float(np.mean(loss)),
            "denoising_excess": float(np.mean(excess)) if excess else math.nan,
        }
        arrays = {
            "denoising_log_snr": np.array(LEVELS),
            "denoising_clean": np.asarray(dataset.restore(x0[:shown]), np.float32),
        }
        for number, name in enumerate(("denoising_noisy", "denoising_told", "denoising_exact")):
            if all(len(one) > number for one in kept) and (number < 2 or dataset.truth is not None):
                arrays[name] = np.stack([one[number] for one in kept]).astype(np.float32)
        return values, arrays

    columns = {
        "denoising_loss": Column(optional=True),
        "denoising_excess": Column(perfect=0.0, optional=True),
    }
    return Metric(columns, measure, needs=("score", "grey"))


@jax.jit
def _noisy(process: Process, key: PRNGKey, x0: Array, log_snr: Array) -> tuple[Array, Array]:
    """Returns the time of a log_snr, and images there, `[n, D]`."""
    t = time_of_log_snr(process, log_snr)
    eps = jax.random.normal(key, x0.shape)
    return t, process.alpha(t) * x0 + process.sigma(t) * eps


def _estimate(process: Process, x: Array, t: Array, score: Array) -> Array:
    """Returns x0_hat of a score at x, `[n, D]`."""
    return (x + process.sigma(t) ** 2 * score) / process.alpha(t)


@jax.jit
def _exact(truth: Truth, process: Process, x: Array, t: Array) -> Array:
    return _estimate(process, x, t, truth.score(x, process.alpha(t), process.sigma(t)))
