"""What the nearest neighbours tell of samples and reference: precision, recall, density, coverage.

They put a ball around each point that reaches its k-th nearest neighbour on its own side, open:
a point at that distance is outside, so the ball of a point with k copies holds nothing.

  precision  share of samples in some ball of the reference
  recall     share of reference points in some ball of the samples
  density    balls of the reference that hold a sample, per sample, divided by k
  coverage   share of the balls of the reference that hold a sample

For a perfect model, n points on both sides, the ranks of the two sides around a reference
point are exchangeable whatever the data, hence density is 1 and coverage, on average,
1 - prod_j (n - 1 - j)/(2n - 1 - j) over j < k, which is 1 - 2^-k for large n.

References:
  Kynkaanniemi et al. (2019), Improved precision and recall metric.
  Naeem et al. (2020), Reliable fidelity and diversity metrics for generative models,
    equations 4 and 5.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import spatial

from diffbench import checks
from diffbench.contracts import METRICS, Column, Measured, Metric, Outcome, PRNGKey
from diffbench.metrics.base import first_rows, nearest_others
from diffbench.metrics.far import too_far

# Points asked about at once: all their neighbours are listed, and a ball may hold every point.
_BLOCK = 1024
# The tree takes closed balls. Shrunk by more than rounding, they are open.
_OPEN = 1.0 - 1e-12


@METRICS.register("prdc")
def prdc(*, k: int = 5, points: int = 2_000) -> Metric:
    """Returns precision, recall, density and coverage by k-nearest-neighbour balls.

    All four in [0, 1] but density, which exceeds 1 where samples crowd in dense regions:
    higher is better up to 1. All are NaN where a sample is not finite.

    Args:
      k: Neighbours that a ball reaches to.
      points: Points at most of each side, the first ones; as many of both. 10,000 take
        about a tenth of a second in two dimensions, and many seconds in twenty.
    """
    checks.count("k", k)
    checks.count("points", points, least=2)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        x, y = first_rows(outcome, points, least=2)
        if len(x) <= k:
            raise ValueError(f"k must be below the number of points on each side; got {k} and {len(x)}")
        if too_far(x):
            return dict.fromkeys(columns, math.nan), {}
        held, inside = _members(y, nearest_others(y, k), x)
        _, recalled = _members(x, nearest_others(x, k), y)
        values = {
            "precision": float(inside.mean()),
            "recall": float(recalled.mean()),
            "density": float(held.sum()) / (k * len(x)),
            "coverage": float((held > 0).mean()),
        }
        return values, {}

    columns = {
        "precision": Column(better="higher"),
        "recall": Column(better="higher"),
        "density": Column(better="higher", perfect=1.0),
        "coverage": Column(better="higher", perfect=1.0 - 0.5**k),
    }
    return Metric(columns, measure, floor="two_sample", least={"samples": k + 1, "reference": k + 1})


def _members(centres: np.ndarray, radii: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how many of x each open ball holds, `[c]`, and whether some ball holds each, `[n]`."""
    tree = spatial.KDTree(x)
    held, inside = np.zeros(len(centres), np.int64), np.zeros(len(x), bool)
    # An open ball of no radius holds nothing; the tree's closed one holds what coincides with it.
    some = np.flatnonzero(radii > 0.0)
    for start in range(0, len(some), _BLOCK):
        rows = some[start : start + _BLOCK]
        balls = tree.query_ball_point(centres[rows], _OPEN * radii[rows])
        held[rows] = [len(ball) for ball in balls]
        inside[np.fromiter((i for ball in balls for i in ball), np.int64)] = True
    return held, inside
