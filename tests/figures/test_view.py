"""Views: the plane, and the density in it."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import random

from diffbench.figures.view import density, outside, view_of


def test_three_dimensions_are_seen_where_coordinates_know_most_of_each_other():
    rng = random("view")
    angle = rng.uniform(0, 2 * np.pi, 2000)
    x = np.stack([np.cos(angle), rng.uniform(-3, 3, 2000), np.sin(angle)], axis=1)
    view = view_of(x)
    assert view.note == "coordinates 1 and 3"
    np.testing.assert_array_equal(view.axes, [[1, 0], [0, 0], [0, 1]])


def test_more_dimensions_are_seen_along_principal_axes():
    x = random("principal").normal(size=(4000, 5)) * [1, 5, 1, 3, 1]
    axes = view_of(x).axes
    np.testing.assert_allclose(axes[[1, 3], [0, 1]], 1, atol=0.02)


def test_a_line_is_seen_too():
    view = view_of(random("line").normal(size=(500, 1)))
    assert density(random("line").normal(size=(500, 1)), view).max() > 0


def test_density_counts_the_share_that_the_window_shows():
    rng = random("share")
    truth = rng.normal(size=(2000, 2))
    view = view_of(truth)
    half = np.concatenate([truth, truth + 100])
    assert outside(half, view) == pytest.approx(0.5, abs=0.01)
    assert density(half, view).sum() == pytest.approx(density(truth, view).sum() / 2, rel=1e-6)


def test_density_has_rows_upwards():
    view = view_of(random("up").uniform(-1, 1, size=(2000, 2)))
    top_left = density(np.full((10, 2), [-0.9, 0.9]), view)
    row, column = np.unravel_index(top_left.argmax(), top_left.shape)
    assert row > view.bins / 2 > column
