"""Plug-ins in a process that goes on without them."""

from __future__ import annotations

import contextlib

from diffbench import plugins
from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.sources.base import SOURCES


def plugins_forgotten() -> contextlib.AbstractContextManager[None]:
    """Has what plug-ins register in this block go with it."""
    return plugins.undone(DATASETS, FAMILIES, METRICS, SAMPLERS, PROCESSES, NETWORKS, SOURCES)
