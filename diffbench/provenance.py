"""Where a record was made: versions of what made it, and the kind of machine."""

from __future__ import annotations

import functools
import platform
from importlib import metadata

PACKAGES = ("diffbench", "jax", "jaxlib", "dm-haiku", "distrax", "optax", "diffrax", "numpy")


@functools.lru_cache(maxsize=1)
def provenance() -> dict[str, str]:
    """Returns versions, Python, processor and device, the same for a whole process."""
    import jax

    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return {
        **found,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "device": jax.devices()[0].device_kind,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()
