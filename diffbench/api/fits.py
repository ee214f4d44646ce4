"""Models that are fitted, as a suite would fit them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from diffbench.api import arguments, session, showing
from diffbench.api.data import Data, data_of
from diffbench.api.noise import Noise, entry_of
from diffbench.api.own import name_of
from diffbench.api.scores import Score
from diffbench.contracts import FAMILIES
from diffbench.programs.training import Training
from diffbench.spec import Json, JsonObject, Parameter, identify
from diffbench.stages import planning
from diffbench.stages.fit import unflatten
from diffbench.suites.cells import Cell

_TRAINING = tuple(field.name for field in dataclasses.fields(Training))


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Fit(Score):
    """A fitted model; a score like others, with what its training left. See `diffbench.fit`.

    Attributes:
      name: Name of its record.
    """

    name: str = ""

    @functools.cached_property
    def _arrays(self) -> Mapping[str, np.ndarray]:
        return self.store.arrays("fit", self.name)

    def cell(self, **more: object) -> Cell:
        """See `Score.cell`.

        Raises:
          ValueError: If its family was registered anew, so that the same request is another fit.
        """
        found = super().cell(**more)
        if self.name and identify(found.fit) != self.name:
            family = self.about["family"]
            raise ValueError(f"family {family!r} has changed since this fit; fit it again")
        return found

    @property
    def loss(self) -> np.ndarray:
        """Mean loss of each step, `[steps]`."""
        return self._arrays["loss"]

    @property
    def params(self) -> dict[str, dict[str, np.ndarray]]:
        """The average of its weights, which is what samples are drawn with: by Haiku module and name."""
        return unflatten("ema", self._arrays)

    @property
    def raw(self) -> dict[str, dict[str, np.ndarray]]:
        """Its weights after the last step."""
        return unflatten("raw", self._arrays)

    def score(self, x: ArrayLike, t: float) -> np.ndarray:
        """Returns the learned score, `[n, D]`, data coordinates; see `Score`."""
        return self(x, t)

    @property
    def sampler(self) -> Json:
        """The sampler of its family's paper."""
        found: Json = FAMILIES.entry(self.about["family"]).build.sampler  # type: ignore[attr-defined]
        return found

    def __repr__(self) -> str:
        shown = {"": self.about["family"], "data": self.data.name, **self.about, "loss": self._tail}
        return showing.line("Fit", {key: one for key, one in shown.items() if key != "family"})

    @property
    def _tail(self) -> float:
        return float(np.mean(self.loss[-max(1, len(self.loss) // 10) :]))

    def _repr_html_(self) -> str:
        title = f"{self.about['family']} on {self.data.name}"
        rows = {**self.about, "loss (last tenth)": self._tail, "parameters": self.parameters}
        steps = np.arange(len(self.loss))
        return showing.table(title, rows) + showing.lines({"loss": (steps, self.loss)}, "step", "loss")

    @property
    def parameters(self) -> int:
        """How many numbers it has learned."""
        return sum(value.size for module in self.params.values() for value in module.values())


def fit(
    family: object,
    data: Data | str,
    *,
    seed: int = 0,
    process: Noise | str | None = None,
    network: Json | str | None = None,
    train_size: int | None = None,
    cache: Path | str | None = None,
    **params: Parameter,
) -> Fit:
    """Trains a model; the same request is the same fit, to the bit, as a suite's.

    Args:
      family: A family's name, or a class that is registered.
      data: A dataset, or its name.
      seed: Seed of the initial weights, the training points and the noise.
      process: A noise process, or its name; the family's own by default.
      network: Parameters of the network, such as {"widths": [64, 64]}, or with the "name" of another;
        a name stands for itself.
      train_size: Points of a finite training set; unlimited data by default.
      cache: A results folder to keep the fit in and to look for it; that of this session by default.
      **params: Settings of the training (`steps`, `batch`, `learning_rate` and so on) and parameters of
        the family.

    Raises:
      ValueError: If a name or a number is wrong.
      Failed: If the loss is not finite, with the step.

    Example:
      fit = diffbench.fit("score_sde", data, steps=2_000, seed=0)
    """
    data, name = data_of(data), name_of(FAMILIES, family)
    known = FAMILIES.entry(name).defaults
    seed, params = arguments.whole("seed", seed), arguments.plain(params)
    if isinstance(network, str):
        network = {"name": network}
    training: JsonObject = {key: params.pop(key) for key in list(params) if key in _TRAINING}
    for key in params:
        if key not in known:
            takes = ", ".join([*known, *_TRAINING])
            raise ValueError(f"fit of family {name!r} takes no {key!r}; it takes: {takes}")
    entry: JsonObject = {"name": name, **params}
    if process is not None:
        entry["process"] = entry_of(process)
    more = {} if train_size is None else {"train_size": arguments.whole("train_size", train_size, 1)}
    content: JsonObject = {
        "datasets": [{**data.entry, **more}],
        "families": [entry],
        "scores": ["learned"],
        "network": dict(arguments.table("network", network or {}, '{"widths": [64, 64]}')),
        "training": training,
        "standardise": data.standardise,
        **data.sizes,
    }
    settings = Training(**training)
    about = {"family": name, **params, "steps": settings.steps, "batch": settings.batch, "seed": seed}
    about |= {} if process is None else {"process": entry["process"]["name"]}
    made = Fit("learned", data, content, about, seed, session.folder(cache))
    cell = made.cell()
    _train(cell, made)
    return dataclasses.replace(made, name=identify(cell.fit))


@session.pinned
def _train(cell: Cell, made: Fit) -> None:
    """Trains what is not there yet."""
    tasks = planning.plan([dataclasses.replace(cell, metrics=())], made.store)
    made.store.prepare()
    wanted = [task for task in tasks.tasks if task.stage == "fit"]
    session.execute(dataclasses.replace(tasks, tasks=wanted), made.store)
    session.record(f"the fit of {made.about['family']}", cell.fit or {}, made.store)
