"""The one cache of compiled programs: each is built once for what decides it.

What decides a program is the canonical text of specifications, never an object's identity, so that equal
ones share it whoever made them. Arrays, and the constants of a process, are arguments of programs.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from diffbench.registry import when_replaced

MOST = 256
"""Programs that are kept: at one more, the one that was longest not asked for goes."""

T = TypeVar("T")

_programs: OrderedDict[tuple[Hashable, ...], Any] = OrderedDict()
_built: Counter[str] = Counter()
_lock = threading.Lock()


def program(kind: str, about: tuple[Hashable, ...], build: Callable[[], T]) -> T:
    """Returns a program; it is built where there is none.

    Args:
      kind: What it does, such as "training".
      about: What decides it, beside its kind.
      build: () -> the program, a function under `jax.jit`.
    """
    key = (kind, *about)
    with _lock:
        if key in _programs:
            _programs.move_to_end(key)
            known: T = _programs[key]
            return known
    made = build()
    with _lock:
        _built[kind] += 1
        _programs[key] = made
        while len(_programs) > MOST:
            _programs.popitem(last=False)
    return made


def forget() -> None:
    """Drops every program: a part has taken the place of another of its name."""
    with _lock:
        _programs.clear()


def compiled(*kinds: str) -> int:
    """Returns how many forms (shapes and static parts) of the programs that are kept XLA has compiled."""
    return sum(one._cache_size() for key, one in _programs.items() if not kinds or key[0] in kinds)


def built(*kinds: str) -> int:
    """Returns how many programs this process has built, of some kinds or of all."""
    return sum(_built[kind] for kind in kinds or tuple(_built))


when_replaced(forget)
