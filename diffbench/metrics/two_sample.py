"""Distances between a sample and the truth over pairs of points: energy and MMD^2.

All are stored raw. The first two are U-statistics,

  energy:  2 E|X - Y| - E|X - X'| - E|Y - Y'|
  MMD^2:   E k(X, X') + E k(Y, Y') - 2 E k(X, Y),

so they average zero under truth and are often negative; a root or a clip would bias them, and a
V-statistic has a null mean of (1/n + 1/m) E|Y - Y'|. What concerns Y is known (`averages`), so that
the samples' own noise is all there is. `against = "reference"` takes m points of the truth for it, whose
noise then comes on top: with m = n the deviation of a U-statistic is twice as large where they are drawn
anew each time, and the root of three times in the mean square where they stay, as in a run. There it
depends on the points, which may treble it, and it moves the floor's mean away from zero as well.

The energy distance hardly sees the shape within a mode, which is small beside the
distances between modes. A Gaussian kernel sees the lengths near its bandwidth h, so a
fixed grid of bandwidths per dataset covers all of them; a bandwidth taken from the
samples would make two rows incomparable.

References:
  Szekely & Rizzo (2013), Energy statistics: a class of statistics based on distances.
  Gretton et al. (2012), A kernel two-sample test, lemma 6, for the unbiased MMD^2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import METRICS, Array, Column, Dataset, Measured, Metric, Outcome, Points, PRNGKey
from diffbench.metrics.averages import AGAINST, Against, Averages, averages_of, form_of
from diffbench.metrics.base import distance, exact_points, points, prepared, within
from diffbench.metrics.far import (
    FARTHEST,
    Parted,
    cross_sum,
    far_kernels,
    kernel_sums,
    norms,
    parted,
    too_far,
    within_sum,
)
from diffbench.pairwise import pair_sums

# Standardised lengths from which the mean distance is known better by an expansion.
_BEYOND = 50.0


def _gaussians(squared: Array, rates: Array) -> tuple[Array, ...]:
    # k_h = k_2h^4 would spare exponentials, but XLA turns products of exponentials
    # back into exponentials of sums, and is slower where it is kept from doing so.
    return tuple(jnp.exp(-rates[j] * squared) for j in range(rates.shape[0]))


class _Distances(NamedTuple):
    """E|Y - Y'|, and the averages over the truth, or None and the reference in their place."""

    y_y: float
    averages: Averages | None


@METRICS.register("energy")
def energy(*, against: Against = "truth") -> Metric:
    """Returns the energy distance (squared, as a U-statistic): the global headline.

    Its unit is the standardised length. Blind to shapes within a mode: see `mmd2`.

    Args:
      against: "truth", all that is known of it; or "reference", a sample of it.

    Example:
      metric = energy()
      values, _ = metric.measure(key, outcome)
    """
    checks.choice("against", against, AGAINST)

    def prepare(reference: Points, dataset: Dataset) -> _Distances:
        y = points("reference", reference, least=2)
        averages = averages_of(dataset, against)
        if averages is None:
            return _Distances(float(within(distance, (), y)[0]), None)
        return _Distances(averages.self_distance(), averages)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        y = exact_points("reference", outcome.reference, least=2)
        x = exact_points("samples", outcome.samples, least=2, dim=y.shape[1])
        known: _Distances = prepared(prepare, outcome)
        if too_far(x):
            return {"energy": math.nan}, {}
        parts, of_y = parted(x, y, outcome.dataset.diameter), Parted(y, y[:0])
        x_x, y_y = within_sum(parts, distance) / (len(x) - 1.0), known.y_y
        if known.averages is not None:
            x_y = _sum_to_truth(parts, known.averages)
        else:
            x_y = cross_sum(parts, of_y, distance) / len(y)
            if len(parts.far):
                # What was prepared has the digits of float32, which what is far does not need.
                y_y = within_sum(of_y, distance, exact=True) / (len(y) * (len(y) - 1.0))
        return {"energy": (2.0 * x_y - x_x) / len(x) - y_y}, {}

    return Metric(
        {"energy": Column(perfect=0.0)},
        measure,
        floor="two_sample",
        prepare=prepare,
        against=lambda dataset, m: form_of(dataset, against, m),
        version=2,
    )


def _sum_to_truth(x: Parted, averages: Averages) -> float:
    """Returns the sum of E|x - Y| over points, less |a| for each far one."""
    if not len(x.far):
        return float(np.asarray(averages.mean_distance(jnp.asarray(x.near, float)), np.float64).sum())
    length = norms(x.far)
    beyond = length > _BEYOND
    with jax.enable_x64(True):
        within = np.concatenate([x.near, x.far[~beyond]])
        each = np.asarray(averages.mean_distance(within), np.float64) if len(within) else np.zeros(0)
    total = each.sum() - length[~beyond].sum()
    return float(total + (averages.mean_excess(x.far[beyond]).sum() if beyond.any() else 0.0))


