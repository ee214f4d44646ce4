"""Words that fit."""

import pytest
from by_hand import LONG

from diffbench.figures.words import fitted, tick, width_of


@pytest.mark.parametrize("width", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("text", [LONG, "x" * 200, "a(b)" * 30, "short", "((", " "])
def test_text_is_broken_into_lines_that_fit(text, width):
    shown = fitted(text, width, lines=3)
    assert len(shown.splitlines()) <= 3 or width < 0.5
    assert all(width_of(line) <= width + 1e-9 for line in shown.splitlines())
    if "..." in shown:
        assert shown.replace("\n", "")[-1] == text.strip()[-1]


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (1000.0, "1000"), (1e5, "1e5"), (-1e7, "-1e7"), (0.01, "0.01")]
)
def test_a_tick_is_short(value, shown):
    assert tick(value) == shown
