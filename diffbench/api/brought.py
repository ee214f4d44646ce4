"""Scores of anybody: a function in JAX, PyTorch or NumPy becomes a source that every sampler accepts."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator

from diffbench import checks
from diffbench.api import session
from diffbench.api.data import Data, data_of
from diffbench.api.noise import Noise, entry_of
from diffbench.api.scores import Score, content_of
from diffbench.measuring import COORDINATES
from diffbench.process import PROCESSES
from diffbench.sources.brought import NAME, Function, keep
from diffbench.spec import Json

_calls = itertools.count(1)


class BroughtError(RuntimeError):
    """A function that was given to `diffbench.score` raised, or returned something else than a score."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Brought(Score):
    """A score that a program brings; see `diffbench.score`.

    Attributes:
      function: The function, with how often it was called.
      token: What the source finds it under.
    """

    function: Function = dataclasses.field(default_factory=lambda: Function(lambda x, t: x))
    token: str = ""

    def asked(self) -> Json:
        """See `Score.asked`: what is drawn with it is another thing at each call, for it may have changed."""
        entry = {"name": NAME, "token": self.token, "call": next(_calls)}
        return {**self.content, "scores": [entry]}

    @property
    def evaluations(self) -> int:
        """How often the function was called; 0 for one in JAX, which is traced once."""
        return self.function.calls

    @property
    def lacks(self) -> str | None:
        """See `Score.lacks`."""
        return self.function.lacks

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """See `Score.watched`."""
        self.function.failed = self.function.astray = None
        try:
            yield
        except session.Failed as failed:
            at = self.function.astray
            if at is None or self.function.failed is not None:
                raise
            told = f"your score function first returned what is not finite at {self.function.time} = {at:g}"
            raise session.Failed(failed.what, failed.status, f"{failed.reason}; {told}") from failed
        finally:
            theirs = self.function.failed
            if isinstance(theirs, Exception):
                raise BroughtError(f"your score function {self.function.told(theirs)}") from theirs
            if theirs is not None:  # somebody wants to stop
                raise theirs


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Unbound(Score):
    """A brought score that waits for its dataset."""

    make: Callable[[Data], Brought] = lambda data: Brought("", data, {}, {}, 0, session.folder())

    def on(self, data: Data | str | None) -> Score:
        """See `Score.on`."""
        if data is None:
            raise TypeError("a brought score needs its dataset, such as dataset='two_moons'")
        return self.make(data_of(data, "dataset"))

    def __repr__(self) -> str:
        return "Score(brought, " + ", ".join(f"{key}={one}" for key, one in self.about.items()) + ")"

    def _repr_html_(self) -> str:
        return f"<code>{self!r}</code>"


def score(
    function: Callable[..., object],
    /,
    *,
    process: Noise | str = "vp",
    dataset: Data | str | None = None,
    framework: str = "jax",
    predicts: str = "score",
    coordinates: str = "data",
    time: str = "t",
) -> Score:
    """Makes a source of scores of a function: samplers, `score_error`, `kl` and `nll` take it as any other.

    Args:
      function: (x `[n, D]`, time) -> what it predicts, `[n, D]`, row by row. x is an array of the framework,
        float32; the time is a number, the same for all rows (of JAX, a traced scalar).
      process: The noise process that it was trained on.
      dataset: The dataset; it may be given to `sample` and `measure` instead.
      framework: "jax" (compiled in), "torch" or "numpy" (called back, with their own arrays).
      predicts: "score", "eps", "x0", "v" (alpha eps - sigma x_0), or "velocity" (dx/dt of the probability
        flow, which flow matching learns).
      coordinates: What it sees: x_t = alpha x_0 + sigma eps of the data as they are ("data"), or of
        (x_0 - mean)/scale ("standardised").
      time: What it gets: "t", "sigma", "log_snr", or "step", the index of the process's discrete time.

    Raises:
      ValueError: If a word is none of these, or the framework is not installed.
      TypeError: If the function is none.

    Example:
      mine = diffbench.score(lambda x, t: net(x, t), process="vp", framework="torch", predicts="eps")
      x = diffbench.sample(mine, "ancestral", dataset="two_moons", steps=100)
    """
    checks.choice("coordinates", coordinates, COORDINATES)
    known = Function(function, framework, predicts, time)
    noise = entry_of(process)
    reason = known.unfit(PROCESSES.build(noise["name"], **{k: v for k, v in noise.items() if k != "name"}))
    if reason is not None:
        raise ValueError(reason)
    token = keep(known)
    about = {
        "process": noise["name"], "framework": framework, "predicts": predicts,
        "coordinates": coordinates, "time": time,
    }  # fmt: skip

    def bound(data: Data) -> Brought:
        data = dataclasses.replace(data, standardise=coordinates == "standardised")
        content = content_of(data, process, NAME)
        return Brought(NAME, data, content, about, 0, session.folder(), known, token)

    if dataset is not None:
        return bound(data_of(dataset, "dataset"))
    return Unbound(NAME, Data({"name": ""}), {}, about, 0, session.folder(), bound)
