r"""Text of others in Markdown and in LaTeX: whatever a label holds, it is shown and does nothing.

In both a text keeps its line: control characters stand as their escapes, such as `\n`. Plain
labels (letters, digits, `_`, `-`, brackets with `=`) come out as they are.

Markdown is that of GitHub (tables, `$` for formulas, `~~`). LaTeX compiles with pdfLaTeX, XeLaTeX
and LuaLaTeX; signs that Latin fonts lack are shown by the last two, and named by the first.

References:
  CommonMark 0.31, sections 2.4 (backslash escapes) and 2.5 (entities); GitHub Flavored Markdown,
    section 4.10 (tables).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from diffbench.signs import plain

# An underscore inside a word is none of emphasis, and most labels have one.
_MARKDOWN = re.compile(r"[\\`*\[\]<|$~#]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
# What at the beginning of a line opens a list, a quotation, a rule or a heading of the line before.
_OPENING = re.compile(r"(\s*)([-+=>])")
_NUMBERED = re.compile(r"(\s*\d+)([.)])")


def markdown(text: str, opening: bool = False) -> str:
    """Returns text as Markdown shows it.

    Args:
      text: What is to be shown.
      opening: Whether a line of a list or a paragraph begins with it.
    """
    # GitHub finds the cells of a row before it looks at escapes, so the bar is an entity.
    found = _MARKDOWN.sub(lambda hit: "&#124;" if hit[0] == "|" else "\\" + hit[0], plain(text))
    if opening:
        found = _NUMBERED.sub(r"\1\\\2", _OPENING.sub(r"\1\\\2", found, count=1), count=1)
    return found


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], shown: Callable[[str], str] = markdown
) -> list[str]:
    """Returns the lines of a Markdown table.

    Args:
      head: What stands over the columns.
      rows: Cells, as many in each row as in the head.
      shown: Makes Markdown of a cell; `str` where cells are Markdown already.
    """
    first, *lines = (f"| {' | '.join(map(shown, row))} |" for row in (head, *rows))
    return [first, f"|{'---|' * len(head)}", *lines]


# Those that look like Latin letters have no command of their own.
_GREEK = {letter: unicodedata.name(letter).split()[-1].lower() for letter in "αβγδεζηθικμνξπρστυφχψω"} | {
    letter: unicodedata.name(letter).split()[-1].title() for letter in "ΓΔΘΞΠΣΦΨΩ"
}
_MATHS = {
    "±": "pm", "↓": "downarrow", "↑": "uparrow", "↔": "leftrightarrow",
    "\u00d7": "times", "·": "cdot", "≤": "leq", "≥": "geq",
    "≠": "neq", "≈": "approx", "∞": "infty", "→": "rightarrow", "λ": "lambda", "Λ": "Lambda", **_GREEK,
}  # fmt: skip
# What stands for itself in text and not in LaTeX. By their numbers: what old fonts or the shorthands
# of some languages make of a sign. In braces: what the end of a row takes for its argument.
_LATEX = {
    **{letter: f"\\{letter}" for letter in "_%&#${}"},
    **{letter: f"$\\{name}$" for letter, name in _MATHS.items()},
    **{letter: f"{{{letter}}}" for letter in "[]*"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\char96{}",
}
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
SIGN = (
    r"\providecommand{\diffbenchsign}[2]"
    r"{\ifdefined\UnicodeEncodingName#1\else\texttt{U+#2}\fi}"
)
"""What a LaTeX file with such texts defines: a sign, or its number where the engine cannot show it."""


def latex(text: str) -> str:
    """Returns text as LaTeX shows it, where `SIGN` is defined."""
    return "".join(map(_in_latex, plain(text))).replace("--", "-{}-")


def _in_latex(letter: str) -> str:
    known = _LATEX.get(letter)
    if known is not None or (letter.isascii() and letter.isprintable()):
        return known or letter
    base, *marks = list(unicodedata.normalize("NFD", letter))
    # A dotless i would be needed below an accent.
    if len(marks) == 1 and marks[0] in _ACCENTS and base.isascii() and base.isalpha() and base not in "ij":
        return f"{{\\{_ACCENTS[marks[0]]}{{{base}}}}}"
    return f"\\diffbenchsign{{{letter}}}{{{ord(letter):04X}}}"
