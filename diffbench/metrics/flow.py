"""How far a deterministic sampler ends from where the exact probability flow leads, point by point."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import METRICS, Column, Dataset, Measured, Metric, Outcome, PRNGKey


@METRICS.register("flow_error")
def flow_error(*, points: int = 256) -> Metric:
    """Returns the distance of samples from the points to which the exact flow leads from their own starts.

    No chance is in it: the starting points are the same for every sampler, and where the exact score
    leads from them is known in float64. Columns, in standardised lengths:

      flow_error      median distance from the exact flow's points
      flow_rms        its root mean square, which a few points that a border splits decide
      flow_elsewhere  share of points in another mode, or farther than the resolution of the data
      flow_solving    median distance from the points to which the score's own flow leads: the solver's
      flow_learning   median distance of these from the exact flow's: the score's

    The last two are NaN for the exact score, which has nothing to learn. Only samplers that follow the
    probability flow are judged (`Sampler.unflown`). Array: `flow_reached`, the samples, `[n, D]`.

    Args:
      points: Starting points.

    References:
      Song et al. (2021), section 4.3, for the flow.
    """
    checks.count("points", points)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        flow = outcome.need("flow")
        reached, exact = np.asarray(flow.reached, np.float64), np.asarray(flow.exact, np.float64)
        error = _far(reached, exact)
        values = {
            "flow_error": float(np.median(error)),
            "flow_rms": float(np.sqrt(np.mean(error**2))),
            "flow_elsewhere": float(np.mean(_elsewhere(outcome.dataset, reached, exact, error))),
            "flow_solving": math.nan,
            "flow_learning": math.nan,
        }
        if flow.own is not None:
            own = np.asarray(flow.own, np.float64)
            values["flow_solving"] = float(np.median(_far(reached, own)))
            values["flow_learning"] = float(np.median(_far(own, exact)))
        return values, {"flow_reached": np.asarray(flow.reached)}

    columns = {
        "flow_error": Column(perfect=0.0),
        "flow_rms": Column(perfect=0.0),
        "flow_elsewhere": Column(perfect=0.0),
        "flow_solving": Column(perfect=0.0, optional=True),
        "flow_learning": Column(perfect=0.0, optional=True),
    }
    return Metric(columns, measure, needs=("score", "flow"))


def _far(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.norm(x - y, axis=1)


def _elsewhere(dataset: Dataset, reached: np.ndarray, exact: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Returns whether points landed in another mode or farther than the resolution, `[n]`."""
    # What is not finite is nowhere near.
    far = ~(error <= dataset.resolution)
    if dataset.modes is None:
        return far
    nearest = (
        np.argmax(np.asarray(dataset.modes.responsibilities(jnp.asarray(x, float))), axis=1)
        for x in (reached, exact)
    )
    return far | (next(nearest) != next(nearest))
