"""How far the probability flow of a score strays from the exact one on the way from noise to data.

Both start from the same points of the process's prior and are followed to the process's own end. Distances
are between points divided by sqrt(alpha^2 + sigma^2), standardised: data of unit variance keep it from the
first frame to the last, so a distance means the same on the whole way and under every process. Frames are
even in log_snr, most noise first: the curve says *when* a learned path leaves the exact one.

A flow amplifies what happens early: an error at high noise moves a point to another mode, one at low noise
blurs it. `score_error` weighs a score at points of the truth; this follows it to where it leads itself.

References:
  Song et al. (2021), section 4.3, for the flow.
"""

from __future__ import annotations

import math

import numpy as np

from diffbench import checks
from diffbench.contracts import METRICS, Column, Measured, Metric, Outcome, PRNGKey, key_for
from diffbench.metrics.base import covered
from diffbench.programs import trajectory
from diffbench.programs.flow import starts
from diffbench.sources.exact import NAME as EXACT

MOST = 2**14
"""Numbers that are kept of a frame: 20 images of 28x28."""


@METRICS.register("trajectory_error")
def trajectory_error(*, points: int = 256, frames: int = 24) -> Metric:
    """Returns the distance between the paths of a score and of the exact one, from the same noise.

    Column: `trajectory_error`, the root mean square distance over the points at each frame, standardised and
    at unit variance, averaged over the frames. It is measured once for a score, whatever samples it. The
    solver's own share is some 1e-4 (`programs.trajectory`).

    Arrays: `trajectory_log_snr` and `trajectory_curve`, `[K]`, the frames and the distance at each;
    `trajectory_learned` and `trajectory_exact`, `[K, kept, D]` float32, the paths of the first points, as
    many as make 2^14 numbers a frame: at unit variance, in data coordinates, so the last frame is data.

    The starting points depend on the dataset alone: families of one process start from the very same, and an
    interval over seeds is one over trainings, not over starting points. Where
    the dataset's exact score cannot be trusted at the end of the process (`smallest_sigma`), the column is
    NaN and there are no paths.

    Args:
      points: Starting points.
      frames: Frames K, evenly spaced in log_snr from the process's t_max to its t_end.
    """
    checks.count("points", points)
    checks.count("frames", frames, least=2)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        score, process, dataset = outcome.need("score"), outcome.need("process"), outcome.dataset
        way = trajectory.way_of(process, frames)
        if not covered(process, dataset, float(way.log_snr[0]), float(way.log_snr[-1])):
            return {"trajectory_error": math.nan}, {}
        start = starts(process, key_for(0, "trajectory", dataset.name), points, dataset.dim)
        learned = trajectory.follow(score, way, start)
        exact = trajectory.follow_exact(dataset.known, way, start)
        curve = _apart(learned, exact)
        kept = min(points, max(1, MOST // dataset.dim))
        arrays = {
            "trajectory_log_snr": way.log_snr,
            "trajectory_curve": curve,
            "trajectory_learned": np.asarray(dataset.restore(learned[:, :kept]), np.float32),
            "trajectory_exact": np.asarray(dataset.restore(exact[:, :kept]), np.float32),
        }
        return {"trajectory_error": float(curve.mean())}, arrays

    # Of the exact score it would say zero, by construction.
    columns = {"trajectory_error": Column(perfect=0.0)}
    return Metric(columns, measure, needs=("score", "truth"), skips=(EXACT,))


def _apart(learned: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Returns the root mean square distance of points `[K, n, D]` at each frame, `[K]` float64."""
    # In float64, whose squares hold whatever float32 does; what is not finite makes its frame so.
    with np.errstate(invalid="ignore"):
        gap = learned.astype(np.float64) - exact
    return np.sqrt((gap**2).sum(axis=2).mean(axis=1))
