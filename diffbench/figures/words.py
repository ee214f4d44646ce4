"""Words that fit: how wide a text is in the font of the figures, and where it is broken."""

from __future__ import annotations

import functools
import re

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font, LoadFlags

from diffbench.records.drawn import PAPER, SCREEN

# They come with Matplotlib, so every machine has them.
FONTS = {SCREEN: "DejaVu Sans", PAPER: "STIXGeneral"}
"""The font of each style of figures."""
SIZES = {SCREEN: 7.0, PAPER: 8.0}
"""The size of letters in each, in points."""
_FINE = 720  # dots an inch: widths are those of the letters, not of a screen's dots
BOLD = 1.15  # how much wider bold letters are than those that are measured


def lettered(text: str) -> str:
    """Returns text in letters that the font has, others by their numbers (U+6F22).

    A letter that is missing would be drawn as an empty box, the same for all, and labels that differ in
    nothing else would look alike.
    """
    if text.isascii():
        return text
    known = _font(_family()).get_char_index
    return "".join(c if c.isascii() or known(ord(c)) else f"U+{ord(c):04X}" for c in text)


def _family() -> str:
    """Returns the font of the style that is set, the screen's outside any."""
    family = str(mpl.rcParams["font.family"][0])
    return family if family in FONTS.values() else FONTS[SCREEN]


def is_paper() -> bool:
    """Returns whether the style that is set is that of papers."""
    return _family() == FONTS[PAPER]


def scaled(size: float) -> float:
    """Returns a size of letters on the screen, in points, in the style that is set."""
    return size * SIZES[PAPER if is_paper() else SCREEN] / SIZES[SCREEN]


def _font(family: str) -> FT2Font:
    return get_font(findfont(FontProperties(family=family)))


def width_of(text: str, size: float = 7.0) -> float:
    """Returns how wide the widest line of a text is, in inches, by the font's own measures.

    Args:
      text: The text.
      size: Of its letters on the screen, in points; see `scaled`.
    """
    return _width(text, scaled(size), _family())


@functools.lru_cache(maxsize=4096)
def _width(text: str, size: float, family: str) -> float:
    font = _font(family)
    font.set_size(size, _FINE)
    widest = 0.0
    for line in lettered(text).split("\n"):
        font.set_text(line, flags=LoadFlags.NO_HINTING)
        widest = max(widest, font.get_width_height()[0] / 64 / _FINE)
    return widest


def fitted(text: str, width: float, lines: int = 2, size: float = 7.0) -> str:
    """Returns text in lines that fit a width in inches, broken at blanks and before brackets.

    What is too long loses its middle: labels differ at their ends. Letters that the font lacks are
    told by their numbers; see `lettered`.

    Args:
      text: The text.
      width: In inches.
      lines: How many lines there may be.
      size: Of the letters on the screen, in points; see `scaled`.
    """
    text = lettered(text)
    if width_of(text, size) <= width:
        return text
    found = _broken(text, width, size)
    if len(found) > lines:
        low, high = 0, len(text)
        while high - low > 1:
            kept = (low + high) // 2
            fits = len(_broken(_shortened(text, kept), width, size)) <= lines
            low, high = (kept, high) if fits else (low, kept)
        found = _broken(_shortened(text, max(low, 2)), width, size)
    return "\n".join(found)


def _shortened(text: str, kept: int) -> str:
    """Returns a text of which the middle is left out."""
    front = (kept + 1) // 2
    return f"{text[:front]}...{text[len(text) - (kept - front) :]}"


def _broken(text: str, width: float, size: float) -> list[str]:
    """Returns the lines of a text; a word that is too long for one goes on in the next."""
    lines = [""]
    for word in filter(None, re.findall(r"\s*\(*[^\s(]*", text)):
        if lines[-1] and width_of(lines[-1] + word, size) > width:
            lines.append("")
        rest = word if lines[-1] else word.lstrip()
        while width_of(rest, size) > width and len(rest) > 1:
            cut = max(1, int(len(rest) * width / width_of(rest, size)))
            while cut > 1 and width_of(rest[:cut], size) > width:
                cut -= 1
            # Between the parts of a name where it has some, and never for one letter alone.
            joint = max(rest.rfind(sign, 0, cut) for sign in "_,=)") + 1
            cut = joint if joint > 1 else min(cut, max(len(rest) - 2, 1))
            lines[-1], rest = rest[:cut], rest[cut:]
            lines.append("")
        lines[-1] += rest
    return [line.strip() for line in lines if line.strip()]


def caption(text: str, width: float) -> tuple[str, float]:
    """Returns a caption in lines that fit a width, and its height, both in inches."""
    shown = fitted(text, width, lines=6)
    return shown, 0.07 + 0.13 * (1 + shown.count("\n"))


def tick(value: float) -> str:
    """Returns a tick's label, no wider than five letters from 1e-99 to 1e99."""
    if value and not 1e-3 <= abs(value) < 1e4:
        mantissa, power = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(power)}"
    return f"{value:g}"
