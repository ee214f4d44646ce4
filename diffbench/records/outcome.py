"""How a piece of work can end, and what is said of one that ended badly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from diffbench.spec import Json

OK = "ok"
DIVERGED = "diverged"
TIMEOUT = "timeout"
OUT_OF_MEMORY = "out_of_memory"
ERROR = "error"
MISSING = "missing"
"""What tables say of work that nobody has done yet; no record has it."""

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


class Ending(NamedTuple):
    """How a row ended, or the first thing on its way that did not end well.

    Attributes:
      status: Its status, `MISSING` where it has not run.
      stage: Where that lies; empty where all is well.
      reason: Why, in one line.
    """

    status: str = OK
    stage: str = ""
    reason: str = ""

    @property
    def told(self) -> str:
        """Returns the reason as tables have it: with the stage before what broke there."""
        return self.reason if self.status in (OK, MISSING) else f"{self.stage}: {self.reason}"


def ending(way: Iterable[tuple[str, Json | None]]) -> Ending:
    """Returns how a row ended.

    Args:
      way: Its stages in order, with their records or None.
    """
    said = ""
    for stage, record in way:
        if record is None:
            return Ending(MISSING, stage, f"the {stage} has not run")
        if record["status"] != OK:
            # A failure that was inherited lies where its cause does.
            cause = record.get("inherited") or {"stage": stage}
            return Ending(record["status"], cause["stage"], record["reason"])
        # What is well may come with a word on how to read it.
        said = str(record.get("reason", ""))
    return Ending(reason=said)
