"""Whether the samples are copies of the training points.

A sample x has a nearest training point y; call d(x, y) its distance to the training set.

  copied        share of samples closer to y than y's nearest other training point is
  authenticity  share of samples further from y than that
  C_T           Mann-Whitney z of the samples' distances to the training set against
                those of held-out truth

Alaa et al. define authenticity sample by sample, so it is 1 - copied but for ties. (Their
program asks for the nearest sample of each training point instead: other numbers.) What
held-out truth scores depends on the data: in two dimensions about 0.6 of it counts as
copied, in twenty about 0.3. C_T has that comparison built in.

References:
  Alaa et al. (2022), How faithful is your synthetic data?, section 4.
  Meehan, Chaudhuri & Dasgupta (2020), A non-parametric test to detect data-copying in
    generative models, section 3, for C_T.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from diffbench.contracts import METRICS, Column, Measured, Metric, Outcome, PRNGKey
from diffbench.metrics.base import exact_points, nearest, nearest_others
from diffbench.metrics.far import too_far


@METRICS.register("memorisation")
def memorisation() -> Metric:
    """Returns the shares of copied and of authentic samples, and the C_T statistic.

    Columns: `copied` and `authenticity`, in [0, 1]; `ct`, a z-score, strongly negative
    where samples lie closer to the training points than held-out truth does (copying),
    strongly positive where they lie further (samples off the data). It is the global form,
    of one cell: the paper's mean over the cells of a partition sees copying in one region
    that blur in another makes up for, and this does not. Held-out truth is the reference.

    0 is what a perfect model has in `ct`, and nearer to it is better: below is copying, which no
    two-sample metric sees, above are samples off the data, which all of them see.

    A copy of a training point that the training set holds twice is a tie, d = 0 on both
    sides: neither copied nor authentic; `ct` sees it. All columns are NaN where a sample
    is not finite.

    Array: `train`, the training points in data coordinates, `[k, D]`.

    Example:
      metric = memorisation()
      values, _ = metric.measure(key, outcome)
    """

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        train = exact_points("train", outcome.need("train"), least=2)
        dim = train.shape[1]
        x = exact_points("samples", outcome.samples, dim=dim)
        held_out = exact_points("reference", outcome.reference, dim=dim)
        if too_far(x):
            return dict.fromkeys(columns, math.nan), {}
        to_train, which = (a[:, 0] for a in nearest(x, train, 1))
        spacing = nearest_others(train, 1)[which]
        values = {
            "copied": float((to_train < spacing).mean()),
            "ct": mann_whitney_z(to_train, nearest(held_out, train, 1)[0][:, 0]),
            "authenticity": float((to_train > spacing).mean()),
        }
        return values, {"train": np.asarray(outcome.dataset.restore(train), np.float32)}

    columns = {
        "copied": Column(),
        "ct": Column(better="truth", perfect=0.0),
        "authenticity": Column(better="higher"),
    }
    return Metric(columns, measure, needs=("samples", "train"))


def mann_whitney_z(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the z-score of the Mann-Whitney U of a against b: negative where a is smaller.

    Ties count one half, and the variance is that without ties, as in the paper: with ties
    the score is a little small.

    Args:
      a: `[n]`.
      b: `[m]`.
    """
    n, m = len(a), len(b)
    u = stats.rankdata(np.concatenate([a, b]))[:n].sum() - 0.5 * n * (n + 1.0)
    return float((u - 0.5 * n * m) / math.sqrt(n * m * (n + m + 1.0) / 12.0))
