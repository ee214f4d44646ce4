"""The arithmetic that decides bits: fixed by the program, not by the user's environment.

A record is named by its specification alone, so the same specification must give the same
bits for every user. JAX reads settings from variables such as JAX_ENABLE_X64, XLA its flags
from XLA_FLAGS; a profile that sets one would put draws of two arithmetics under one name.

`settle` readies the environment before JAX starts and imports nothing heavy; `pin` fixes the
settings of a process in which JAX may have started already, and refuses one in which XLA had
taken flags that change bits; `pinned` does the same inside a block, for a library must leave
the settings of the program around it alone. A part that is called outside such a block
computes as its caller asks, in float64 too: so do the judges in the tests.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping

# JAX's own defaults, so that no bit of a record depends on whether somebody set them.
Setting = str | float | None

SETTINGS: dict[str, Setting] = {
    "jax_enable_x64": False,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_threefry_gpu_kernel_lowering": False,
    "jax_random_seed_offset": 0,
    "jax_enable_custom_prng": False,
    "jax_legacy_prng_key": "allow",
    "jax_high_dynamic_range_gumbel": False,
    "jax_softmax_custom_jvp": False,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_allow_f16_reductions": True,
    "jax_use_direct_linearize": True,
    "jax_use_simplified_jaxpr_constants": False,
    "jax_disable_jit": False,
    "jax_debug_nans": False,
    "jax_debug_infs": False,
    "jax_disable_most_optimizations": False,
    "jax_exec_time_optimization_effort": 0.0,
    "jax_optimization_level": "UNKNOWN",
    "jax_compiler_enable_remat_pass": True,
    "jax_default_device": None,
}
MATMUL = "jax_default_matmul_precision"  # pinned too, by the kind of device: see `_settings`
# Read by NVIDIA's libraries: it rounds the factors of products, whatever JAX asks for.
OTHERS = {"NVIDIA_TF32_OVERRIDE": "0"}

# Flags of XLA that say where things are and what is written down, or that pin bits themselves.
HARMLESS = (
    "--xla_dump_",
    "--xla_force_host_platform_device_count",
    "--xla_gpu_cuda_data_dir",
    "--xla_gpu_deterministic_ops=true",
    "--xla_cpu_enable_fast_math=false",
)


class Unpinned(ValueError):
    """This process cannot compute as records demand; the message is one line."""


def settle(environ: MutableMapping[str, str] = os.environ) -> list[str]:
    """Takes what would change bits out of an environment, before JAX starts from it.

    Args:
      environ: The environment, changed in place.

    Returns:
      What was taken out and would have changed bits, each as "NAME=value", for the person to see.
    """
    said = []
    for name, value in (*SETTINGS.items(), (MATMUL, None)):
        told = environ.get(name.upper())
        # On a GPU products are asked for in full precision by this very variable.
        if told is None or (name == MATMUL and told == "highest"):
            continue
        del environ[name.upper()]
        if not _same(told, value):
            said.append(f"{name.upper()}={told}")
    for name, harmless in OTHERS.items():
        if environ.get(name, harmless) != harmless:
            said.append(f"{name}={environ.pop(name)}")
    kept, changing = _flags(environ)
    # XLA reads them once; where it may have done so, `_told_nothing` must see them.
    if changing and "jax" not in sys.modules:
        said.append(f"XLA_FLAGS={' '.join(changing)}")
        environ["XLA_FLAGS"] = " ".join(kept)
    return said


def _flags(environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Returns XLA's flags: those that are harmless, and those that may change bits."""
    flags = environ.get("XLA_FLAGS", "").split()
    kept = [flag for flag in flags if flag.startswith(HARMLESS)]
    return kept, [flag for flag in flags if flag not in kept]


def _same(told: str, value: Setting) -> bool:
    """Returns whether a variable says what is so without it."""
    if isinstance(value, bool):
        return told.lower() in (
            ("1", "true", "t", "y", "yes", "on") if value else ("", "0", "false", "f", "n", "no", "off")
        )
    return told == ("" if value is None else str(value))


