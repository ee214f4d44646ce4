"""The contract of a metric: its columns, on truth against truth, are plain numbers."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np

from diffbench.contracts import DATASETS, Array, Flow, Metric, Outcome, key_for
from diffbench.process import PROCESSES
from diffbench.testing.base import Examination, Findings


def check_metric(metric: Metric, n: int = 128) -> Findings:
    """Checks a metric: its columns, on truth against truth, are plain numbers.

    NaN is allowed in optional columns only.

    Args:
      metric: A built metric.
      n: Samples on each side.

    Returns:
      What was measured against what bound.

    Raises:
      ContractError: If it breaks its contract.
    """
    look = Examination()
    look.instance("metric", metric, Metric)
    on_manifold = {"manifold", "intrinsic"} & {*metric.needs}
    dataset = DATASETS.build("circle" if on_manifold else "nine_gaussians")
    if "grey" in metric.needs:
        # Levels of any width will do.
        dataset = dataclasses.replace(dataset, grey=0.1)
    process = PROCESSES.build("vp")
    key_x, key_y, key_train, key_m = jax.random.split(key_for(0, "check", "metric"), 4)
    x, y, train = (dataset.standardise(dataset.sample(key, n)) for key in (key_x, key_y, key_train))

    def score(x: Array, t: Array) -> Array:
        return dataset.score(x, process.alpha(t), process.sigma(t))

    prepared = metric.prepare(y, dataset) if metric.prepare else None
    flow = Flow(np.asarray(x), np.asarray(y), np.asarray(train))
    outcome = Outcome(x, y, train, score, process, dataset, prepared, flow)
    values, arrays = metric.measure(key_m, outcome)
    if metric.finish is not None:
        values = metric.finish(values, arrays, {k: np.stack([v, 2 * v + 1]) for k, v in arrays.items()})
    look.expect("columns", list(values) == list(metric.columns), list(metric.columns), list(values))
    for column, value in values.items():
        look.expect(column, isinstance(value, float), "a float", type(value).__name__)
        missing = metric.columns[column].optional and np.isnan(value)
        look.expect(column, missing or np.isfinite(value), "a finite number", value)
    for name, array in arrays.items():
        look.expect(name, isinstance(array, np.ndarray), "a NumPy array", type(array).__name__)
    return look.findings()
