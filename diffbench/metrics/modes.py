"""Whether the samples visit the modes of a mixture in the right shares.

A sample belongs to the mode of largest responsibility. Where modes overlap, the shares
of truth are then not the weights, so the null shares are drawn: 2^20 points of truth
by default, standard error below 0.0005.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from diffbench import checks
from diffbench.contracts import (
    METRICS,
    Array,
    Column,
    Dataset,
    Measured,
    Metric,
    Modes,
    Outcome,
    Points,
    PRNGKey,
    key_for,
)
from diffbench.metrics.base import exact_points, points, prepared
from diffbench.metrics.far import norms, too_far

# Standardised lengths that float32 can square and divide by a small variance.
_FAR = 1e6

# Numbers held at once for the modes and dimensions of one block of rows.
_BUDGET = 2**22
# Points of truth drawn under one key: the null shares must not depend on the budget.
_DRAW = 2**16


@METRICS.register("mode_tv")
def mode_tv(*, null_samples: int = 2**20, beyond: float = 0.999) -> Metric:
    """Returns how far the shares of the modes are from those of truth.

    Columns: `mode_tv`, the total variation between the shares and the null shares pi,
    in [0, 1]; `missing_modes`, the number of modes with n pi >= 10 and a share below
    pi/10; `stray`, the share of samples beyond the given quantile of the squared
    Mahalanobis distance of every mode, at most 1 - beyond under truth. Array:
    `mode_shares`, `[K]`. All columns are NaN where a sample is not finite.

    Args:
      null_samples: Points of truth from which the null shares are estimated.
      beyond: Chi-squared quantile that bounds a mode, in (0, 1).
    """
    checks.count("null_samples", null_samples)
    if not 0.0 < beyond < 1.0:
        raise ValueError(f"beyond must be in (0, 1); got {beyond}")

    def prepare(reference: Points, dataset: Dataset) -> np.ndarray:
        return null_shares(dataset, null_samples)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        null = prepared(prepare, outcome)
        x = exact_points("samples", outcome.samples, dim=outcome.dataset.dim)
        if too_far(x):
            # A NaN would be counted as the first mode and as inside it.
            return dict.fromkeys(columns, math.nan), {"mode_shares": np.full(null.size, math.nan)}
        # Far out the likeliest mode depends on the direction alone.
        near = jnp.asarray(x / np.maximum(norms(x) / _FAR, 1.0)[:, None], float)
        share, stray = _shares(outcome.need("modes"), near, bound=float(stats.chi2.ppf(beyond, x.shape[1])))
        values = {
            "mode_tv": 0.5 * float(np.abs(share - null).sum()),
            "missing_modes": float(((x.shape[0] * null >= 10) & (share < null / 10)).sum()),
            "stray": stray,
        }
        return values, {"mode_shares": share}

    columns = {"mode_tv": Column(), "missing_modes": Column(perfect=0.0), "stray": Column()}
    return Metric(columns, measure, needs=("samples", "modes"), floor="two_sample", prepare=prepare)


def null_shares(dataset: Dataset, samples: int) -> np.ndarray:
    """Returns the shares of truth by largest responsibility, `[K]`."""
    modes: Modes = dataset.need("modes")
    total = np.zeros(modes.weights.shape[0])
    for start in range(0, samples, _DRAW):
        n = min(_DRAW, samples - start)
        x = dataset.standardise(dataset.sample(key_for(0, "mode_tv", dataset.name, start), n))
        total += n * _shares(modes, points("truth", x))[0]
    return total / samples


def _shares(modes: Modes, x: Array, bound: float = math.inf) -> tuple[np.ndarray, float]:
    """Returns the share of x `[n, D]` in each mode, `[K]`, and beyond `bound` of all."""
    k = modes.weights.shape[0]
    block = max(1, _BUDGET // (k * x.shape[1]))
    counts, stray = np.zeros(k), 0
    for start in range(0, x.shape[0], block):
        mode, nearest = (np.asarray(a) for a in _assign(modes, x[start : start + block]))
        counts += np.bincount(mode, minlength=k)
        stray += int((nearest > bound).sum())
    return counts / x.shape[0], stray / x.shape[0]


# The modes are an argument, so that all datasets of one kind and shape share a program.
@jax.jit
def _assign(modes: Modes, x: Array) -> tuple[Array, Array]:
    """Returns the likeliest mode and the least squared Mahalanobis distance, `[n]`."""
    return jnp.argmax(modes.responsibilities(x), axis=1), modes.mahalanobis(x).min(axis=1)
