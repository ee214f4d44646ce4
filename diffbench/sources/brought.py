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
import importlib.util
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


class Returned(TypeError):
    """A function returned what is no score; the message says what it must return."""


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
      astray: What it got as the time when it first returned what is not finite, or None.
    """

    call: Callable[..., object]
    framework: str = "jax"
    predicts: str = "score"
    time: str = "t"
    calls: int = 0
    failed: BaseException | None = None
    astray: float | None = None

    def __post_init__(self) -> None:
        if not callable(self.call):
            raise TypeError(f"function must be callable with (x, t); got {type(self.call).__name__}")
        checks.choice("framework", self.framework, FRAMEWORKS)
        checks.choice("predicts", self.predicts, PREDICTS)
        checks.choice("time", self.time, TIMES)
        if self.framework == "torch" and importlib.util.find_spec("torch") is None:
            raise ValueError("framework = 'torch' needs PyTorch, which is not installed: pip install torch")

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
        try:
            found = self.call(x, told)
            if not isinstance(found, jax.Array | np.ndarray):
                raise Returned(_expected("an array of JAX", x.shape, type(found).__name__))
            _held(found.shape, x.shape, found.dtype.kind if found.dtype != jnp.bfloat16 else "f", found.dtype)
            return jnp.asarray(found).astype(x.dtype)
        except Exception as error:  # an error on the way is a row's; here it is the caller's function's
            self.failed = error
            raise

    def here(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Returns what the function predicts, called from a compiled program."""
        return self._asked(lambda x: self.call(x, float(t)), x, float(t))

    def pushed(self, x: np.ndarray, t: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Returns the derivative along a direction `[n, D]`, by PyTorch's own differentiation."""
        torch = _torch()
        along = torch.from_numpy(np.array(direction, np.float32))

        def slope(x: Any) -> Any:
            try:
                return torch.func.jvp(lambda x: self.call(x, float(t)), (x,), (along,))[1]
            except Exception as error:
                error.add_note(_FOLLOWED)
                raise

        return self._asked(slope, x, float(t))

    def told(self, error: Exception) -> str:
        """Returns what to say of an error of `failed`, after "your score function"."""
        if isinstance(error, Returned):
            return str(error)
        lines = str(error).strip().splitlines()
        hints = [hint for framework, words, hint in _HINTS if framework == self.framework
                 if any(word in f"{type(error).__name__} {error}" for word in words)]  # fmt: skip
        hints += [_FOLLOWED] if _FOLLOWED in getattr(error, "__notes__", ()) else []
        # Where a hint says it better, the first line is enough.
        told = " ".join(" ".join(lines[: 1 if hints else None]).split())
        return "; ".join([f"raised {type(error).__name__}" + (f": {told}" if told else ""), *hints])

    def _asked(self, ask: Callable[..., Any], x: np.ndarray, t: float) -> np.ndarray:
        nothing = np.full(np.shape(x), np.nan, np.float32)
        if self.failed is not None:
            return nothing
        self.calls += 1
        given = np.array(x, np.float32)  # their own: a function may write into it
        try:
            found = _of_numpy(ask(given), np.shape(x)) if self.framework == "numpy" else _of_torch(ask, given)
        except BaseException as error:  # raised here, it would come out of XLA with a traceback of its own
            self.failed = error
            return nothing
        if self.astray is None and not np.isfinite(found).all() and np.isfinite(x).all():
            self.astray = t
        return found


def _torch() -> ModuleType:
    """Returns PyTorch, which is the user's and no dependency."""
    return importlib.import_module("torch")


# What is often meant where a function raises: of which framework, by which words in the error.
_HINTS = (
    ("jax", ("Tracer", "ConcretizationTypeError"),
     "framework = 'jax' compiles it with traced arrays: use jax.numpy alone, or say framework = 'torch' or"
     " 'numpy'"),
    ("torch", ("does not require grad",), "it is called without gradients: open torch.enable_grad() inside"),
    ("numpy", ("Tensor", "torch"), "framework = 'numpy' gives it arrays of NumPy; for tensors say"
     " framework = 'torch'"),
)  # fmt: skip
_FOLLOWED = "its divergence is taken by torch.func.jvp, which follows operations of PyTorch alone"


def _of_numpy(found: object, wanted: tuple[int, ...]) -> np.ndarray:
    """Returns what a function in NumPy returned, float32."""
    try:
        array = np.asarray(found)
    except Exception as error:
        raise Returned(_expected("an array", wanted, type(found).__name__)) from error
    if array.dtype.kind == "O":
        raise Returned(_expected("an array", wanted, type(found).__name__))
    _held(array.shape, wanted, array.dtype.kind, array.dtype)
    return array.astype(np.float32)


def _of_torch(ask: Callable[..., Any], given: np.ndarray) -> np.ndarray:
    """Returns what a function in PyTorch returns of points, float32."""
    torch = _torch()
    with torch.no_grad():
        found = ask(torch.from_numpy(given))
        if not isinstance(found, torch.Tensor):
            raise Returned(_expected("a tensor", given.shape, type(found).__name__))
        kind = "c" if found.is_complex() else "b" if found.dtype == torch.bool else "f"
        _held(tuple(found.shape), given.shape, kind, found.dtype)
        return np.asarray(found.detach().to("cpu", torch.float32).numpy())


def _held(found: tuple[int, ...], wanted: tuple[int, ...], kind: str, dtype: object) -> None:
    """Raises unless what a function returned has the shape of its points, and real numbers."""
    if kind not in "fiu":
        raise Returned(f"must return real numbers; got {dtype}")
    if tuple(found) != tuple(wanted):
        turned = "; it may be the other way round" if tuple(found) == tuple(wanted)[::-1] else ""
        raise Returned(f"must return one vector for each point, {list(wanted)}; got {list(found)}{turned}")


def _expected(what: str, wanted: tuple[int, ...], got: str) -> str:
    return f"must return {what}, one vector for each point, {list(wanted)}; got {got}"


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
