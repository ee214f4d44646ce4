"""One thread for JAX, and the tiny suite as a fixture."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import Any

import pytest
from tiny_suite import TINY

# One thread, as every worker has: before JAX starts.
os.environ.setdefault("PJRT_NPROC", "1")


@pytest.fixture
def tiny() -> Callable[..., dict[str, Any]]:
    """Returns a function that gives the tiny suite, with some keys changed."""

    def make(**changes: Any) -> dict[str, Any]:
        return {**copy.deepcopy(TINY), **changes}

    return make
