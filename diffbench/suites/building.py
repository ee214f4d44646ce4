"""One part of a suite, built: whose fault it is where that fails, and plug-ins held to their contracts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffbench import notebook
from diffbench.contracts import SAMPLERS, Sampler
from diffbench.registry import PluginError, Registry
from diffbench.spec import canonical
from diffbench.suites.items import Item, SuiteError


def build(registry: Registry[object], key: str, item: Item, **more: object) -> Any:
    """Builds a part that is no module; a plug-in's is held against its contract first, with `more`."""
    try:
        built = registry.build(item.name, **item.params)
    except PluginError:
        raise
    except Exception as error:
        blame(error, (registry, item.name))
        raise SuiteError(f"{key}: {error}") from error
    hold(registry, item.name, (item.params,), built, **more)
    return built


def blame(error: Exception, *named: tuple[Registry[object], str]) -> None:
    """Raises a PluginError where a plug-in's builder raised what only a fault raises.

    Args:
      error: What was raised.
      *named: The parts that were built, the first of a plug-in being the one to blame.
    """
    if isinstance(error, ValueError | TypeError):
        return
    for registry, name in named:
        origin = registry.entry(name).origin if name in registry.loaded() else None
        if origin is not None:
            who = _called(registry, name, origin)
            raise PluginError(f"{who} cannot be built: {type(error).__name__}: {error}") from error
    raise error


def _called(registry: Registry[object], name: str, origin: str) -> str:
    where = origin if origin == notebook.ORIGIN else f"plug-in {origin}"
    return f"{registry.kind} {name!r} of {where}"


# Builders and parameters that were held against their contract in this process.
_held: set[tuple[object, str]] = set()


def hold(
    registry: Registry[object], name: str, about: Sequence[object], *args: object, **more: object
) -> None:
    """Holds a plug-in's part against its contract, once; the package's own are held by its tests.

    Args:
      registry: The kind of the part.
      name: Its name.
      about: What decides what is checked, as JSON.
      *args: What the check is of.
      **more: What else the check takes.

    Raises:
      PluginError: If it breaks it, or raises on the way, or workers would not find it.
    """
    entry = registry.entry(name)
    if entry.origin is None:
        return
    who = _called(registry, name, entry.origin)
    if entry.digest is None and name not in registry.announced():
        raise PluginError(
            f"{who} is announced nowhere, so workers would not find it; its package needs an entry point"
            f" {name!r} in the group {registry.group}"
        )
    try:
        key = (entry.build, canonical(about))
        if key in _held:
            return
        # Here alone: who builds parts needs no checks, and these build parts of every kind.
        from diffbench import testing

        testing.CHECKS[registry.kind](*args, **more)
    except Exception as error:
        raise PluginError(f"{who} breaks its contract: {type(error).__name__}: {error}") from error
    _held.add(key)


# Steps with which a sampler is asked to arrive at its law.
MANY = 500


def finer(item: Item) -> Sampler | None:
    """Returns a sampler with many steps, where it counts them by that name and can have as many."""
    try:
        return SAMPLERS.build(item.name, **{**item.params, "steps": MANY})
    except Exception:  # what is wrong with the sampler itself is told where it is built
        return None
