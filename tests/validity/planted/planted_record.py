"""What a planted defect is: a sound variant, a broken one, where they are judged, and what tells them apart.

A variant is everything that makes samples. The sampler runs on the exact score unless the defect is in the
score itself, so that only the defect shows.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from diffbench.contracts import DATASETS, Array, Dataset, Sampler, Score, key_for
from diffbench.datasets.coordinates import in_data_coordinates
from diffbench.process import Process


@dataclasses.dataclass(frozen=True)
class Setting:
    """A dataset, and the coordinates that models see.

    Attributes:
      dataset: Registered name.
      params: Its parameters, as (name, value).
      raw: Whether models see data coordinates instead of standardised ones.
      metrics: Metrics that judge there.
    """

    dataset: str
    params: tuple[tuple[str, float], ...] = ()
    raw: bool = False
    metrics: tuple[str, ...] = ("energy", "mmd2", "sliced_w2", "mode_tv")

    @property
    def label(self) -> str:
        inner = ", ".join(f"{name} {value:g}" for name, value in self.params)
        return f"{self.dataset}{f' ({inner})' if inner else ''}, {'raw' if self.raw else 'standardised'}"

    def build(self) -> Dataset:
        return _built(self)


@functools.lru_cache(maxsize=8)
def _built(setting: Setting) -> Dataset:
    dataset = DATASETS.build(setting.dataset, **dict(setting.params))
    return in_data_coordinates(dataset) if setting.raw else dataset


def exact(dataset: Dataset, process: Process) -> Score:
    """Returns the exact score of a dataset on a process."""
    return lambda x, t: dataset.score(x, process.alpha(t), process.sigma(t))


# Hashed by identity, since the constants of a process are arrays.
@dataclasses.dataclass(frozen=True, eq=False)
class Variant:
    """What makes samples.

    Attributes:
      process: The noise process; samplers start from its prior.
      sampler: The sampler.
      score: (dataset, process) -> score.
    """

    process: Process
    sampler: Sampler
    score: Callable[[Dataset, Process], Score] = exact

    def program(self, dataset: Dataset, n: int) -> Callable[[int], Array]:
        """Returns a compiled function: number of the draw -> samples, standardised, `[n, D]`."""
        # Outside of what is compiled: a learned score is trained when it is first asked for.
        score = self.score(dataset, self.process)

        @jax.jit
        def run(key: Array) -> Array:
            key_prior, key_run = jax.random.split(key)
            x = self.process.prior(dataset.dim).sample(seed=key_prior, sample_shape=(n,))
            return self.sampler.run(key_run, x, score, self.process)[0]

        return lambda r: np.asarray(run(key_for(r, "validity", "draw", n)))


@dataclasses.dataclass(frozen=True)
class Trial:
    """A sound and a broken variant under the eyes of the metrics.

    Attributes:
      setting: Where they are judged.
      sound: No metric has a mean z of 2 or more on it.
      broken: What the metrics are asked about.
      seen_by: Columns with a mean z above 5; empty where every metric is blind, which is a finding.
      note: What of the variants the page should say.
    """

    setting: Setting
    sound: Callable[[], Variant]
    broken: Callable[[], Variant]
    seen_by: tuple[str, ...] = ()
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Check:
    """A statement that is exact, held without sampling a model.

    Attributes:
      text: What the number is, for the page.
      error: (subject) -> how far it is from what is stated, 0 where that holds.
      bound: Largest error of a sound subject: rounding, or the noise of a Monte Carlo with a fixed seed.
    """

    text: str
    error: Callable[[Any], float]
    bound: float


@dataclasses.dataclass(frozen=True)
class Defect:
    """A known mistake.

    Attributes:
      number: Its number, for the order.
      text: What is wrong, for the page.
      check: What catches it whatever the samples look like.
      sound: Returns what the check holds for.
      broken: Returns what it does not hold for.
      trials: Where the metrics are asked.
    """

    number: int
    text: str
    check: Check
    sound: Callable[[], Any]
    broken: Callable[[], Any]
    trials: tuple[Trial, ...]


NINE = Setting("nine_gaussians")
NINE_RAW = Setting("nine_gaussians", raw=True)
