"""Views: the plane, and the density in it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from by_hand import random
from matplotlib import image

from diffbench.figures.base import canvas, encoded, place, style
from diffbench.figures.view import density, outside, show, thin, view_of


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


def darkness(samples, view, middles) -> float:
    """Returns the share of a panel's darkness, by lightness to the eye, that lies away from all modes."""
    with style():
        figure = canvas(1.45, 1.45)
        axes = place(figure, 0.0, 0.0, 1.45, 1.45)
        show(axes, samples, view)
        axes.set_axis_off()
        rgb = image.imread(io.BytesIO(encoded(figure, ".png")))[..., :3]
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    dark = 1.16 - 1.16 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722])
    places = [low + (np.arange(len(dark)) + 0.5) / len(dark) * (high - low) for low, high in view.window]
    grid = np.stack(np.meshgrid(places[0], places[1][::-1]), -1)
    away = np.linalg.norm(grid[:, :, None] - middles, axis=-1).min(axis=-1) > 0.7
    return float(dark[away].sum() / dark.sum())


@pytest.mark.parametrize("n", [2000, 10_000])
def test_one_stray_in_a_hundred_is_seen_and_does_not_look_like_a_third(n):
    rng = random("stray", n)
    middles = np.array([(i, j) for i in (-2, 0, 2) for j in (-2, 0, 2)], float)
    truth = middles[rng.randint(9, size=n)] + 0.2 * rng.normal(size=(n, 2))
    far = rng.uniform(-2.5, 2.5, size=(20 * n, 2))
    far = far[np.linalg.norm(far[:, None] - middles, axis=-1).min(axis=1) > 0.75][: n // 100]
    astray = rng.permutation(np.concatenate([truth[len(far) :], far]))
    view = view_of(truth)
    none, some = darkness(truth, view, middles), darkness(astray, view, middles)
    assert none < 0.02
    # As a root, the scale of colours made it five to nine.
    assert 0.01 < some - none < 0.035


def test_points_are_the_samples_of_thin_places_and_as_many_in_each_panel():
    rng = random("thin")
    truth = rng.normal(size=(8000, 2))
    view = view_of(truth)
    lone = np.array([[view.window[0][0] + 0.1, view.window[1][1] - 0.1]])
    found = thin(np.concatenate([lone, truth]), view)
    assert (found[0] == lone[0]).all()
    assert np.linalg.norm(found, axis=1).min() > 1.5
    # Beyond the first samples, and outside of the window, there are none.
    assert len(thin(np.concatenate([truth[:2000], lone]), view)) == len(thin(truth[:2000], view))
    assert len(thin(np.full((10, 2), 1e9), view)) == 0
