"""What a source of scores is: what it needs, and the score that it makes of that.

A source is a part like the others: a builder with keyword-only parameters, registered in `SOURCES`. What
it makes is a `BoundScore`: a function, static, and the arrays that it holds, which enter compiled programs
as arguments. A sampler cannot know which source a score came from.

Nothing here imports JAX, nor does a file whose source tables speak of: they read its `NAME` and do without.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from diffbench.registry import Registry
from diffbench.spec import Json, Spec

if TYPE_CHECKING:
    from diffbench.contracts import Array, Dataset, Score, Truth
    from diffbench.process import Process

NEEDS = ("truth", "fit", "train")
"""What a source may ask for: a truth that is known, a trained model, a finite training set."""


class BoundScore(NamedTuple):
    """A score, and the arrays that it is bound to.

    Attributes:
      spec: JSON that decides `score`: two bound scores of equal spec share their compiled programs.
      arrays: What it holds, a pytree: network parameters, a truth, points.
      score: (arrays, process) -> the score (x `[n, D]`, t `[]`) -> `[n, D]`, by pure functions.
    """

    spec: Spec
    arrays: Any
    score: Callable[[Any, Process], Score]


def of_truth(spec: Spec, truth: Truth) -> BoundScore:
    """Returns the diffused score of a truth, which is what it holds."""
    return BoundScore(spec, truth, _diffused)


def _diffused(truth: Truth, process: Process) -> Score:
    def score(x: Array, t: Array) -> Array:
        return truth.score(x, process.alpha(t), process.sigma(t))

    return score


class Given(NamedTuple):
    """What a source is made of; what it does not need may be None.

    Attributes:
      dataset: The data, in the coordinates that models see.
      fit: The score of a trained model.
      train: Training points, standardised, `[k, D]`.
    """

    dataset: Dataset
    fit: BoundScore | None = None
    train: Array | None = None


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a score comes from.

    Attributes:
      make: What is given -> the score.
      needs: What it is made of, of `NEEDS`. With "fit" a row belongs to a family and a budget, without
        it to a process alone; with "truth" the data's exact score is asked, so no sampler may end below
        the noise at which that can be trusted; with "train" the dataset must have a `train_size`.
      version: Changed whenever the scores change.
    """

    make: Callable[[Given], BoundScore]
    needs: tuple[str, ...] = ()
    version: int = 1


SOURCES: Registry[Source] = Registry("score", group="diffbench.sources", home="diffbench.sources")


def spec_of(name: str, params: Json | None = None, built: Source | None = None) -> Spec:
    """Returns the part of a draw's specification that says where its score comes from.

    A source without parameters is its name, `{"score": "..."}`; one that changes another (its parameter
    `of`) says what it changes and by what, `{"score": "...", "of": "...", "error": {...}}`. Every other,
    one of a plug-in file, and one of a later version stand there as parts do, with parameters, version
    and digest: `{"score": {"name": ..., "params": ..., "version": ...}}`.

    Args:
      name: A registered or announced name.
      params: Parameters; those left out take their defaults.
      built: What the builder made of them, where it was asked already.

    Raises:
      ValueError: If the name, a parameter or a value is wrong.
    """
    part = SOURCES.spec_of(name, params, built)
    rest = dict(part["params"])
    of = {"of": rest.pop("of")} if "of" in rest else {}
    if part["version"] != 1 or "plugin" in part or (rest and not of):
        return {"score": part}
    return {"score": name, **of, "error": rest} if of else {"score": name}


def name_of(spec: Spec) -> str:
    """Returns the name of the source that a draw's specification names, or that of a row without one."""
    score = spec["score"]
    return str(score["name"] if isinstance(score, Mapping) else score)


def from_spec(spec: Spec) -> Source:
    """Builds the source that a draw's specification names; see `spec_of`.

    Raises:
      ValueError: If the name, a parameter or a value is wrong.
    """
    if isinstance(spec["score"], Mapping):
        return SOURCES.from_spec(spec["score"])
    of = {"of": spec["of"], **spec["error"]} if "of" in spec else {}
    return SOURCES.build(spec["score"], **of)
