"""Samples: of truth, or of any source of scores by any sampler."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from diffbench.api import arguments, session, showing
from diffbench.api.data import Data
from diffbench.api.fits import Fit
from diffbench.api.own import name_of
from diffbench.api.scores import Score, becomes
from diffbench.contracts import SAMPLERS
from diffbench.records.store import Store
from diffbench.spec import Json, JsonObject, Parameter, identify
from diffbench.suites.cells import Cell
from diffbench.suites.items import Entry


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Samples:
    """Samples and what they cost; see `diffbench.sample`.

    Attributes:
      samples: Data coordinates, `[n, D]`.
      nfe: Score evaluations spent on each.
      score: The score they are of.
      about: For reading.
      content: What a suite says of them.
      store: Where they are kept.
    """

    samples: np.ndarray
    nfe: int
    score: Score
    about: Json
    content: Json
    store: Store

    @property
    def data(self) -> Data:
        """The dataset."""
        return self.score.data

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.samples, dtype=dtype, copy=True if copy is None else copy)

    def __len__(self) -> int:
        return len(self.samples)

    def __repr__(self) -> str:
        about = {"": list(self.samples.shape), "of": self.score.kind, "data": self.data.name, **self.about}
        return showing.line("Samples", {**about, "nfe": self.nfe})

    def _repr_html_(self) -> str:
        rows = {"of": repr(self.score), **self.about, "nfe": self.nfe, "shape": list(self.samples.shape)}
        shown = showing.table("Samples, data coordinates", rows)
        if self.samples.shape[1] != 2:
            return shown
        truth = self.data.sample(min(len(self), 2000))
        return shown + showing.points({"truth": truth, self.score.kind: self.samples})


def sample(
    score: Score,
    /,
    sampler: Entry | None = None,
    *,
    n: int = 2000,
    seed: int | None = None,
    dataset: Data | str | None = None,
    cache: Path | str | None = None,
    **params: Parameter,
) -> Samples:
    """Draws samples; the same request is the same samples, to the bit, as a suite's.

    Args:
      score: What to sample: an exact, empirical, perturbed, learned or brought score.
      sampler: A sampler's name; that of the paper of a fitted family by default, else `probability_flow`.
      n: Number of samples.
      seed: Seed of the noise; that of the fit where there is one, else 0. For one seed all scores start
        from the same noise.
      dataset: The dataset, or its name, where a brought score has none.
      cache: A results folder to keep them in and to look for them; where the score is kept by default.
      **params: Parameters of the sampler, such as `steps=50`.

    Raises:
      ValueError: If a name or a number is wrong, or the sampler does not fit the process.
      Failed: If samples are not finite, or a solve did not end.

    Example:
      x = diffbench.sample(diffbench.exact("two_moons"), "ancestral", steps=100, n=5_000)
      x.samples, x.nfe
    """
    if isinstance(score, Data):
        raise TypeError("score must be a source of scores; truth itself is data.sample(n, seed=0)")
    if not isinstance(score, Score):
        raise TypeError(f"score must be a source of scores; got {type(score).__name__}{becomes(score)}")
    score = score.on(dataset)
    named: object = (
        (score.sampler if isinstance(score, Fit) else "probability_flow") if sampler is None else sampler
    )
    entry = dict(named) if isinstance(named, Mapping) else {"name": name_of(SAMPLERS, named)}
    entry |= arguments.plain(params)
    n = arguments.whole("n", n, 2)
    made_from = score.kind in ("learned", "empirical") or "seed" in score.about
    seed = score.seed if seed is None else arguments.whole("seed", seed)
    if made_from and seed != score.seed:
        raise ValueError(
            f"seed must be {score.seed}, that of the {_origin(score)}: one seed is the data, the weights and "
            f"the noise of a row; got {seed}"
        )
    content = {**score.asked(), "samplers": [entry], "seeds": [seed], "samples": n}
    store = score.store if cache is None else session.folder(cache)
    return drawn(score, content, store, {"sampler": entry["name"], **_rest(entry), "seed": seed})


def _origin(score: Score) -> str:
    return "training set" if score.kind == "empirical" else "fit"


def _rest(entry: Json) -> JsonObject:
    return {key: one for key, one in entry.items() if key != "name"}


def drawn(score: Score, content: Json, store: Store, about: Json) -> Samples:
    """Draws what is not there yet, and returns it."""
    cell = score.cell(**content)
    _bring_fit(cell, score, store)
    with score.watched():
        session.made([dataclasses.replace(cell, metrics=())], store)
        found = session.record("the draw", cell.draw, store)
    samples = store.arrays("draw", identify(cell.draw))["samples"]
    return Samples(samples, int(found["nfe"]), score, about, content, store)


def _bring_fit(cell: Cell, score: Score, store: Store) -> None:
    """Has the fit that a draw needs in the folder of the draw."""
    if cell.fit is None or store.root == score.store.root:
        return
    name = identify(cell.fit)
    if store.read("fit", name) is None:
        found = session.record("the fit", cell.fit, score.store)
        store.prepare()
        kept = {key: one for key, one in found.items() if key not in ("arrays", "schema")}
        store.write("fit", name, kept, score.store.arrays("fit", name))
