"""A part against its contract, and what a part of the user's own begins from."""

from __future__ import annotations

import pandas as pd

from diffbench.api import session
from diffbench.api.data import Data
from diffbench.api.listing import KINDS
from diffbench.api.noise import Noise
from diffbench.api.own import name_of
from diffbench.contracts import Dataset, Metric, Sampler
from diffbench.families.base import Family as Family
from diffbench.process import Process
from diffbench.registry import Registry
from diffbench.spec import Parameter, part_of
from diffbench.testing import CHECKS, Findings
from diffbench.testing.base import Finding

# What a builder may have been asked for already: the part itself.
_BUILT = ((Dataset, "dataset"), (Sampler, "sampler"), (Metric, "metric"), (Process, "process"))


class Checked(tuple[Finding, ...]):
    """What a check measured against what bound; it prints as a table. A part that fails raises instead."""

    __slots__ = ()

    @property
    def frame(self) -> pd.DataFrame:
        """The findings: "what", "expected", "got"."""
        return pd.DataFrame(self, columns=["what", "expected", "got"])

    def __repr__(self) -> str:
        return str(Findings(self))

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return self.frame.to_html(index=False)


@session.pinned
def check(part: object, /, *, kind: str | None = None, **params: Parameter) -> Checked:
    """Holds a part against its contract.

    Args:
      part: A dataset or a process of this library, a class or function that is registered, a built part, or a
        registered name, of which `kind` says the kind where several have it.
      kind: "family", "dataset", "sampler", "metric", "process" or "network".
      **params: Parameters of the part; what is left out takes its default.

    Returns:
      What was measured against what bound.

    Raises:
      ContractError: At the first thing that is wrong, with what was expected and what came.
      ValueError: If there is no such part.

    Example:
      @diffbench.samplers.register("mine")
      def mine(*, steps: int = 100): ...

      diffbench.check(mine)
    """
    if isinstance(part, Data):
        return Checked(CHECKS["dataset"](part.seen))
    if isinstance(part, Noise):
        return Checked(CHECKS["process"](part.built))
    for of, name in _BUILT:
        if isinstance(part, of):
            return Checked(CHECKS[name](part))
    registry = _registry(part, kind)
    name = name_of(registry, part)
    if registry.kind in ("family", "network"):
        spec = part_of({"name": name, "params": registry.complete(name, params)})
        return Checked(CHECKS[registry.kind](spec))
    return Checked(CHECKS[registry.kind](registry.build(name, **params)))


def _registry(part: object, kind: str | None) -> Registry[object]:
    by_kind = {registry.kind: registry for registry in KINDS.values()}
    if kind is not None:
        if kind not in by_kind:
            raise ValueError(f"kind must be one of {', '.join(by_kind)}; got {kind!r}")
        return by_kind[kind]
    found = [registry for registry in by_kind.values() if _has(registry, part)]
    if len(found) == 1:
        return found[0]
    shown = part if isinstance(part, str) else getattr(part, "__name__", repr(part))
    if not found:
        raise ValueError(f"no part {shown!r} is registered; give a name of diffbench.list(), or register it")
    kinds = " and ".join(registry.kind for registry in found)
    raise ValueError(f"{shown!r} is the name of a {kinds}; say which by kind=")


def _has(registry: Registry[object], part: object) -> bool:
    if isinstance(part, str):
        return part in registry.names()
    return any(registry.entry(name).build is part for name in registry.loaded())