def pin() -> None:
    """Fixes the arithmetic of this process, for good.

    Raises:
      Unpinned: If XLA has taken flags that change bits already, or JAX finds no device.
    """
    import jax

    settle()
    _told_nothing()
    for name, value in _settings().items():
        jax.config.update(name, value)
    _check()


@contextlib.contextmanager
def pinned() -> Iterator[None]:
    """Fixes the arithmetic inside a block, or of a function that it decorates.

    Raises:
      Unpinned: As `pin`.

    Example:
      with pinned():
          x = draw(spec)  # the bits of the command line, whatever the program around it has set
    """
    import jax

    _told_nothing()
    differing = {k: v for k, v in _settings().items() if getattr(jax.config, k) != v}
    with contextlib.ExitStack() as stack:
        for name, value in differing.items():
            context = getattr(jax, name.removeprefix("jax_"), None)
            stack.enter_context(_globally(name, value) if context is None else context(value))
        _check()
        yield


@contextlib.contextmanager
def _globally(name: str, value: Setting) -> Iterator[None]:
    """Sets what JAX has no context for, and sets it back."""
    import jax

    before = getattr(jax.config, name)
    jax.config.update(name, value)
    try:
        yield
    finally:
        jax.config.update(name, before)


def found() -> dict[str, Setting]:
    """Returns the settings that are in force here, for the provenance of a record.

    `fast_math` says whether XLA was seen to reorder sums; `xla_flags` what it was told.
    """
    import jax

    shown = ("jax_enable_x64", "jax_default_prng_impl", "jax_threefry_partitionable", MATMUL)
    return {
        **{name.removeprefix("jax_"): getattr(jax.config, name) for name in shown},
        "fast_math": not _exact(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def _settings() -> dict[str, Setting]:
    """Returns the settings that the installed JAX has, with what each must be."""
    import jax

    try:
        backend = jax.default_backend()
    except Exception as error:  # it is an AssertionError where a plug-in is not installed
        raise Unpinned(_no_device(error)) from error
    # A GPU rounds factors to ten bits of mantissa unless it is told not to; a processor does not.
    settings = {**SETTINGS, MATMUL: None if backend == "cpu" else "highest"}
    return {name: value for name, value in settings.items() if hasattr(jax.config, name)}


def _no_device(error: Exception) -> str:
    """Returns the line that says which devices JAX was told to use and has not."""
    first = (str(error) or type(error).__name__).strip().splitlines()[0].split(". ")[0]
    name = "JAX_PLATFORMS" if os.environ.get("JAX_PLATFORMS") else "JAX_PLATFORM_NAME"
    told = os.environ.get(name)
    if not told:
        return f"JAX finds no device to compute on: {first}"
    return f"{name} must name devices that JAX has here, such as cpu; got {told!r} ({first})"


def _told_nothing() -> None:
    """Raises where XLA is told what changes bits, before it could start and heed that."""
    _, changing = _flags(os.environ)
    if changing:
        raise Unpinned(f"XLA_FLAGS has {' '.join(changing)}, which changes bits; start Python without it")


def _check() -> None:
    """Raises where XLA computes otherwise than records demand."""
    if not _exact():
        raise Unpinned(
            "XLA_FLAGS had fast math when JAX started, which changes bits; start Python without it"
        )


@functools.lru_cache(maxsize=1)
def _exact() -> bool:
    """Returns whether compiled sums are done in the order in which they are written."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    # (1 + 1e8) - 1e8 is 0 in float32, and 1 once it is simplified; 0 x inf is NaN, or 0 once it is.
    one, large, infinite = (jnp.asarray(value, jnp.float32) for value in (1.0, 1e8, np.inf))
    lost, undefined = jax.jit(lambda a, b, c: ((a + b) - b, c * 0.0))(one, large, infinite)
    return float(lost) == 0.0 and bool(np.isnan(undefined))
