"""Coordinates on manifolds against other formulas, and their uniform law at thickness 0."""

import functools
import math

import jax
import numpy as np
import pytest
from scipy import integrate, stats

from diffbench.contracts import DATASETS
from diffbench.datasets.coordinates import in_data_coordinates

pytestmark = pytest.mark.slow

SKELETONS = [
    ("circle", {}, 1),
    ("circle", {"embed": 5}, 1),
    ("sphere", {}, 2),
    ("sphere", {"dim": 6}, 5),
    ("torus", {}, 2),
    ("two_moons", {}, 1),
    ("swiss_roll", {}, 1),
    ("s_curve", {}, 2),
    ("s_curve", {"embed": 6}, 2),
    ("checkerboard", {}, 2),
]


@functools.cache
def thin(name, **params):
    return DATASETS.build(name, thickness=0.0, **params)


def drawn(dataset, n=4096):
    return dataset.standardise(dataset.sample(jax.random.key(1), n))


def coordinates(dataset, points):
    """Returns the coordinates of points given in data coordinates, float64."""
    x = (np.asarray(points, np.float64) - dataset.mean) / dataset.scale
    return np.asarray(dataset.intrinsic(x.astype(np.float32)), np.float64)


@pytest.mark.parametrize(("name", "params", "count"), SKELETONS)
def test_coordinates_are_uniform_at_thickness_zero(name, params, count):
    dataset = thin(name, **params)
    u = np.asarray(dataset.intrinsic(drawn(dataset)))
    assert u.shape == (4096, count)
    assert u.min() >= 0.0
    assert u.max() <= 1.0
    # 19 coordinates, one seed in 500 rejected.
    p = [stats.kstest(column, "uniform").pvalue for column in u.T]
    assert min(p) > 1e-4, p
    # Of uniform coordinates no two go together either.
    if count > 1:
        off = np.corrcoef(u.T)[~np.eye(count, dtype=bool)]
        assert np.abs(off).max() < 5 / math.sqrt(4096)


def test_blocks_of_rows_change_nothing():
    roll = thin("swiss_roll")
    x = drawn(roll)
    # 4096 rows go by 64, with 30 there is one block.
    np.testing.assert_allclose(roll.intrinsic(x)[-30:], roll.intrinsic(x[-30:]), atol=1e-6)


def rim(u):
    return np.stack([np.cos(2 * np.pi * (u - 0.5)), np.sin(2 * np.pi * (u - 0.5))], axis=1)


# Curves are chords, 2048 of them: beside one the nearest place is right to a fifth of a chord.
@pytest.mark.parametrize("away", [0.0, -0.05, 0.05])
def test_the_circle_and_the_moons_are_measured_by_their_angle(away):
    u = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(coordinates(thin("circle"), (1 + away) * rim(u))[:, 0], u, atol=1e-6)
    half = np.stack([np.cos(np.pi * u), np.sin(np.pi * u)], axis=1) * (1 + away)
    moons = thin("two_moons")
    np.testing.assert_allclose(coordinates(moons, half)[:, 0], u / 2, atol=1e-4)
    np.testing.assert_allclose(coordinates(moons, [1.0, 0.5] - half)[:, 0], 0.5 + u / 2, atol=1e-4)


