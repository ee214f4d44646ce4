"""How a piece of work can end, and what is said of one that ended badly."""

from __future__ import annotations

OK = "ok"
DIVERGED = "diverged"
TIMEOUT = "timeout"
OUT_OF_MEMORY = "out_of_memory"
ERROR = "error"

FINAL = (OK, DIVERGED)
"""Outcomes that come back bit for bit; another machine or a larger limit may mend the rest."""

# XLA raises a RuntimeError of its own where a buffer cannot be had.
_NO_ROOM = "RESOURCE_EXHAUSTED"


def describe(error: BaseException) -> dict[str, str]:
    """Returns the status of an exception and, in one line, its reason.

    The reason is the exception's type with the first and the last line of its text: the
    first says what broke, the last often why.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ... ".join(dict.fromkeys([*lines[:1], *lines[-1:]]))
    short = isinstance(error, MemoryError) or _NO_ROOM in text
    return {
        "status": OUT_OF_MEMORY if short else ERROR,
        "reason": f"{type(error).__name__}: {text}".removesuffix(": "),
    }
