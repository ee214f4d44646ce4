"""Noise processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from diffbench.api import arguments, session, showing
from diffbench.process import PROCESSES, Process
from diffbench.spec import Json, JsonObject, Parameter


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Noise:
    """A noise process x_t = alpha(t) x_0 + sigma(t) eps, as a suite would name it; see `diffbench.process`.

    Attributes:
      entry: Its entry in a suite: name and parameters.
    """

    entry: Json

    @property
    def built(self) -> Process:
        """The process itself."""
        return PROCESSES.build(self.name, **self._params)

    @property
    def name(self) -> str:
        """Its registered name."""
        return str(self.entry["name"])

    @session.pinned
    def alpha(self, t: ArrayLike) -> np.ndarray:
        """Returns the scale of the signal at times t, shaped as t."""
        return np.asarray(self.built.alpha(jnp.asarray(t, float)))

    @session.pinned
    def sigma(self, t: ArrayLike) -> np.ndarray:
        """Returns the standard deviation of the noise at times t, shaped as t."""
        return np.asarray(self.built.sigma(jnp.asarray(t, float)))

    @session.pinned
    def log_snr(self, t: ArrayLike) -> np.ndarray:
        """Returns the log signal-to-noise ratio at times t, shaped as t."""
        return np.asarray(self.built.log_snr(jnp.asarray(t, float)))

    def _about(self) -> JsonObject:
        built = self.built
        given = {key: one for key, one in PROCESSES.complete(self.name, self._params).items()}
        steps = {} if built.grid is None else {"grid": len(built.grid)}
        return {**given, "t": f"{built.t_min:g}..{built.t_max:g}", **steps}

    @property
    def _params(self) -> JsonObject:
        return {key: one for key, one in self.entry.items() if key != "name"}

    def __repr__(self) -> str:
        return showing.line("Process", {"": self.name, **self._about()})

    def _repr_html_(self) -> str:
        built = self.built
        t = np.linspace(built.t_min, built.t_max, 200)
        curves = {"alpha": (t, self.alpha(t)), "sigma": (t, self.sigma(t))}
        return showing.table(self.name, self._about()) + showing.lines(curves, "t", "")


@session.pinned
def process(name: str = "vp", /, **params: Parameter) -> Noise:
    """Returns a noise process by its name.

    Args:
      name: A registered name; `diffbench.list("processes")` has them.
      **params: Parameters, such as `beta_max=10.0`.

    Raises:
      ValueError: If there is none of the name, or a parameter is wrong.
    """
    made = Noise({"name": name, **arguments.plain(params)})
    PROCESSES.build(name, **made._params)
    return made


def entry_of(process: Noise | str | Json) -> JsonObject:
    """Returns the entry that a process has in a suite.

    Raises:
      TypeError: If it is none.
    """
    if isinstance(process, Noise):
        return dict(process.entry)
    if isinstance(process, str):
        return {"name": process}
    if not isinstance(process, Mapping) or not isinstance(process.get("name"), str):
        raise TypeError(
            "process must be a name, a process of diffbench.process or a table with a name; got "
            f"{type(process).__name__}"
        )
    return dict(process)
