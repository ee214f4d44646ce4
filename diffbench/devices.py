"""The GPUs of this machine, and the environments in which processes use one or leave it alone.

XLA reads its environment when JAX starts, so nothing here imports JAX. A GPU is used where JAX
has a CUDA plug-in, the driver names a GPU, and neither JAX_PLATFORMS nor CUDA_VISIBLE_DEVICES
keeps it away: `JAX_PLATFORMS=cpu` asks for the processor.
"""

from __future__ import annotations

import os
import subprocess
from importlib import metadata

SECONDS = 10.0  # that the driver may take to answer

# Seeds that are trained in one program on a GPU, which one small network leaves idle. A constant,
# for a fit must not change when seeds are added.
REPLICAS = 8


def gpus() -> tuple[str, ...]:
    """Returns the GPUs that JAX can use here, each by a name for CUDA_VISIBLE_DEVICES."""
    platforms = os.environ.get("JAX_PLATFORMS", "")
    if platforms and not {"cuda", "gpu"} & {name.strip() for name in platforms.split(",")}:
        return ()
    if not any(entry.name.startswith("xla_cuda") for entry in metadata.entry_points(group="jax_plugins")):
        return ()
    there = _of_the_driver()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None or not there:
        return there
    found: list[str] = []
    for name in (part.strip() for part in visible.split(",")):
        # CUDA itself stops at the first that is none: "-1" hides all.
        if not name or name.startswith("-"):
            break
        found.append(name)
    return tuple(found)


def _of_the_driver() -> tuple[str, ...]:
    """Returns the identifiers of the GPUs that the driver has; none where there is no driver."""
    # Identifiers, for the driver and CUDA count the GPUs of a machine in different orders.
    query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            query, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(done.stdout.split()) if done.returncode == 0 else ()


def beside_workers() -> dict[str, str]:
    """Returns the environment of a process whose workers use the GPUs."""
    # Else its own JAX would take most of the first one's memory.
    return {"JAX_PLATFORMS": "cpu"}


def bound_to(gpu: str) -> dict[str, str]:
    """Returns the environment of a worker that uses one GPU.

    Sums are made in one order, so that a rerun gives the same bits, and products in float32:
    by default a GPU rounds their factors to ten bits of mantissa.
    """
    flags = os.environ.get("XLA_FLAGS", "").split()
    if not any(flag.startswith("--xla_gpu_deterministic_ops") for flag in flags):
        flags.append("--xla_gpu_deterministic_ops=true")
    return {
        "CUDA_VISIBLE_DEVICES": gpu,
        "JAX_PLATFORMS": "cuda,cpu",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        "XLA_FLAGS": " ".join(flags),
    }
