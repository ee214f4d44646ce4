"""Canvas, places and panels in inches, files without time or maker, and names that every system takes."""

import io
import math

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import image
from matplotlib.lines import Line2D

from diffbench.figures.base import DPI, SUFFIXES, canvas, encoded, extremes, panels, place, plain, style


def test_a_place_is_inches_from_the_top_left_corner():
    figure = canvas(5.0, 4.0)
    low, high = place(figure, 1.0, 0.5, 2.0, 1.5).get_position().get_points() * [5.0, 4.0]
    np.testing.assert_allclose([low, high], [[1.0, 4.0 - 0.5 - 1.5], [3.0, 4.0 - 0.5]])


def test_panels_are_as_high_as_asked_and_do_not_overlap():
    figure, axes = panels(2, 3, 7.0, 1.5, [Line2D([], [], label="a label")], "what it shows")
    boxes = [one.get_position().get_points() * figure.get_size_inches() for one in axes.ravel()]
    assert axes.shape == (2, 3)
    assert all(high[1] - low[1] == pytest.approx(1.5) for low, high in boxes)
    for i, (low, high) in enumerate(boxes):
        assert (low >= 0).all()
        assert (high <= figure.get_size_inches()).all()
        assert not [1 for other in boxes[:i] if (low < other[1]).all() and (other[0] < high).all()]


def clipped():
    figure = canvas(2.0, 2.0)
    place(figure, 0.3, 0.3, 1.0, 1.0).plot([0.0, 1.0], [0.0, 9.0])
    return figure


def test_a_file_has_the_pixels_of_its_inches_and_no_maker():
    with style():
        figure = canvas(3.0, 2.0)
        png, pdf, svg = (encoded(figure, suffix) for suffix in SUFFIXES)
    assert image.imread(io.BytesIO(png)).shape[:2] == (2 * DPI, 3 * DPI)
    assert b"Matplotlib" not in png
    assert b"/CreationDate" not in pdf
    assert b"<dc:date>" not in svg
    assert b"Matplotlib" not in svg


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_figure_gives_the_same_bytes_twice_also_outside_a_style(suffix):
    # Names of clip paths and identities of fonts are drawn at random without a salt.
    made = [encoded(clipped(), suffix) for _ in range(2)]
    with mpl.rc_context({"svg.hashsalt": "another", "savefig.facecolor": "black", "svg.fonttype": "none"}):
        made.append(encoded(clipped(), suffix))
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize(
    ("title", "name"), [("a/b: c", "a_b_c"), ("steps=5 (x)", "steps=5_x"), ("..", ""), ("x" * 200, "x" * 120)]
)
def test_a_file_name_has_letters_digits_and_four_signs(title, name):
    assert plain(title) == name


def test_extremes_are_numpys_of_what_is_finite():
    values = [3.0, math.nan, 1.0, math.inf, 8.0]
    kept = np.array([3.0, 1.0, 8.0])
    assert extremes(values) == (kept.mean(), kept.min(), kept.max())
    assert all(math.isnan(value) for value in extremes([math.nan]))
