"""Signs as a terminal and a label may have them.

Text of others (labels, reasons, file names) may hold control characters, with which a terminal
can be told to clear itself or to call its window otherwise; they are shown as text. A console
whose encoding lacks a sign gets one that stands for it, so that showing a result never fails.
"""

from __future__ import annotations

import codecs
import unicodedata
from typing import TextIO

# Control, formatting (such as the reversal of a line), surrogate, and separators of lines.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}

# What stands for a sign that an encoding lacks; others lose their accents, or are escaped.
_STAND_IN = {
    "±": "+-", "↓": "v", "↑": "^", "↔": "<>", "…": "...", "─": "-", "━": "-", "│": "|",
}  # fmt: skip
REPLACE = "diffbench.signs"
"""The name under which `codecs` knows how a missing sign is replaced."""


def unseen(text: str) -> list[str]:
    """Returns the characters of a text that show nothing of themselves, in order."""
    return [letter for letter in text if unicodedata.category(letter) in _UNSEEN]


def plain(text: str) -> str:
    r"""Returns text in one line, its control characters as escapes such as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _UNSEEN else c for c in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def fitted(text: str, encoding: str) -> str:
    """Returns text with stand-ins for the signs that an encoding lacks, for laying out."""
    return text.encode(encoding, REPLACE).decode(encoding)


def speakable(stream: TextIO) -> None:
    """Has a stream replace the signs that it lacks, instead of failing."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=REPLACE)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_stand_in, lacking)), error.end


def _stand_in(letter: str) -> str:
    # Of letters alone: without its accents a fraction is another number.
    letters = unicodedata.normalize("NFKD", letter) if letter.isalpha() else ""
    return _STAND_IN.get(letter) or letters.encode("ascii", "ignore").decode("ascii") or _escaped(letter)


codecs.register_error(REPLACE, _replaced)
