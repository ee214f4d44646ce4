"""A score that a program brings: a function of the user's, in JAX, PyTorch or NumPy.

JAX functions are traced into the compiled samplers. Others are called back with plain arrays, the time as a
number, and what they raise is kept, so that it can be told as theirs. A function has no specification of its
own: what is drawn with it is named by the call that asked for it, and never taken for another.

With x_t = alpha x_0 + sigma eps, what a function predicts makes a score by

  eps    s = -eps/sigma
  x0     s = (alpha x_0 - x)/sigma^2
  v      s = -(alpha v + sigma x)/(sigma (alpha^2 + sigma^2)), v = alpha eps - sigma x_0
  velocity  s = 2 (f x - u)/g^2, u = dx/dt of the probability flow; on rectified flow eps - x_0

References:
  Salimans & Ho (2022), Progressive distillation, appendix D, for v.
  Song et al. (2021), equation 13, for the velocity.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import Array, Score
from diffbench.process import Process
from diffbench.sources.base import SOURCES, BoundScore, Given, Source

NAME = "brought"
FRAMEWORKS = ("jax", "torch", "numpy")
PREDICTS = ("score", "eps", "x0", "v", "velocity")
TIMES = ("t", "sigma", "log_snr", "step")


@dataclasses.dataclass(eq=False)
class Function:
    """A function of the user's, and what became of its calls.

    Attributes:
      call: (x `[n, D]`, time) -> what it predicts, `[n, D]`.
      framework: One of `FRAMEWORKS`.
      predicts: One of `PREDICTS`.
      time: One of `TIMES`: what it gets as the time. "step" is the index of the process's discrete time.
      calls: How often it was called; of a function in JAX, which is traced, 0.
      failed: What it raised, or None.
    """

    call: Callable[..., object]
    framework: str = "jax"
    predicts: str = "score"
    time: str = "t"
    calls: int = 0
    failed: Exception | None = None

    def __post_init__(self) -> None:
        if not callable(self.call):
            raise TypeError(f"function must be callable with (x, t); got {type(self.call).__name__}")
        checks.choice("framework", self.framework, FRAMEWORKS)
        checks.choice("predicts", self.predicts, PREDICTS)
        checks.choice("time", self.time, TIMES)

    def unfit(self, process: Process) -> str | None:
        """Returns why it cannot be asked on a process, or None."""
        if self.time == "step" and process.grid is None:
            return f"time = 'step' needs a process with discrete times, and {process.name!r} has none"
        return None

    @property
    def lacks(self) -> str | None:
        """Why its divergence cannot be had, or None where it can."""
        if self.framework == "numpy":
            return "a function in NumPy has no derivative: write it in JAX or PyTorch"
        return None

    def __call__(self, x: Array, t: Array, process: Process) -> Array:
        """Returns what the function predicts at x `[n, D]`, t `[]`, inside a compiled program, `[n, D]`."""
        told = _told(self.time, t, process)
        if self.framework != "jax":
            return _called_back(self, x, told)
        found = jnp.asarray(self.call(x, told))
        _shaped(found.shape, x.shape)
        return found.astype(x.dtype)

    def here(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Returns what the function predicts, called from a compiled program."""
        return self._asked(lambda x: self.call(x, float(t)), x)

    def pushed(self, x: np.ndarray, t: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Returns the derivative along a direction `[n, D]`, by PyTorch's own differentiation."""
        torch = _torch()
        along = torch.from_numpy(np.array(direction, np.float32))
        return self._asked(lambda x: torch.func.jvp(lambda x: self.call(x, float(t)), (x,), (along,))[1], x)

    def _asked(self, ask: Callable[..., Any], x: np.ndarray) -> np.ndarray:
        nothing = np.full(np.shape(x), np.nan, np.float32)
        if self.failed is not None:
            return nothing
        self.calls += 1
        given = np.array(x, np.float32)  # their own: a function may write into it
        try:
            if self.framework == "numpy":
                found = np.asarray(ask(given), np.float32)
            else:
                torch = _torch()
                with torch.no_grad():
                    found = ask(torch.from_numpy(given))
                    found = np.asarray(found.detach().cpu().numpy(), np.float32)
            _shaped(found.shape, given.shape)
        except Exception as error:  # raised here, it would come out of XLA with a traceback of its own
            self.failed = error
            return nothing
        return found


def _torch() -> ModuleType:
    """Returns PyTorch, which is the user's and no dependency."""
    return importlib.import_module("torch")


def _shaped(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if tuple(found) != tuple(wanted):
        raise ValueError(f"it must return one vector for each point, {list(wanted)}; got {list(found)}")


def _told(time: str, t: Array, process: Process) -> Array:
    """Returns what a function gets as the time."""
    if time == "t":
        return t
    if time == "step":
        # The nearest of the discrete times: samplers ask at these.
        return jnp.argmin(jnp.abs(jnp.asarray(process.grid) - t)).astype(jnp.float32)
    return process.sigma(t) if time == "sigma" else process.log_snr(t)


def _called_back(function: Function, x: Array, t: Array) -> Array:
    like = jax.ShapeDtypeStruct(x.shape, x.dtype)

    @jax.custom_jvp
    def call(x: Array, t: Array) -> Array:
        return jax.pure_callback(function.here, like, x, t, vmap_method="sequential")

    @call.defjvp
    def push(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
        # Nobody asks for the derivative in t.
        moved = jax.pure_callback(function.pushed, like, *primals, tangents[0], vmap_method="sequential")
        return call(*primals), moved

    return call(x, t)


def as_score(predicts: str, found: Array, x: Array, t: Array, process: Process) -> Array:
    """Returns the score that a prediction makes; see above.

    Args:
      predicts: One of `PREDICTS`.
      found: The prediction, `[n, D]`.
      x: Points, `[n, D]`.
      t: Time, `[]`.
      process: The noise process.
    """
    if predicts == "score":
        return found
    if predicts == "velocity":
        return 2.0 * (process.drift(t) * x - found) / process.diffusion(t) ** 2
    alpha, sigma = process.alpha(t), process.sigma(t)
    if predicts == "eps":
        return -found / sigma
    if predicts == "x0":
        return (alpha * found - x) / sigma**2
    return -(alpha * found + sigma * x) / (sigma * (alpha**2 + sigma**2))


_functions: dict[str, Function] = {}
_numbers = itertools.count()


def keep(function: Function) -> str:
    """Returns the token under which the source finds a function, in this process alone."""
    token = f"{id(function):x}-{next(_numbers)}"
    _functions[token] = function
    return token


@SOURCES.register(NAME)
def brought(*, token: str = "", call: int = 0) -> Source:
    """Returns a score that a program brings by `diffbench.score`; a suite file cannot name one.

    Args:
      token: What the function is kept under.
      call: Number of the call that asks for it.
    """

    def make(given: Given) -> BoundScore:
        function = _functions.get(token)
        if function is None:
            raise ValueError("a brought score is a function of one program: give it by diffbench.score there")

        def bind(arrays: tuple[()], process: Process) -> Score:
            def score(x: Array, t: Array) -> Array:
                found = function(x, t, process)
                return as_score(function.predicts, found, x, t, process)

            return score

        # What JAX traced holds the numbers of that time; a function that is called back may change.
        traced = {"call": call} if function.framework == "jax" else {}
        return BoundScore({"brought": token, **traced}, (), bind)

    return Source(make)
