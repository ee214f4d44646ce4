"""Parts of the user's own: classes and functions that a notebook registered."""

from __future__ import annotations

from collections.abc import Mapping

from diffbench import notebook
from diffbench.registry import Registry
from diffbench.spec import Json


def name_of(registry: Registry[object], part: object) -> str:
    """Returns the registered name of a part: a name stands for itself.

    Args:
      registry: The kind of the part.
      part: Its name, or the class or function that was registered.

    Raises:
      ValueError: If it is not registered.
      TypeError: If it is neither.
    """
    if isinstance(part, str):
        registry.entry(part)
        return part
    if not callable(part):
        raise TypeError(
            f"{registry.kind} must be a name or what was registered under one; got {type(part).__name__}"
        )
    for name in registry.loaded():
        if registry.entry(name).build is part:
            return name
    shown = getattr(part, "__name__", repr(part))
    plural = {"family": "families", "process": "processes"}.get(registry.kind, f"{registry.kind}s")
    above = f"@diffbench.{plural}.register({shown.lower()!r})"
    raise ValueError(f"{registry.kind} {shown} is not registered; put {above} above it")


def brought_parts(content: Json, registries: Mapping[str, Registry[object]]) -> list[str]:
    """Returns the parts of a suite that this program registered itself, each as `kind 'name'`.

    Args:
      content: The suite, as a dictionary.
      registries: By the list of the suite in which their parts stand.
    """
    found: dict[str, None] = {}

    def look(registry: Registry[object], entry: object) -> None:
        name = entry.get("name") if isinstance(entry, Mapping) else entry
        mine = [one for one in registry.loaded() if registry.entry(one).origin == notebook.ORIGIN]
        if name in mine:
            found[f"{registry.kind} {name!r}"] = None

    for key, registry in registries.items():
        for entry in content.get(key, ()):
            look(registry, entry)
    for family in content.get("families", ()):
        if isinstance(family, Mapping):
            look(registries["processes"], family.get("process"))
            for sampler in family.get("samplers", ()):
                look(registries["samplers"], sampler)
    for dataset in content.get("datasets", ()):
        if isinstance(dataset, Mapping):
            for metric in dataset.get("metrics", ()):
                look(registries["metrics"], metric)
    return list(found)
