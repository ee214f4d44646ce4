"""Sliced Wasserstein-2: the mean over directions of the squared distance along each.

Along a line W2^2 is an integral over quantile levels, for which a mixture of Gaussians has its own
quantiles (`laws.quantiles`), so that a sample is compared with the truth itself.

References:
  Bonneel et al. (2015), Sliced and Radon Wasserstein barycenters of measures.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import METRICS, Column, Dataset, Measured, Metric, Outcome, Points, PRNGKey, key_for
from diffbench.laws.quantiles import Line
from diffbench.metrics.averages import AGAINST, CLOSED_FORM, Against, by_reference
from diffbench.metrics.base import exact_points, prepared
from diffbench.metrics.far import too_far

# Points of the truth where it has no quantiles along a line: their noise is then a thirteenth of
# that of 10,000 samples, and less.
STAND_IN = 2**17


class _Projected(NamedTuple):
    """Unit directions `[D, L]`; the truth along each, or none and sorted points of it, `[L, m]`."""

    directions: np.ndarray
    lines: tuple[Line, ...]
    y: np.ndarray


@METRICS.register("sliced_w2")
def sliced_w2(*, projections: int = 64, against: Against = "truth") -> Metric:
    """Returns the squared sliced Wasserstein-2 distance over fixed projections.

    The mean over the directions of the exact one-dimensional W2^2, by quantiles. Its unit is the
    standardised length squared; under truth it is positive, about 1/n times a number that depends
    on the data. Where the truth has no quantiles along a line, `STAND_IN` points stand for it, the
    same for floor and models.

    Args:
      projections: Number of directions; their key depends on the dimension only.
      against: "truth", all that is known of it; or "reference", a sample of it.
    """
    checks.count("projections", projections)
    checks.choice("against", against, AGAINST)

    def stands_in(dataset: Dataset) -> bool:
        return against == "truth" and dataset.truth is not None

    def prepare(reference: Points, dataset: Dataset) -> _Projected:
        y = exact_points("reference", reference)
        # float32 whatever the working dtype, so that the directions are always the same.
        normal = jax.random.normal(
            key_for(0, "sliced_w2", y.shape[1]), (y.shape[1], projections), jnp.float32
        )
        directions = np.asarray(normal, np.float64)
        directions = directions / np.linalg.norm(directions, axis=0)
        potential = dataset.potential() if against == "truth" else None
        if potential is None:
            if stands_in(dataset):
                points = dataset.sample(key_for(0, "sliced_w2", dataset.name), STAND_IN)
                y = np.asarray(dataset.standardise(points), np.float64)
            return _Projected(directions, (), _sorted_projections(y, directions))
        weights, means, sds = potential.projected(directions)
        lines = (Line(weights, means[:, i], sds[:, i]) for i in range(projections))
        return _Projected(directions, tuple(lines), y)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        known: _Projected = prepared(prepare, outcome)
        x = exact_points("samples", outcome.samples, dim=known.directions.shape[0])
        if too_far(x):
            return {"sliced_w2": math.nan}, {}
        along = _sorted_projections(x, known.directions)
        if known.lines:
            each = [line.squared_w2(row) for line, row in zip(known.lines, along, strict=True)]
            return {"sliced_w2": float(np.mean(each))}, {}
        of_x, of_y, share = coupling(x.shape[0], known.y.shape[1])
        gap = along[:, of_x] - known.y[:, of_y]
        return {"sliced_w2": float((gap**2 @ share).mean())}, {}

    def form(dataset: Dataset, m: int) -> str:
        if against == "truth" and dataset.potential() is not None:
            return CLOSED_FORM
        return by_reference(STAND_IN if stands_in(dataset) else m)

    return Metric(
        {"sliced_w2": Column()}, measure, floor="two_sample", prepare=prepare, against=form, version=2
    )


def _sorted_projections(x: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Returns the projections of x `[n, D]` in each direction, sorted, `[L, n]`."""
    # NumPy sorts several times faster than XLA on a CPU.
    return np.sort(np.ascontiguousarray((x @ directions).T), axis=1)


def coupling(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the monotone coupling of n and m sorted points: ranks, ranks, and masses."""
    # Quantile levels in units of 1/(n m): integers, so that equal levels are equal.
    levels = np.union1d(np.arange(n) * m, np.arange(m) * n)
    return levels // m, levels // n, np.diff(levels, append=n * m) / (float(n) * m)