def bandwidths(dataset: Dataset, finest: float = 0.5) -> np.ndarray:
    """Returns the bandwidths h of a dataset, standardised, ratio 2, ascending, `[J]`.

    Args:
      dataset: A dataset.
      finest: Smallest bandwidth over the dataset's resolution, or its grain where it has one; the
        largest is the last that does not exceed the dataset's diameter.

    Raises:
      ValueError: If the smallest exceeds the diameter.
    """
    grain = dataset.resolution if dataset.grain is None else dataset.grain
    h = finest * grain
    if not 0.0 < h <= dataset.diameter:
        raise ValueError(
            f"the smallest bandwidth must be in (0, diameter = {dataset.diameter:g}];"
            f" got finest x resolution = {finest:g} x {grain:g}"
        )
    # The tolerance keeps the last bandwidth where the ratio is a power of 2 but for rounding.
    return h * 2.0 ** np.arange(math.floor(math.log2(dataset.diameter / h) + 1e-9) + 1)


class _Kernels(NamedTuple):
    """Bandwidths, 1/(2 h^2), and E k(Y, Y'), each `[J]`; the averages over the truth, or None."""

    bandwidths: np.ndarray
    rates: Array
    y_y: np.ndarray
    averages: Averages | None


@METRICS.register("mmd2")
def mmd2(*, finest: float = 0.5, against: Against = "truth") -> Metric:
    """Returns the unbiased MMD^2 with Gaussian kernels exp(-d^2/(2 h^2)).

    Columns: `mmd2`, the sum over the bandwidths, each divided by the floor's standard
    deviation at that bandwidth, NaN until `finish` has seen a floor; `mmd2_local`, the
    raw value at the smallest bandwidth: the local headline. Arrays:
    `mmd2_bandwidths`, the raw value at each bandwidth `[J]`, and `bandwidths` `[J]`.

    Args:
      finest: Smallest bandwidth, in units of the dataset's resolution. Distances
        within a mode grow as the root of 2 D: beyond about 10 dimensions a pair of
        samples seldom falls within half a resolution, and 1 or more is wanted. Images have a
        grain instead, which grows as that.
      against: "truth", all that is known of it; or "reference", a sample of it.
    """
    checks.positive(finest=finest)
    checks.choice("against", against, AGAINST)

    def prepare(reference: Points, dataset: Dataset) -> _Kernels:
        h = bandwidths(dataset, finest)
        y = points("reference", reference, least=2)
        rates = jnp.asarray(0.5 / h**2, y.dtype)
        averages = averages_of(dataset, against)
        y_y = within(_gaussians, rates, y) if averages is None else averages.self_kernels(h)
        return _Kernels(h, rates, y_y, averages)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        y = exact_points("reference", outcome.reference, least=2)
        x = exact_points("samples", outcome.samples, least=2, dim=y.shape[1])
        kernels: _Kernels = prepared(prepare, outcome)
        if too_far(x):
            raw = np.full(len(kernels.rates), math.nan)
        else:
            parts = parted(x, y, outcome.dataset.diameter)
            rates = 0.5 / kernels.bandwidths**2 if len(parts.far) else kernels.rates
            x_x = kernel_sums(_gaussians, rates, parts) / (len(x) - 1.0)
            x_y, y_y = _to_truth(kernels, parts, y)
            raw = (x_x - 2.0 * x_y) / len(x) + y_y
        values = {"mmd2": math.nan, "mmd2_local": float(raw[0])}
        return values, {"mmd2_bandwidths": raw, "bandwidths": kernels.bandwidths}

    columns = {"mmd2": Column(perfect=0.0), "mmd2_local": Column(perfect=0.0)}
    return Metric(
        columns,
        measure,
        floor="two_sample",
        prepare=prepare,
        finish=_scaled_sum,
        against=lambda dataset, m: form_of(dataset, against, m),
        version=2,
    )


def _to_truth(kernels: _Kernels, x: Parted, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sums of E k(x, Y) over points, and E k(Y, Y'), `[J]` each."""
    known, m = kernels.averages, float(len(y))
    if known is None and not len(x.far):
        near = jnp.asarray(x.near, float)
        return pair_sums(_gaussians, kernels.rates, near, jnp.asarray(y, float)) / m, kernels.y_y
    if known is None:
        rates = 0.5 / kernels.bandwidths**2
        within_y = far_kernels(y, y, rates) - m
        return far_kernels(np.concatenate(x), y, rates) / m, within_y / (m * (m - 1.0))
    if not len(x.far):
        each = known.mean_kernels(jnp.asarray(x.near, float), kernels.bandwidths)
    else:
        # So far out, where no kernel reaches, it need not be known how far.
        with jax.enable_x64(True):
            each = known.mean_kernels(np.concatenate(x).clip(-FARTHEST, FARTHEST), kernels.bandwidths)
    return np.asarray(each, np.float64).sum(axis=0), kernels.y_y


def _scaled_sum(
    values: Mapping[str, float], arrays: Mapping[str, np.ndarray], floor: Mapping[str, np.ndarray]
) -> Mapping[str, float]:
    """Returns the values with `mmd2`, each bandwidth in units of its floor's deviation.

    A bandwidth at which the floor does not vary, because no two points come that close,
    is left out; NaN if all are, or with fewer than two floor draws.
    """
    draws = np.asarray(floor["mmd2_bandwidths"], np.float64)
    raw = np.asarray(arrays["mmd2_bandwidths"], np.float64)
    sd = draws.std(axis=0, ddof=1) if draws.shape[0] > 1 else np.zeros(draws.shape[1])
    seen = ~(sd <= 0.0)  # a NaN must reach the sum
    total = float((raw[seen] / sd[seen]).sum()) if seen.any() else math.nan
    return {**values, "mmd2": total}
