"""diffbench: how good a diffusion model is, and why it errs, on data whose truth is known.

Example:
  import diffbench as db

  data, vp = db.dataset("two_moons"), db.process("vp")
  x = db.sample(db.exact(data, vp), "probability_flow", n=2_000, seed=0)
  db.measure(x)
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Name by name, so that nothing heavy is imported before it is used.
_API = {
    "dataset": "data",
    "mixture": "data",
    "arrays": "data",
    "exact": "scores",
    "empirical": "scores",
    "perturbed": "scores",
    "score": "brought",
    "fit": "fits",
    "sample": "samples",
    "measure": "measures",
    "run": "running",
    "open": "results",
    "compare": "results",
    "list": "listing",
    "check": "checking",
    "Family": "checking",
}
# Packages and modules of the same name hold the parts, and do what the API promises of their names.
_ROOMS = ("process", "families", "datasets", "samplers", "metrics", "networks")

__all__ = [*_API, *_ROOMS, "processes"]


def __getattr__(name: str) -> Any:
    if name in _API:
        found = getattr(importlib.import_module(f"diffbench.api.{_API[name]}"), name)
    elif name in _ROOMS:
        found = importlib.import_module(f"diffbench.{name}")
    elif name == "processes":
        found = importlib.import_module("diffbench.process").PROCESSES
    else:
        raise AttributeError(f"module 'diffbench' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
