"""A suite small enough to run in seconds, for the tests of the upper floors."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import Any

import pytest

# One thread, as every worker has: before JAX starts.
os.environ.setdefault("PJRT_NPROC", "1")

TINY: dict[str, Any] = {
    "name": "tiny",
    "datasets": ["nine_gaussians"],
    "families": ["ddpm"],
    "samplers": [{"name": "ancestral", "steps": 5}],
    "metrics": ["energy"],
    "seeds": 1,
    "samples": 64,
    "floor_draws": 9,
    "network": {"widths": [8, 8], "embedding_width": 8},
    "training": {"steps": 20, "batch": 16},
}


@pytest.fixture
def tiny() -> Callable[..., dict[str, Any]]:
    """Returns a function that gives the tiny suite, with some keys changed."""

    def make(**changes: Any) -> dict[str, Any]:
        return {**copy.deepcopy(TINY), **changes}

    return make


def as_toml(content: dict[str, Any]) -> str:
    """Returns a suite as TOML text."""

    def value(v: Any) -> str:
        if isinstance(v, dict):
            return "{" + ", ".join(f"{k} = {value(x)}" for k, x in v.items()) + "}"
        if isinstance(v, list):
            return "[" + ", ".join(value(x) for x in v) + "]"
        if isinstance(v, bool):
            return str(v).lower()
        return f'"{v}"' if isinstance(v, str) else repr(v)

    return "\n".join(f"{k} = {value(v)}" for k, v in content.items()) + "\n"


@pytest.fixture
def toml() -> Callable[[dict[str, Any]], str]:
    """Returns `as_toml`."""
    return as_toml
