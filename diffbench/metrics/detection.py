"""How many samples it takes to tell a model from truth.

The energy statistic of n samples against n points of truth exceeds its null mean by D, the
true distance, for any n, while the spread of its null shrinks as 1/n. A test of level 5%
has power 1/2 where the median under the model reaches the 95% quantile of the null: where
D + q50 = q95. The quantiles at the n at hand, scaled by n/n*, give

  n* = n (q95 - q50)/(D - null mean).

A benchmark's headline should not depend on how many samples it drew: at large n every
model is told from truth, and n* says how soon.

References:
  Szekely & Rizzo (2013), Energy statistics: a class of statistics based on distances,
    for the null law, that of a quadratic form over n.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffbench.contracts import METRICS, Column, Measured, Metric, Outcome, PRNGKey
from diffbench.metrics.base import between, distance, points, within


@METRICS.register("detection_n")
def detection_n() -> Metric:
    """Returns the sample size n* at which an energy test of level 5% has power about 1/2.

    In samples on each side; NaN until `finish` has seen a floor, which is truth against as
    much fresh truth. It is censored at n, the number of samples: a value of n says "more
    than n", where n* exceeds n or the distance is at or below the floor's mean. Truth itself
    falls below n one time in twenty. Blind to what the energy distance is blind to.

    Array: `detection`, `[2]`: the energy distance to the first n points of the
    reference, and n.

    Example:
      metric = detection_n()
      values, arrays = metric.measure(key, outcome)
      values = metric.finish(values, arrays, floor.arrays)
    """

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        x = points("samples", outcome.samples, least=2)
        n = x.shape[0]
        y = points("reference", outcome.reference, least=2, dim=x.shape[1])[:n]
        energy = 2.0 * between(distance, (), x, y) - within(distance, (), x) - within(distance, (), y)
        return {"detection_n": math.nan}, {"detection": np.array([energy[0], n])}

    columns = {"detection_n": Column(better="higher", censored=True)}
    return Metric(columns, measure, floor="two_sided", finish=_scaled)


def _scaled(
    values: Mapping[str, float], arrays: Mapping[str, Any], floor: Mapping[str, Any]
) -> Mapping[str, float]:
    """Returns the values with n*, at most n; NaN where a number is not finite."""
    energy, n = (float(number) for number in arrays["detection"])
    null = np.asarray(floor["detection"], np.float64)[:, 0]
    excess = energy - float(null.mean())
    if not math.isfinite(excess):
        return {**values, "detection_n": math.nan}
    middle, high = np.quantile(null, [0.5, 0.95])
    told = float(high - middle) < excess
    return {**values, "detection_n": n * float(high - middle) / excess if told else n}
