"""An entry of a registry: a builder, its hyperparameters, and whose it is."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from diffbench.spec import Parameter, Parameters

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Entry(Generic[T]):
    """A registered builder and where it came from.

    Attributes:
      build: Function or class; its keyword-only parameters are hyperparameters.
      origin: None for parts of this package; a plug-in's file or package otherwise.
      digest: Short hash of a plug-in file's text, None otherwise; it enters the
        hash of results, so that an edited plug-in is measured anew.
      later: Hyperparameters that came after records were made without them: where they have
        their default they stand in no specification, whose hash is then what it was.
    """

    build: Callable[..., T]
    origin: str | None = None
    digest: str | None = None
    later: tuple[str, ...] = ()

    @property
    def shipped(self) -> bool:
        """Returns whether this package brought it, and no plug-in or program of the user."""
        package = str(getattr(self.build, "__module__", "")).partition(".")[0]
        return self.origin is None and package == __name__.partition(".")[0]

    @functools.cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        return {
            name: parameter
            for name, parameter in inspect.signature(self.build).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name != "name"
        }

    @property
    def defaults(self) -> dict[str, Parameter]:
        """Returns the hyperparameters and their default values."""
        return {name: parameter.default for name, parameter in self._parameters.items()}

    def in_one_form(self, params: Parameters) -> dict[str, Parameter]:
        """Returns parameters as specifications hold them: 2 as 2.0 where fractions are allowed."""
        return {
            name: in_one_form(value) if _is_real(self._parameters[name]) else value
            for name, value in params.items()
        }

    def as_recorded(self, params: Parameters) -> dict[str, Parameter]:
        """Returns all parameters as specifications hold them: without later ones at their default."""
        defaults = self.defaults
        return {k: v for k, v in params.items() if k not in self.later or v != defaults[k]}


def _is_real(parameter: inspect.Parameter) -> bool:
    """Returns whether a parameter takes fractions: its default is one, or its annotation says so."""
    return isinstance(parameter.default, float) or "float" in str(parameter.annotation)


# Whole numbers up to here are floats, each one of its own.
_WHOLE = 2**53


def in_one_form(value: Any) -> Any:
    """Returns a real number, or those of a list, in the one form that specifications hold."""
    if isinstance(value, list | tuple):
        return [in_one_form(one) for one in value]
    if isinstance(value, float):
        return value + 0.0  # no -0.0
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if whole and abs(value) <= _WHOLE else value
