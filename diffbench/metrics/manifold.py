"""How far the samples lie from the manifold of the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffbench.contracts import METRICS, Column, Measured, Metric, Outcome, PRNGKey
from diffbench.metrics.base import points


@METRICS.register("manifold_distance")
def manifold_distance() -> Metric:
    """Returns the mean and the 95% quantile of the distance to the manifold.

    Both in standardised lengths. The data has a thickness, so the floor is not zero:
    read them against it. Blind to where on the manifold the samples lie.
    """

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        distance: Any = outcome.dataset.distance
        if distance is None:
            raise ValueError(
                f"manifold_distance needs a dataset on a manifold; {outcome.dataset.name!r} is not"
            )
        x = points("samples", outcome.samples, dim=outcome.dataset.dim)
        d = np.asarray(distance(x), np.float64)
        return {
            "manifold_distance": float(d.mean()),
            "manifold_distance_q95": float(np.quantile(d, 0.95)),
        }, {}

    columns = {"manifold_distance": Column(), "manifold_distance_q95": Column()}
    return Metric(columns, measure, needs=("samples", "manifold"), floor="two_sample")
