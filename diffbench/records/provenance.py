"""Where a record was made: versions of what made it, and the kind of machine."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import diffbench
from diffbench.programs import arithmetic
from diffbench.spec import JsonObject

PACKAGES = ("jax", "jaxlib", "dm-haiku", "distrax", "optax", "diffrax", "numpy", "scipy")
GIT_SECONDS = 10.0


@functools.lru_cache(maxsize=1)
def provenance() -> JsonObject:
    """Returns versions, commit, Python, processor, device, threads and arithmetic, once for a process.

    `commit` is None and `dirty` too where the package does not run from a git checkout of its own.
    """
    import jax

    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    commit, dirty = checkout(Path(diffbench.__file__).resolve().parent)
    return {
        "diffbench": diffbench.__version__,
        "commit": commit,
        "dirty": dirty,
        **found,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor(),
        "device": jax.devices()[0].device_kind,
        "threads": threads(),
        "arithmetic": arithmetic.found(),
    }


def checkout(folder: Path) -> tuple[str | None, bool | None]:
    """Returns the commit that a folder of Python files is at, and whether they differ from it.

    Both are None where git does not keep the folder, as where a package is installed into an
    environment that lies inside another project's checkout.
    """
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None, None
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--", ".")
    return (commit or None), (None if changes is None else bool(changes))


def _git(folder: Path, *arguments: str) -> str | None:
    """Returns what git says, or None where there is no git or it refuses."""
    # Without locks, a look never disturbs a git that is at work on the same checkout.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def threads() -> int:
    """Returns how many threads XLA may compute on: what its variable says, or every core."""
    told = os.environ.get("PJRT_NPROC", "")
    return int(told) if told.isdigit() and int(told) > 0 else os.cpu_count() or 1


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()
