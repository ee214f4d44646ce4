"""A metric: what it may look at, what it needs of that, and the numbers it reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from diffbench.contracts.arrays import Points, PRNGKey, Score
from diffbench.contracts.dataset import KNOWN, Dataset, Need
from diffbench.process import Process


class Flow(NamedTuple):
    """Where a sampler, and the flows that it follows, lead from the same starting points; standardised.

    Attributes:
      reached: The sampler's samples, `[n, D]`.
      exact: The points of the exact score's probability flow, `[n, D]`, float64.
      own: Those of the flow of the sampler's own score, `[n, D]`, float64; None where that is exact.
    """

    reached: Points
    exact: Points
    own: Points | None = None


class Outcome(NamedTuple):
    """What a metric may look at. Widen this record, never a signature.

    Attributes:
      samples: Samples of a model, standardised, `[n, D]`.
      reference: Fresh truth, standardised, `[m, D]`.
      train: Training points, `[k, D]`, or None where data was unlimited.
      score: The score the samples came from, or None for truth rows.
      process: Its process, or None for truth rows.
      dataset: The dataset.
      prepared: What the metric's `prepare` returned.
      flow: Where the flow leads, for a metric that needs it.
    """

    samples: Any
    reference: Points
    train: Points | None
    score: Score | None
    process: Process | None
    dataset: Dataset
    prepared: Any = None
    flow: Flow | None = None

    def need(self, what: str) -> Any:
        """Returns what a metric needs of a row.

        Args:
          what: One of `NEEDS`.

        Raises:
          ValueError: If the row, or its dataset, has none.
        """
        if what in KNOWN:
            return self.dataset.need(what)
        found = NEEDS[what].of(self)
        if found is None:
            raise ValueError(f"it needs {NEEDS[what].words}, and this row has none")
        return found


NEEDS: Mapping[str, Need] = {
    "samples": Need("samples", lambda row: row.samples),
    "score": Need("a score", lambda row: row.score),
    "divergence": Need("the divergence of its score", lambda row: row.score),
    "process": Need("a noise process", lambda row: row.process),
    "flow": Need("a sampler that follows the probability flow", lambda row: row.flow),
    "train": Need("a finite training set (train_size of at least 2)", lambda row: row.train),
    **KNOWN,
}
"""What a metric may need, by the word of `Outcome.need` and `Metric.needs`: of a row, and of its dataset."""


Better = Literal["lower", "higher", "truth"]


@dataclasses.dataclass(frozen=True)
class Column:
    """One number a metric reports.

    Attributes:
      better: What is good: "lower", "higher", or "truth", nearest to what truth reads, where both
        sides are bad: `perfect` where it is known, the mean of the floor elsewhere.
      perfect: The value of a perfect model, or None where it depends on the data.
      censored: Whether a value of n, the number of samples, stands for "more than n".
      optional: Whether it is NaN where the process or the data has no such number.
    """

    better: Better = "lower"
    perfect: float | None = None
    censored: bool = False
    optional: bool = False


Measured = tuple[Mapping[str, float], Mapping[str, np.ndarray]]
"""Values by column, and named arrays (curves), of one measurement."""

Finish = Callable[
    [Mapping[str, float], Mapping[str, np.ndarray], Mapping[str, np.ndarray]], Mapping[str, float]
]
"""(values, arrays, the floor's arrays `[R, ...]`) -> values, scaled by the floor."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """A judge of samples or of scores.

    Attributes:
      columns: What it reports, in order.
      measure: (key, outcome) -> values by column and named arrays.
      needs: What the outcome must offer, of `NEEDS`. Without "samples" the measurement belongs to the
        score, and every draw from that score shares it; with "flow" to score and sampler, and its
        parameter `points` says how many starting points.
      floor: "two_sample" where truth against the reference gives a noise floor that
        values are read against; "two_sided" where `finish` needs draws of truth against
        as many fresh points of truth, and values have no z; else None.
      skips: Names of the sources of scores that it says nothing of.
      prepare: (reference, dataset) -> what depends on the truth alone, computed once
        for many measurements; it arrives as `outcome.prepared`.
      finish: Where a column is scaled by the floor: (values, arrays, floor) -> values.
      least: Fewest points that it can be taken of: of "samples", "reference", "train".
      against: (dataset, m) -> what stands for the truth that samples are compared with, such as "closed
        form" or "reference of m": a row says it. Empty where it goes without saying.
      version: Changed whenever the values change.
    """

    columns: Mapping[str, Column]
    measure: Callable[[PRNGKey, Outcome], Measured]
    needs: tuple[str, ...] = ("samples",)
    floor: Literal["two_sample", "two_sided"] | None = None
    skips: tuple[str, ...] = ()
    prepare: Callable[[Points, Dataset], Any] | None = None
    finish: Finish | None = None
    least: Mapping[str, int] = dataclasses.field(default_factory=dict)
    against: Callable[[Dataset, int], str] = lambda dataset, m: ""
    version: int = 1
