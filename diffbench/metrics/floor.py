"""What a metric reads when truth is measured against truth, and readings against that.

A floor holds R draws of truth of the models' own size n, each measured against the
*same reference* as the models. It is conditional on that reference, so its mean is not
zero. Truth can be drawn at will, so the rank of a value among the draws gives an exact
p-value; z is for reading only, since a floor is not Gaussian.

References:
  Davison & Hinkley (1997), Bootstrap methods and their application, section 4.2, for
    the Monte Carlo p-value with the value itself counted among the draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike

from diffbench import checks
from diffbench.contracts import Array, Better, Dataset, Metric, Outcome, Points, key_for


class Floor(NamedTuple):
    """A metric's readings of R draws of truth.

    Attributes:
      values: Column -> `[R]`, float64.
      arrays: Name -> `[R, ...]`, what `Metric.finish` takes.
    """

    values: Mapping[str, np.ndarray]
    arrays: Mapping[str, np.ndarray]


class FloorReading(NamedTuple):
    """One value against its floor.

    Attributes:
      mean: Mean of the floor.
      sd: Standard deviation of the floor (ddof 1).
      z: (value - mean)/sd, whichever direction is better; NaN where sd is 0.
      p_value: Chance of a value at least this bad under truth.
    """

    mean: float
    sd: float
    z: float
    p_value: float


def floor_of(
    metric: Metric,
    dataset: Dataset,
    reference: Points,
    n: int,
    draws: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    label: str | None = None,
) -> Floor:
    """Returns the floor of a metric: `draws` samples of truth against one reference.

    For a metric whose floor is two-sided, each sample meets as many fresh points instead. Of data that are
    points alone, a draw is a random part of the held-out ones against others: draws depend on one another.

    Args:
      metric: A metric with a floor.
      dataset: The dataset.
      reference: Truth, standardised, `[m, D]`: the one that models are measured against.
      n: Points in each draw: as many as the models' samples hold.
      draws: Number of draws, R, at least 2.
      progress: Called with (draws done, draws) after each.
      label: What the draws' keys are named after, the dataset's name by default: they
        depend on it, on n and on their number, so more draws extend fewer.

    Raises:
      ValueError: If the metric has no floor.
    """
    if metric.floor is None:
        raise ValueError(f"the metric of {', '.join(metric.columns)} has no floor")
    checks.count("n", n)
    checks.count("draws", draws, least=2)
    label = dataset.name if label is None else label

    def truth(*purpose: str | int) -> Array:
        return dataset.standardise(dataset.sample(key_for(0, "floor", label, n, *purpose), n))

    def prepare(reference: Points) -> object:
        return None if metric.prepare is None else metric.prepare(reference, dataset)

    prepared = prepare(reference)
    m, measured = n if metric.floor == "two_sided" else len(reference), []
    for r in range(draws):
        if dataset.finite is not None:
            # Nothing is fresh: parts of what is held out, against as many others.
            parts = dataset.finite.parted(key_for(0, "floor", label, n, r), n, m)
            x, reference = (dataset.standardise(part) for part in parts)
            prepared = prepare(reference)
        elif metric.floor == "two_sided":
            reference = truth(r, "reference")
            prepared = prepare(reference)
            x = truth(r)
        else:
            x = truth(r)
        outcome = Outcome(x, reference, None, None, None, dataset, prepared)
        measured.append(metric.measure(key_for(0, "floor", label, n, r, "measure"), outcome))
        if progress is not None:
            progress(r + 1, draws)
    names = measured[0][1]
    arrays = {name: np.stack([np.asarray(arrays[name]) for _, arrays in measured]) for name in names}
    rows = [metric.finish(*one, arrays) if metric.finish else one[0] for one in measured]
    values = {column: np.array([row[column] for row in rows], np.float64) for column in metric.columns}
    return Floor(values, arrays)


def read_against(
    metric: Metric, values: Mapping[str, float], arrays: Mapping[str, np.ndarray], floor: Floor
) -> tuple[Mapping[str, float], dict[str, FloorReading]]:
    """Returns a metric's values, scaled by its floor, and where each stands in it.

    A value that the floor scales is compared with draws that are scaled by the floor as well, which
    favours them: they had a share in the scale. So its p-value is a rank among values that floor and
    reading together have scaled, in which all R + 1 play one part.

    Args:
      metric: A metric with a floor.
      values: What it measured, by column.
      arrays: The arrays that it measured.
      floor: Its floor; the values by column, and the arrays.
    """
    scaled = metric.finish(values, arrays, floor.arrays) if metric.finish else values
    if metric.floor != "two_sample":
        return scaled, {}
    readings = {
        column: against_floor(scaled[column], floor.values[column], metric.columns[column].better)
        for column in scaled
    }
    if metric.finish is None:
        return scaled, readings
    names = [name for name in arrays if name in floor.arrays]
    pooled = {name: np.concatenate([np.asarray(floor.arrays[name]), [arrays[name]]]) for name in names}
    ours = metric.finish(values, arrays, pooled)
    theirs = [
        metric.finish({}, {name: pooled[name][r] for name in names}, pooled)
        for r in range(len(floor.values[next(iter(scaled))]))
    ]
    for column in theirs[0]:
        better = metric.columns[column].better
        rank = against_floor(ours[column], [row[column] for row in theirs], better).p_value
        readings[column] = readings[column]._replace(p_value=rank)
    return scaled, readings


def against_floor(value: float, floor_values: ArrayLike, better: Better = "lower") -> FloorReading:
    """Returns where a value stands among the floor's draws of its column.

    p_value = (1 + #{floor draws at least as bad})/(R + 1) is exact: at level k/(R + 1)
    truth is rejected with probability at most k/(R + 1). A value or a floor that holds
    a NaN gives NaN.

    Args:
      value: What a model scored.
      floor_values: The floor's draws, `[R]`.
      better: What is good, as of `Column`. With "truth" both tails are bad: p_value is twice that
        of the nearer one, at most 1.

    Raises:
      ValueError: If the floor holds fewer than two draws, or is not one row.
    """
    checks.choice("better", better, get_args(Better))
    floor = np.asarray(floor_values, np.float64)
    if floor.ndim != 1 or floor.size < 2:
        raise ValueError(f"floor values must be one row of at least 2 draws; got shape {list(floor.shape)}")
    if not np.isfinite(floor).all():
        return FloorReading(math.nan, math.nan, math.nan, math.nan)
    # Equal draws may differ from their mean by rounding, which is no spread.
    mean, sd = float(floor.mean()), float(floor.std(ddof=1)) if np.ptp(floor) > 0.0 else 0.0
    if math.isnan(value):
        return FloorReading(mean, sd, math.nan, math.nan)
    tails = {"lower": (floor >= value).sum(), "higher": (floor <= value).sum()}
    as_bad = (1.0 + float(tails.get(better, min(tails.values())))) / (floor.size + 1.0)
    z = (value - mean) / sd if sd > 0.0 else math.nan
    return FloorReading(mean, sd, z, as_bad if better in tails else min(1.0, 2.0 * as_bad))
