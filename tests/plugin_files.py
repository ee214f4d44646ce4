"""Plug-ins in a process that goes on without them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from diffbench import plugins
from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.sources.base import SOURCES


@contextlib.contextmanager
def plugins_forgotten() -> Iterator[None]:
    """Has what plug-ins register in this block go with it."""
    with pytest.MonkeyPatch.context() as patch:
        for registry in (DATASETS, FAMILIES, METRICS, SAMPLERS, PROCESSES, NETWORKS, SOURCES):
            registry.loaded()  # the shipped parts are found first, and stay
            patch.setattr(registry, "_entries", dict(registry._entries))
        patch.setattr(plugins, "_loaded", set(plugins._loaded))
        yield
