"""The exact optimal transport between samples and reference.

References:
  Peyre & Cuturi (2019), Computational optimal transport, section 2.2: between as many
    points on both sides, each of the same mass, the optimal plan is an assignment.
"""

from __future__ import annotations

import math

from scipy import optimize, spatial

from diffbench import checks
from diffbench.contracts import METRICS, Column, Measured, Metric, Outcome, PRNGKey
from diffbench.metrics.base import first_rows
from diffbench.metrics.far import too_far


@METRICS.register("w2")
def w2(*, points: int = 1_000) -> Metric:
    """Returns the squared Wasserstein-2 distance by an exact assignment.

    Its unit is the standardised length squared. Under truth it is far from zero and falls
    slowly with the number of points, as n^(-2/D) in D > 4 dimensions: read it against its
    floor. NaN where a sample is not finite, or too far to square.

    Args:
      points: Points at most of each side, the first ones; as many of both. Time grows as
        their cube and memory as their square: 1,000 take a sixth of a second.
    """
    checks.count("points", points)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        x, y = first_rows(outcome, points)
        if too_far(x):
            return {"w2": math.nan}, {}
        cost = spatial.distance.cdist(x, y, "sqeuclidean")
        return {"w2": float(cost[optimize.linear_sum_assignment(cost)].mean())}, {}

    return Metric({"w2": Column()}, measure, floor="two_sample")
