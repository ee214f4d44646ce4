"""Sources of scores: exact, empirical, perturbed; see `fits` for learned ones and `brought` for others."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractContextManager, nullcontext

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from diffbench import checks
from diffbench.api import arguments, asking, session, showing
from diffbench.api.data import Data, data_of
from diffbench.api.noise import Noise, entry_of
from diffbench.contracts import Array
from diffbench.process import Process
from diffbench.programs import model as models
from diffbench.programs import scores as sources
from diffbench.records.store import Store
from diffbench.sources.base import BoundScore
from diffbench.spec import Json, JsonObject
from diffbench.stages.draw import score_of
from diffbench.suites.cells import Cell


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Score:
    """A score on a dataset and a process, which any sampler runs on; see `diffbench.exact` and others.

    Attributes:
      kind: "exact", "empirical", "learned", "perturbed" or "brought".
      data: The dataset.
      content: What a suite says of it.
      about: For reading.
      seed: Seed of what it was made from: a fit, or a finite training set.
      store: Where what it was made from is kept.
    """

    kind: str
    data: Data
    content: Json
    about: Json
    seed: int
    store: Store

    def asked(self) -> Json:
        """Returns what a suite says of it; of a function that may change, anew each time."""
        return self.content

    def on(self, data: Data | str | None) -> Score:
        """Returns this score, on a dataset where it has none of its own.

        Raises:
          ValueError: If it has another.
        """
        name = data.name if isinstance(data, Data) else data
        if name is not None and name != self.data.name:
            raise ValueError(f"dataset must be {self.data.name!r}, on which the score is; got {name!r}")
        return self

    def cell(self, **more: object) -> Cell:
        """Returns the cell of this score under a sampler and a number of samples."""
        content = {"samplers": ["probability_flow"], "seeds": [self.seed], **self.asked(), **more}
        (found,) = asking.model_cells(asking.cells_of(asking.suite_of(content)))
        return found

    @session.pinned
    def __call__(self, x: ArrayLike, t: float) -> np.ndarray:
        """Returns the score at points and a time, `[n, D]`, data coordinates.

        As of `Data.score_at`, x is scale x_t + mean: the score is that of these coordinates.

        Args:
          x: Points, `[n, D]`, or a grid `[..., D]`.
          t: Time, in [t_min, t_max] of the process.
        """
        seen, process = self.data.seen, self.process
        x, t = arguments.points(x, seen.dim), arguments.time(t, process)
        standard = jnp.asarray(seen.standardise(x.reshape(-1, seen.dim)), float)
        found = np.asarray(self.evaluate(standard, jnp.asarray(t, float)))
        return found.reshape(x.shape) / seen.scale

    def evaluate(self, x: Array, t: Array) -> Array:
        """Returns the score of standardised points, as samplers see it, `[n, D]`."""
        return sources.evaluator(self.bound(), self.process)(x, t)

    def bound(self) -> BoundScore:
        """Returns the score with its arrays, as samplers and metrics get it."""
        return score_of(self.cell().draw, session.inputs(self.store), self.data.seen)

    @property
    def process(self) -> Process:
        """The noise process."""
        return models.make_process(self.cell().draw["process"])

    @property
    def lacks(self) -> str | None:
        """Why its divergence cannot be had, or None where it can."""
        return None

    def watched(self) -> AbstractContextManager[object]:
        """Returns a block in which what a function of the user raises is told as its own."""
        return nullcontext()

    def __repr__(self) -> str:
        return showing.line("Score", {"": self.kind, "data": self.data.name, **self.about})

    def _repr_html_(self) -> str:
        title = f"{self.kind} score on {self.data.name}"
        return showing.table(title, self.about)


def content_of(data: Data, process: Noise | str, score: object, **more: object) -> JsonObject:
    """Returns what a suite says of a score on a process."""
    family = {"name": asking.ANY_FAMILY, "process": entry_of(process)}
    entry = {**data.entry, **more}
    about = {"datasets": [entry], "families": [family], "scores": [score]}
    return {**about, "standardise": data.standardise, **data.sizes}


def becomes(given: object) -> str:
    """Returns what to do with a function where a score was asked for."""
    return "; a function of yours is one by diffbench.score(function, ...)" if callable(given) else ""


def _name(process: Noise | str) -> str:
    return str(entry_of(process)["name"])


def exact(data: Data | str, process: Noise | str = "vp") -> Score:
    """Returns the exact score of the diffused data.

    Samplers on it err by solving alone.

    Args:
      data: A dataset, or its name.
      process: A noise process, or its name.

    Raises:
      ValueError: If the data has no exact score, or none as far down as the process goes.
    """
    data = data_of(data)
    about = {"process": _name(process)}
    made = Score("exact", data, content_of(data, process, "exact"), about, 0, session.folder())
    made.cell()
    return made


def empirical(data: Data | str, process: Noise | str = "vp", *, size: int = 64, seed: int = 0) -> Score:
    """Returns the exact score of a finite training set: it minimises the training loss, and memorises.

    Args:
      data: A dataset, or its name.
      process: A noise process, or its name.
      size: Training points, which are those of a fit with this `train_size` and seed.
      seed: Seed of the training set.
    """
    data = data_of(data)
    size, seed = arguments.whole("size", size, 1), arguments.whole("seed", seed)
    about = {"process": _name(process), "size": size, "seed": seed}
    content = content_of(data, process, "empirical", train_size=size)
    made = Score("empirical", data, content, about, seed, session.folder())
    made.cell()
    return made


def perturbed(score: Score, /, *, error: str = "constant", size: float = 1.0) -> Score:
    """Returns a score with a known error, at most `size` in each coordinate at every time.

    Args:
      score: An exact, empirical or learned score.
      error: "constant", or "field" for a smooth random one.
      size: Bound of the error, in standardised units of the score.
    """
    if not isinstance(score, Score):
        raise TypeError(f"score must be an exact, empirical or learned one; got {type(score).__name__}")
    (size,) = arguments.plain({"size": size}).values()
    checks.finite(size=size)
    if score.kind not in ("exact", "empirical", "learned"):
        raise ValueError(f"score must be exact, empirical or learned; got a {score.kind} one")
    label = f"{score.kind} + {error} {size:g}"
    entry = {"name": "perturbed", "label": label, "of": score.kind, "error": error, "size": size}
    content = {**score.content, "scores": [entry]}
    about = {"of": score.kind, **score.about, "error": error, "size": size}
    made = Score("perturbed", score.data, content, about, score.seed, score.store)
    made.cell()
    return made
