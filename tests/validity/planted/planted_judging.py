"""The judges: references, floors and mean z, each computed once for a setting and a number of samples."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from planted_record import Setting

from diffbench.contracts import METRICS, Dataset, Metric, Outcome, key_for
from diffbench.metrics.floor import Floor, against_floor, floor_of

DRAWS = 5
# Columns of the judged metrics that the page shows.
COLUMNS = ("energy", "mmd2", "mmd2_local", "sliced_w2", "mode_tv", "manifold_distance")
SEEN, BLIND = 5.0, 2.0


@dataclasses.dataclass(frozen=True)
class Judge:
    """A metric with what it needs to read a value.

    Attributes:
      metric: The metric.
      reference: Truth, standardised, `[n, D]`.
      prepared: What the metric made of it.
      floor: Truth against that reference.
    """

    metric: Metric
    reference: Any
    prepared: Any
    floor: Floor

    def z(self, dataset: Dataset, samples: Any, r: int) -> Mapping[str, float]:
        """Returns z by column of one draw."""
        outcome = Outcome(samples, self.reference, None, None, None, dataset, self.prepared)
        values, arrays = self.metric.measure(key_for(r, "validity", "measure"), outcome)
        if self.metric.finish is not None:
            values = self.metric.finish(values, arrays, self.floor.arrays)
        return {c: against_floor(values[c], self.floor.values[c]).z for c in values if c in COLUMNS}


@functools.cache
def judges(setting: Setting, n: int, floor_draws: int) -> tuple[Judge, ...]:
    """Returns the judges of a setting at n samples, with floors of a number of truth draws."""
    dataset = setting.build()
    reference = dataset.standardise(dataset.sample(key_for(0, "validity", "reference", setting.label), n))
    made = []
    for name in setting.metrics:
        metric = METRICS.build(name)
        prepared = None if metric.prepare is None else metric.prepare(reference, dataset)
        # A floor prepares for itself; here it is handed what is already made.
        given = (
            metric
            if metric.prepare is None
            else dataclasses.replace(metric, prepare=lambda *_, p=prepared: p)
        )
        floor = floor_of(given, dataset, reference, n, floor_draws, label=f"validity, {setting.label}")
        made.append(Judge(metric, reference, prepared, floor))
    return tuple(made)


def mean_z(setting: Setting, make: Callable[[int], Any], n: int, floor_draws: int) -> dict[str, float]:
    """Returns the mean z over five draws by column.

    Args:
      setting: Where to judge.
      make: Number of the draw -> samples, standardised, `[n, D]`.
      n: Number of samples.
      floor_draws: Truth draws of a floor.
    """
    rows: dict[str, list[float]] = {}
    for r in range(DRAWS):
        samples = make(r)
        for judge in judges(setting, n, floor_draws):
            for column, z in judge.z(setting.build(), samples, r).items():
                rows.setdefault(column, []).append(z)
    return {column: float(np.mean(values)) for column, values in rows.items()}


def word(z: float) -> str:
    """Returns "seen", "weak" or "blind" for a mean z; samples that are not finite are seen."""
    if not np.isfinite(z) or z > SEEN:
        return "seen"
    return "weak" if z >= BLIND else "blind"
