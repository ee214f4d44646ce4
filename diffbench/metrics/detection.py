"""How many samples it takes to tell a model from truth.

The energy statistic of n samples against n points of truth exceeds its null mean by D, the
true distance, for any n, while the spread of its null shrinks as 1/n. A test of level 5%
has power 1/2 where the median under the model reaches the 95% quantile of the null: where
D + q50 = q95. The quantiles at the n at hand, scaled by n/n*, give

  n* = n (q95 - q50)/(E - q50),   E the energy statistic at hand,

since E exceeds q50 by D in one of two draws. It is below n where E exceeds q95: under truth in one
draw of twenty.

A benchmark's headline should not depend on how many samples it drew: at large n every
model is told from truth, and n* says how soon.

References:
  Szekely & Rizzo (2013), Energy statistics: a class of statistics based on distances,
    for the null law, that of a quadratic form over n.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from diffbench.contracts import METRICS, Column, Measured, Metric, Outcome, PRNGKey
from diffbench.metrics.base import distance, first_rows
from diffbench.metrics.far import cross_sum, parted, too_far, within_sum


@METRICS.register("detection_n")
def detection_n() -> Metric:
    """Returns the sample size n* at which an energy test of level 5% has power about 1/2.

    In samples on each side; NaN until `finish` has seen a floor, which is truth against as
    much fresh truth. Both sides are as long as the shorter of samples and reference, n, at which
    it is censored: a value of n says "more than n". Truth itself falls below n one time in
    twenty. Blind to what the energy distance is blind to.

    Array: `detection`, `[2]`: the energy distance of the first n points of both sides, and n.

    Example:
      metric = detection_n()
      values, arrays = metric.measure(key, outcome)
      values = metric.finish(values, arrays, floor.arrays)
    """

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        x, y = first_rows(outcome, len(outcome.samples), least=2)
        if too_far(x):
            return {"detection_n": math.nan}, {"detection": np.array([math.nan, len(x)])}
        diameter = outcome.dataset.diameter
        of_x, of_y = parted(x, y, diameter), parted(y, y, diameter)
        x_y = cross_sum(of_x, of_y, distance) / len(y)
        x_x, y_y = (
            within_sum(one, distance, exact=len(of_x.far) > 0) / (len(x) - 1.0) for one in (of_x, of_y)
        )
        return {"detection_n": math.nan}, {"detection": np.array([(2.0 * x_y - x_x - y_y) / len(x), len(x)])}

    columns = {"detection_n": Column(better="higher", censored=True)}
    return Metric(columns, measure, floor="two_sided", finish=_scaled, version=2)


def _scaled(
    values: Mapping[str, float], arrays: Mapping[str, np.ndarray], floor: Mapping[str, np.ndarray]
) -> Mapping[str, float]:
    """Returns the values with n*, at most n; NaN where a number is not finite."""
    energy, n = (float(number) for number in arrays["detection"])
    null = np.asarray(floor["detection"], np.float64)[:, 0]
    middle, high = np.quantile(null, [0.5, 0.95])
    excess = energy - float(middle)
    if not math.isfinite(excess):
        return {**values, "detection_n": math.nan}
    told = energy > float(high)
    return {**values, "detection_n": n * float(high - middle) / excess if told else n}
