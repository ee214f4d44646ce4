"""The GPUs of this machine, and the environments in which processes use one or leave it alone.

XLA reads its environment when JAX starts, so nothing here imports JAX. A GPU is used where JAX
has a CUDA plug-in, the driver names a GPU, and neither JAX_PLATFORMS nor CUDA_VISIBLE_DEVICES
keeps it away: `JAX_PLATFORMS=cpu` asks for the processor.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib import metadata

SECONDS = 10.0  # that the driver may take to answer

# Seeds that are trained in one program on a GPU, which one small network leaves idle. A constant,
# for a fit must not change when seeds are added.
REPLICAS = 8

# Of a process whose workers use the GPUs: its own JAX would take most of the first one's memory.
BESIDE_WORKERS = {"JAX_PLATFORMS": "cpu"}


def settle(workers: int | None, scheduled: bool) -> tuple[str, ...]:
    """Decides which GPUs a command uses and readies this process, before its JAX starts.

    Args:
      workers: Worker processes that were asked for; with 0 this process is the one that computes.
      scheduled: Whether a scheduler elsewhere has workers of its own.

    Returns:
      A GPU for each worker that may be, none where the processor does the work.

    Raises:
      ValueError: If the driver is there and does not answer.
    """
    found = gpus()
    if not found:
        return ()
    os.environ.update(bound_to(found[0]) if workers == 0 and not scheduled else BESIDE_WORKERS)
    return () if scheduled else found[:1] if workers == 0 else found


def gpus() -> tuple[str, ...]:
    """Returns the GPUs that JAX can use here, each by a name for CUDA_VISIBLE_DEVICES.

    Raises:
      ValueError: If the driver is there and does not answer.
    """
    platforms = os.environ.get("JAX_PLATFORMS", "")
    if platforms and not {"cuda", "gpu"} & {name.strip() for name in platforms.split(",")}:
        return ()
    if not any(entry.name.startswith("xla_cuda") for entry in metadata.entry_points(group="jax_plugins")):
        return ()
    there = _of_the_driver()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return there
    found: list[str] = []
    for name in (part.strip() for part in visible.split(",")):
        # CUDA itself stops at the first that is none: "-1" hides all.
        if not _names_one(name, there):
            break
        found.append(name)
    return tuple(found)


def _names_one(name: str, there: tuple[str, ...]) -> bool:
    """Returns whether CUDA takes a name for one of the driver's GPUs, or for a part of one."""
    if name.isdigit():
        return int(name) < len(there)
    return name.startswith("MIG-") or (bool(name) and any(one.startswith(name) for one in there))


def _of_the_driver() -> tuple[str, ...]:
    """Returns the identifiers of the GPUs that the driver has; none where there is no driver.

    Identifiers, for the driver and CUDA count the GPUs of a machine in different orders.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            query, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
        answered = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        answered = False
    if not answered:
        # To go on without would be another run: fits on a GPU are not those on a processor.
        raise ValueError("the GPU driver (nvidia-smi) does not answer; JAX_PLATFORMS=cpu runs without GPUs")
    return tuple(done.stdout.split())


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
