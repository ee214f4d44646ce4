"""The critical-difference diagram: markers at the mean ranks, bars over what is not told apart."""

import numpy as np
import pytest

from diffbench.figures import ranks
from diffbench.figures.base import style
from diffbench.tables.ranks import Ranks


def diagram(names, mean, p):
    with style():
        return ranks._figure(Ranks("energy", "learned", 8, [(n, "", "own") for n in names], mean, p))


def apart(count, *joined):
    p = np.full((count, count), 0.001)
    np.fill_diagonal(p, 1.0)
    for i, j in joined:
        p[i, j] = p[j, i] = 0.4
    return p


def test_markers_stand_at_the_mean_ranks_and_bars_join_what_is_not_told_apart():
    mean = np.array([1.25, 2.0, 3.5, 3.9])
    (axes,) = diagram("abcd", mean, apart(4, (2, 3))).axes
    places = sorted(float(c.get_offsets()[0, 0]) for c in axes.collections)
    assert places == pytest.approx([*mean])
    (bar,) = [line for line in axes.lines if line.get_linewidth() > 2]
    assert sorted(map(float, bar.get_xdata())) == [3.5, 3.9]
    assert {text.get_text() for text in axes.texts} == {
        "a / own (1.25)", "b / own (2.00)", "c / own (3.50)", "d / own (3.90)",
    }  # fmt: skip


def test_braces_and_dollars_of_a_label_are_text_and_long_ones_are_cut():
    names = ["{x}", "$\\alpha$", "w" * 200]
    (axes,) = diagram(names, np.array([1.0, 2.0, 3.0]), apart(3)).axes
    shown = [text.get_text() for text in axes.texts]
    assert shown[0] == "{x} / own (1.00)"
    assert any("$\\alpha$" in text for text in shown)
    assert max(map(len, shown)) < 120


def test_many_rows_are_the_first_ones_and_said():
    names = [f"n{i}" for i in range(15)]
    figure = diagram(names, np.arange(1.0, 16.0), apart(15))
    assert len(figure.axes[0].texts) == ranks.MOST
    assert any("first 12 of 15 rows" in text.get_text() for text in figure.texts)
