"""Plug-in files: loaded by the user's explicit word, once in each process."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from diffbench.registry import PluginError, Registry, plugin_origin

T = TypeVar("T")

_loaded: set[str] = set()


@contextlib.contextmanager
def undone(*registries: Registry[T]) -> Iterator[None]:
    """Has what is registered and loaded in this block go with it: for a process that goes on without."""
    before = set(_loaded)
    with contextlib.ExitStack() as stack:
        for registry in registries:
            stack.enter_context(registry.undone())
        try:
            yield
        finally:
            _loaded.intersection_update(before)


def load(path: str) -> None:
    """Imports a plug-in file; what it registers is known as its own.

    Args:
      path: A Python file.

    Raises:
      PluginError: If it is missing, fails on import, or takes a name that is taken.
    """
    file = Path(path).resolve()
    if str(file) in _loaded:
        return
    if not file.is_file():
        raise PluginError(f"no plug-in file {path!r}; give the path of a Python file")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    name = f"diffbench_plugin_{file.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"the plug-in {path!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with plugin_origin(file.name, digest):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        text = (str(error).strip().splitlines() or [""])[0]
        raise PluginError(f"the plug-in {path!r} fails on import: {type(error).__name__}: {text}") from error
    _loaded.add(str(file))
