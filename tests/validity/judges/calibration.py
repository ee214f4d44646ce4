"""Truth against truth, many times over: what p-values and U-statistics do where nothing is wrong.

Each comparison has its own reference, floor and sample, all drawn afresh. Under truth the sample
and the floor's draws are exchangeable, whatever the reference, so p-values are uniform. Draws are
few: their number makes p coarse and not wrong, and 500 floors of 19 are as telling as 500 of 999.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from scipy import stats

from diffbench.contracts import METRICS, Metric, Outcome, key_for
from diffbench.metrics.floor import against_floor, floor_of

COMPARISONS, SIZE, DRAWS = 500, 200, 19

# Dataset -> the metrics that are calibrated on it, together, on the same draws.
CALIBRATED = {
    "nine_gaussians": ("energy", "mmd2", "sliced_w2", "mode_tv"),
    "eight_gaussians": ("w2", "prdc"),
    "circle": ("manifold_distance", "intrinsic"),
    "shifted_shapes": ("frechet",),
}
# Dataset -> how `calibrate` is run on it. What takes longer, or meets no reference, is run less often.
RUNS = {
    "nine_gaussians": {},
    "eight_gaussians": {"comparisons": 200, "size": 100},
    "circle": {"comparisons": 200, "size": 50},
    "shifted_shapes": {"comparisons": 200, "size": 50},
}

BANDWIDTHS = "mmd2/mmd2_bandwidths"


class Calibration(NamedTuple):
    """What came of C comparisons; a reading is a column of a metric or a bandwidth of MMD^2.

    Attributes:
      values: Reading -> the sample's value, `[C]`; negative where higher is better, so that the
        larger is the worse.
      floors: Reading -> the floor's draws, `[C, R]`, likewise.
      p_values: Reading -> the package's p-value, `[C]`.
      unbiased: Readings that are U-statistics, of mean zero under truth.
    """

    values: dict
    floors: dict
    p_values: dict
    unbiased: tuple


def together(metrics):
    """Returns one metric of many, by name, so that all see the same draws."""

    def prepare(reference, dataset):
        return {name: m.prepare and m.prepare(reference, dataset) for name, m in metrics.items()}

    def measure(key, outcome):
        values, arrays = {}, {}
        for name, metric in metrics.items():
            own, more = metric.measure(key, outcome._replace(prepared=outcome.prepared[name]))
            values |= own
            arrays |= {f"{name}/{array}": value for array, value in more.items()}
        return values, arrays

    def finish(values, arrays, floor):
        for name, metric in metrics.items():
            if metric.finish:
                own = (
                    {k.partition("/")[2]: v for k, v in each.items() if k.startswith(f"{name}/")}
                    for each in (arrays, floor)
                )
                values = metric.finish(values, *own)
        return values

    columns = {column: c for metric in metrics.values() for column, c in metric.columns.items()}
    return Metric(columns, measure, floor="two_sample", prepare=prepare, finish=finish)


def calibrate(dataset, comparisons=COMPARISONS, size=SIZE, draws=DRAWS):
    """Compares truth with truth by the metrics that are calibrated on a dataset.

    Args:
      dataset: A dataset.
      comparisons: Number of comparisons, C.
      size: Points of a sample, of a reference and of each draw of the floor.
      draws: Draws of a floor, R.
    """
    metric = together({name: _built(name, dataset) for name in CALIBRATED[dataset.name]})
    references, samples = (
        dataset.standardise(dataset.sample(key_for(0, "type one", side), comparisons * size))
        for side in ("reference", "sample")
    )
    rows, floors = [], []
    for c in range(comparisons):
        y, x = (np.asarray(points[c * size : (c + 1) * size]) for points in (references, samples))
        floor = floor_of(metric, dataset, y, size, draws, label=f"type one {c}")
        prepared = metric.prepare(y, dataset)
        values, arrays = metric.measure(key_for(0), Outcome(x, y, None, None, None, dataset, prepared))
        rows.append({**metric.finish(values, arrays, floor.arrays), **_bandwidths(arrays, arrays)})
        floors.append({**floor.values, **_bandwidths(arrays, floor.arrays)})
    values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    of_floors = {name: np.array([floor[name] for floor in floors]) for name in floors[0]}
    p_values = {}
    for name, column in metric.columns.items():
        pairs = zip(values[name], of_floors[name], strict=True)
        p_values[name] = np.array([against_floor(*pair, column.better).p_value for pair in pairs])
        if column.better == "higher":
            values[name], of_floors[name] = -values[name], -of_floors[name]
    for name in values.keys() - p_values.keys():
        pairs = zip(values[name], of_floors[name], strict=True)
        p_values[name] = np.array([against_floor(*pair).p_value for pair in pairs])
    unbiased = tuple(name for name in values if name in ("energy", "mmd2_local") or " at h = " in name)
    return Calibration(values, of_floors, p_values, unbiased)


def _built(name, dataset):
    metric = METRICS.build(name)
    if name != "mode_tv":
        return metric
    # Its null shares come from a million points of truth and not from the reference: once is enough.
    null = metric.prepare(None, dataset)
    return dataclasses.replace(metric, prepare=lambda reference, dataset: null)


def _bandwidths(one, arrays):
    """Returns MMD^2 by bandwidth, from the arrays of one measurement or of a floor; the first is mmd2_local."""
    if BANDWIDTHS not in one:
        return {}
    h = one["mmd2/bandwidths"]
    return {f"mmd2 at h = {h[j]:.3f}": np.asarray(arrays[BANDWIDTHS])[..., j] for j in range(1, len(h))}


def spread_out(values, floors, seed=0):
    """Returns p-values made continuous: exactly uniform under truth, ties or none.

    A value's rank among R draws has R + 1 places, so p is one of R + 1 numbers; a uniform number
    says where between two of them, and where among equals.

    Args:
      values: `[C]`.
      floors: `[C, R]`; the larger, the worse.
      seed: Seed of the uniform numbers.
    """
    above = (floors > values[:, None]).sum(axis=1)
    equal = (floors == values[:, None]).sum(axis=1)
    u = np.random.RandomState(seed).uniform(size=len(values))
    return (above + u * (1 + equal)) / (floors.shape[1] + 1)


def uniform_p(p):
    """Returns the p-value of the Kolmogorov-Smirnov test of continuous p-values, `[C]`."""
    return float(stats.kstest(p, "uniform").pvalue)


def mean_and_error(values):
    """Returns a mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