@pytest.mark.parametrize("away", [0.0, -0.3, 0.3])
def test_the_roll_and_the_s_are_measured_by_their_arc(away):
    t = np.linspace(1.5 * np.pi, 4.5 * np.pi, 40)[1:-1]

    def length(end):
        return integrate.quad(lambda t: math.hypot(1.0, t), 1.5 * np.pi, end)[0]

    share = [length(end) / length(4.5 * np.pi) for end in t]
    tangent = np.stack([np.cos(t) - t * np.sin(t), np.sin(t) + t * np.cos(t)], axis=1)
    normal = tangent[:, ::-1] * [1, -1] / np.linalg.norm(tangent, axis=1, keepdims=True)
    roll = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) + away * normal
    np.testing.assert_allclose(coordinates(thin("swiss_roll"), roll)[:, 0], share, atol=1e-4)
    u, height = np.linspace(0.01, 0.99, 40), np.linspace(1.98, 0.02, 40)
    angle, centre = 1.5 * np.pi * u, -1.0
    upper = np.stack([(1 + away) * np.sin(angle), height, centre + (1 + away) * np.cos(angle)], axis=1)
    lower = upper * [-1, 1, -1]
    for points, start in ((upper, 0.0), (lower, 0.5)):
        got = coordinates(thin("s_curve"), points)
        np.testing.assert_allclose(got, np.stack([start + u / 2, height / 2], axis=1), atol=1e-4)
    # Beyond the end of the interval the nearest point is its end.
    got = coordinates(thin("s_curve"), upper[:3] + np.array([0.0, 5.0, 0.0]))
    np.testing.assert_allclose(got[:, 1], 1.0)


@pytest.mark.parametrize("away", [0.0, -0.2, 0.2])
def test_the_sphere_is_measured_by_the_beta_law_of_each_angle(away):
    x = np.random.RandomState(0).standard_normal((40, 6))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    expected = []
    for j in range(4):
        cosine = unit[:, j] / np.linalg.norm(unit[:, j:], axis=1)
        half = (6 - j - 1) / 2
        expected.append(stats.beta.cdf((1 + cosine) / 2, half, half))
    expected.append(0.5 + np.arctan2(unit[:, 5], unit[:, 4]) / (2 * np.pi))
    got = coordinates(thin("sphere", dim=6), (1 + away) * unit)
    np.testing.assert_allclose(got, np.stack(expected, axis=1), atol=2e-5)


def test_the_torus_is_measured_by_its_area():
    ring, tube = np.linspace(-3.0, 3.0, 21), np.linspace(-3.1, 3.1, 21)
    rho = 1.0 + 0.3 * np.cos(tube)  # inside the tube
    points = np.stack([rho * np.cos(ring), rho * np.sin(ring), 0.3 * np.sin(tube)], axis=1)
    area = [
        integrate.quad(lambda angle: (1 + 0.4 * np.cos(angle)) / (2 * np.pi), -np.pi, end)[0] for end in tube
    ]
    got = coordinates(thin("torus"), points)
    np.testing.assert_allclose(got, np.stack([0.5 + ring / (2 * np.pi), area], axis=1), atol=1e-6)


def test_the_board_is_measured_by_its_squares_in_order():
    board = thin("checkerboard")
    corners = [(i - 2.0, j - 2.0) for i in range(4) for j in range(4) if (i + j) % 2 == 0]
    for k, corner in enumerate(corners):
        inside, below = coordinates(board, [np.add(corner, [0.25, 0.75]), np.add(corner, [0.25, -0.1])])
        np.testing.assert_allclose(inside, [(k + 0.25) / 8, 0.75], atol=1e-6)
        np.testing.assert_allclose(below, [(k + 0.25) / 8, 0.0], atol=1e-6)


def test_data_coordinates_change_nothing():
    dataset = DATASETS.build("swiss_roll")
    raw = in_data_coordinates(dataset)
    x = drawn(dataset, 64)
    np.testing.assert_allclose(raw.intrinsic(dataset.restore(x)), dataset.intrinsic(x), atol=1e-5)
    assert in_data_coordinates(DATASETS.build("pinwheel")).intrinsic is None


@pytest.mark.parametrize("name", ["pinwheel", "nine_gaussians"])
def test_what_has_a_width_of_its_own_has_no_coordinates(name):
    assert DATASETS.build(name).intrinsic is None


def test_the_roll_puts_nan_nowhere():
    u = thin("swiss_roll").intrinsic(np.full((3, 2), np.nan, np.float32))
    assert not np.isfinite(u).any()
