"""Figures for a paper have serif letters, and texts are fitted by these."""

import matplotlib as mpl
import pytest

from diffbench.figures.base import style
from diffbench.figures.words import FONTS, fitted, lettered, width_of
from diffbench.records.drawn import STYLES


@pytest.mark.parametrize("name", STYLES)
def test_a_style_sets_its_font_and_puts_back_what_was_there(name):
    before = [*mpl.rcParams["font.family"]]
    with style(name):
        assert mpl.rcParams["font.family"] == [FONTS[name]]
    assert mpl.rcParams["font.family"] == before


def test_texts_are_measured_in_the_font_of_the_style():
    text = "annealed_langevin(steps_per_level=20)"
    widths = {}
    for name in STYLES:
        with style(name):
            widths[name] = width_of(text)
    assert widths["paper"] < 0.95 * widths["screen"]
    between = sum(widths.values()) / 2
    with style("paper"):
        assert fitted(text, between) == text
    with style("screen"):
        assert fitted(text, between) != text
    # Outside any style, as for the screen.
    with mpl.rc_context({"font.family": ["serif"]}):
        assert width_of(text) == widths["screen"]


def test_both_fonts_have_the_signs_of_the_figures():
    for name in STYLES:
        with style(name):
            assert lettered("\u00b1 \u03c3 \u03b1 \u2192 \u00e9") == "\u00b1 \u03c3 \u03b1 \u2192 \u00e9"
