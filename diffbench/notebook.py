"""Parts that a program or a notebook registers itself: what they are known by.

Such a part has no file whose digest could stand for it, so that of its compiled code does: an edited class is
another part, and what was made with the old one is not taken for it.
"""

from __future__ import annotations

import hashlib
import inspect
import types
from collections.abc import Iterator
from typing import cast

ORIGIN = "this session"
"""The origin of such parts."""
_HOME = "__main__"


def digest_of(build: object) -> str | None:
    """Returns a digest of what a builder does, or None where it comes from a module.

    Args:
      build: A function or a class. What it calls of the same program is part of it.
    """
    if getattr(build, "__module__", None) != _HOME:
        return None
    told = hashlib.sha256()
    for text in _texts(build, set()):
        told.update(text.encode())
        told.update(b"\0")
    return told.hexdigest()[:16]


def _texts(value: object, seen: set[int]) -> Iterator[str]:
    """Yields what a value is made of, in a fixed order."""
    if id(value) in seen:
        return
    seen.add(id(value))
    value = getattr(value, "__func__", value)
    if isinstance(value, types.FunctionType):
        # Haiku wraps the methods of its modules: what is wrapped is what the user wrote.
        value = cast(types.FunctionType, inspect.unwrap(value))
        yield from _of_code(value.__code__)
        yield repr((value.__defaults__, value.__kwdefaults__))
        for name in sorted(_names(value.__code__)):
            found = value.__globals__.get(name)
            if getattr(found, "__module__", None) == _HOME or isinstance(found, int | float | str | tuple):
                yield name
                yield from _texts(found, seen)
    elif isinstance(value, type):
        yield value.__name__
        for base in value.__bases__:
            if base.__module__ == _HOME:
                yield from _texts(base, seen)
        for name, one in sorted(vars(value).items()):
            if not name.startswith("__") or name == "__init__" or name == "__call__":
                yield name
                yield from _texts(one, seen)
    elif isinstance(value, staticmethod | classmethod | property):
        yield from _texts(getattr(value, "fget", None) or getattr(value, "__func__", None), seen)
    elif isinstance(value, int | float | str | tuple | list | dict | None | bool):
        yield repr(value)


def _of_code(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _of_code(constant)
        else:
            yield repr(constant)


def _names(code: types.CodeType) -> set[str]:
    """Returns the names that code looks up, in the functions inside it too."""
    inner = (_names(one) for one in code.co_consts if isinstance(one, types.CodeType))
    return {*code.co_names}.union(*inner)
