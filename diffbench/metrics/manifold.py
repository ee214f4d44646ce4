"""How far the samples lie from the manifold of the data, and how they spread along it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import stats

from diffbench.contracts import METRICS, Array, Column, Dataset, Measured, Metric, Outcome, Points, PRNGKey
from diffbench.metrics.base import exact_points, points, prepared
from diffbench.metrics.far import norms, too_far

# Standardised lengths at which float32 still resolves the data's own.
_FAR = 1e4


@METRICS.register("manifold_distance")
def manifold_distance() -> Metric:
    """Returns the mean and the 95% quantile of the distance to the manifold.

    Both in standardised lengths. The data has a thickness, so the floor is not zero:
    read them against it. Blind to where on the manifold the samples lie: see `intrinsic`.
    """

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        distance = outcome.need("manifold")
        x = exact_points("samples", outcome.samples, dim=outcome.dataset.dim)
        if too_far(x):
            return dict.fromkeys(columns, math.nan), {}
        d = _distances(distance, x)
        return {
            "manifold_distance": float(d.mean()),
            "manifold_distance_q95": float(np.quantile(d, 0.95)),
        }, {}

    columns = {"manifold_distance": Column(), "manifold_distance_q95": Column()}
    return Metric(columns, measure, needs=("samples", "manifold"), floor="two_sample")


def _distances(distance: Callable[[Array], Array], x: np.ndarray) -> np.ndarray:
    """Returns distances to the manifold, `[n]`, float64."""
    near, beyond = _drawn_in("samples", x)
    # Along a ray the distance grows as the length does, to the size of the data over it.
    return np.asarray(distance(near), np.float64) + beyond


def _drawn_in(name: str, x: np.ndarray) -> tuple[Array, np.ndarray]:
    """Returns points drawn in along their rays to where float32 sees the data, and by how much, `[n]`."""
    length = norms(x)
    shrink = np.maximum(length / _FAR, 1.0)
    return points(name, x / shrink[:, None]), length - length / shrink


@METRICS.register("intrinsic")
def intrinsic() -> Metric:
    """Returns how unevenly the samples spread along the manifold, in [0, 1].

    The largest, over the intrinsic coordinates, of the two-sample Kolmogorov-Smirnov
    distance between samples and reference. Each coordinate is that of the nearest point
    on the manifold, uniform where the data has no thickness; with one it is not exactly
    so, hence two samples. An angle is cut somewhere, which changes the distance by a
    factor of 2 at most. Blind to how far from the manifold the samples lie, and to how
    coordinates go together. NaN where a sample is not finite.

    Array: `intrinsic_distances`, the distance of each coordinate, `[k]`.

    References:
      Massey (1951), The Kolmogorov-Smirnov test for goodness of fit.
    """

    def prepare(reference: Points, dataset: Dataset) -> np.ndarray:
        return _places(dataset, "reference", reference)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        y = prepared(prepare, outcome)
        if too_far(np.asarray(outcome.samples, np.float64)):
            return {"intrinsic": math.nan}, {"intrinsic_distances": np.full(y.shape[1], math.nan)}
        x = _places(outcome.dataset, "samples", outcome.samples)
        gaps = np.array([_largest_gap(*pair) for pair in zip(x.T, y.T, strict=True)])
        return {"intrinsic": float(gaps.max())}, {"intrinsic_distances": gaps}

    return Metric(
        {"intrinsic": Column()}, measure, needs=("samples", "intrinsic"), floor="two_sample", prepare=prepare
    )


def _places(dataset: Dataset, name: str, x: Points) -> np.ndarray:
    """Returns intrinsic coordinates, `[n, k]`."""
    coordinates = dataset.need("intrinsic")
    # Far out the nearest point depends on the direction alone.
    return np.asarray(coordinates(_drawn_in(name, exact_points(name, x, dim=dataset.dim))[0]))


def _largest_gap(x: np.ndarray, y: np.ndarray) -> float:
    """Returns the largest gap between the distribution functions of two samples."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return math.nan
    # The asymptotic law of it, which nobody reads, is the cheapest that SciPy adds.
    return float(stats.ks_2samp(x, y, method="asymp").statistic)
