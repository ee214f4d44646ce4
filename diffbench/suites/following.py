"""Which samplers of a suite follow the probability flow, and so can be held to the exact one."""

from __future__ import annotations

import math
from collections.abc import Iterable

import jax.numpy as jnp

from diffbench.contracts import METRICS, SAMPLERS, Dataset
from diffbench.process import Process
from diffbench.spec import Spec
from diffbench.suites.models import Model
from diffbench.suites.parts import Data
from diffbench.suites.suite import SuiteError


def unfollowed(sampler: Spec, process: Process, dataset: Dataset) -> str | None:
    """Returns why a sampler cannot be held to the exact flow on a process and data, or None.

    Args:
      sampler: Its specification.
      process: The noise process.
      dataset: The data.
    """
    built = SAMPLERS.from_spec(sampler)
    if built.unflown is not None:
        return built.unflown
    reached = math.exp(-0.5 * float(process.log_snr(jnp.asarray(built.end(process)))))
    if reached < dataset.smallest_sigma:
        return (
            f"it ends at sigma/alpha = {reached:.3g}, and the exact score of {dataset.name} can be trusted"
            f" down to {dataset.smallest_sigma:.3g}"
        )
    return None


def check(data: Data, models: Iterable[Model]) -> None:
    """Raises where a metric of the flow that is asked for by name meets a sampler that follows none."""
    for metric in data.metrics:
        if metric["name"] not in data.named or "flow" not in METRICS.from_spec(metric).needs:
            continue
        for model in models:
            for label, sampler in model.samplers:
                reason = unfollowed(sampler, model.built, data.dataset)
                if reason is not None:
                    raise SuiteError(
                        f"metrics: {metric['name']} is of samplers that follow the probability flow, and"
                        f" {label} does not on {data.item.label}: {reason}"
                    )
