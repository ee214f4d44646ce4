"""The Frechet distance between samples and the truth's known moments.

  |m - m*|^2 + tr(C + C* - 2 (C C*)^(1/2)),

the squared W2 distance between Gaussians of the two means and covariances. Of a truth that knows its
moments there is no reference and so no noise of one; what is left is the samples' own, a floor that
falls as 1/n and in many dimensions is not small: values are read against it.

Of images it is taken in pixels, where the many small directions have their say, and in the
leading directions of the truth's covariance, where the shapes are. It is blind to all that two moments do
not hold: a mixture and its moment-matched Gaussian are the same to it.

References:
  Dowson & Landau (1982), The Frechet distance between multivariate normal distributions.
  Heusel et al. (2017), for its use; here in pixels, not in features of a network.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from diffbench import checks
from diffbench.contracts import METRICS, Column, Dataset, Measured, Metric, Outcome, Points, PRNGKey
from diffbench.metrics.base import exact_points, prepared
from diffbench.metrics.far import too_far

# Beyond, the products of covariances leave float64.
_FARTHEST = 1e70


class _Known(NamedTuple):
    """The truth's mean `[D]` in its own axes, those as columns `[D, D]`, deviations `[D]`, falling."""

    mean: np.ndarray
    axes: np.ndarray
    deviations: np.ndarray


@METRICS.register("frechet")
def frechet(*, leading: int = 16) -> Metric:
    """Returns the squared Frechet distance to the truth's moments.

    Columns: `frechet`, over all dimensions; `frechet_leading`, in the leading directions of the truth.
    Their unit is the standardised length squared. NaN where a sample is not finite.

    Args:
      leading: Directions of largest variance of the truth; all of them where D is less.
    """
    checks.count("leading", leading)

    def prepare(reference: Points, dataset: Dataset) -> _Known:
        mean, covariance = dataset.moments()
        variances, axes = np.linalg.eigh(covariance)
        axes = axes[:, ::-1]
        return _Known(mean @ axes, axes, np.sqrt(np.maximum(variances[::-1], 0.0)))

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        known: _Known = prepared(prepare, outcome)
        x = exact_points("samples", outcome.samples, least=2, dim=outcome.dataset.dim)
        if too_far(x) or np.abs(x).max() > _FARTHEST:
            return dict.fromkeys(columns, math.nan), {}
        along = x @ known.axes
        return {
            "frechet": _distance(along, known),
            "frechet_leading": _distance(along[:, :leading], known),
        }, {}

    columns = {"frechet": Column(perfect=0.0), "frechet_leading": Column(perfect=0.0)}
    return Metric(columns, measure, floor="two_sample", prepare=prepare, least={"samples": 2})


def _distance(along: np.ndarray, known: _Known) -> float:
    """Returns the distance in the first directions, of coordinates along them `[n, k]`."""
    n, dim = along.shape
    mean, deviations = known.mean[:dim], known.deviations[:dim]
    away = along - along.mean(axis=0)
    # tr (C C*)^(1/2) is the sum of the singular values of C^(1/2) C*^(1/2), and C is away^T away.
    both = away * deviations / math.sqrt(n - 1.0)
    # Of the smaller product; its eigenvalues are the squares.
    square = both @ both.T if n < dim else both.T @ both
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(square), 0.0)).sum()
    total = (away**2).sum() / (n - 1.0) + (deviations**2).sum() - 2.0 * cross
    return float(((along.mean(axis=0) - mean) ** 2).sum() + total)
