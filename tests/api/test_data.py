"""Data in their own coordinates: densities and scores."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db


@pytest.mark.slow
def test_the_score_is_the_gradient_of_the_log_density_in_data_coordinates():
    data, vp = db.dataset("eight_gaussians", radius=5.0), db.process("vp")
    x = np.array([[4.0, 1.0], [0.5, -3.0]], np.float32)
    step = 1e-2
    for t in (0.0, 0.3):
        slope = [
            (data.log_prob_at(x + step * e, vp, t=t) - data.log_prob_at(x - step * e, vp, t=t)) / (2 * step)
            for e in np.eye(2, dtype=np.float32)
        ]
        np.testing.assert_allclose(np.stack(slope, axis=1), data.score_at(x, vp, t=t), rtol=0.02, atol=0.02)


@pytest.mark.slow
def test_densities_integrate_to_one_in_data_coordinates():
    data = db.dataset("nine_gaussians")
    side = np.linspace(-4, 4, 161, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1)
    for t in (0.0, 0.1):
        total = np.exp(data.log_prob_at(grid, "vp", t=t)).sum() * (side[1] - side[0]) ** 2
        assert abs(total - 1) < 0.01


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.dataset("two_mons"), ValueError, "unknown dataset 'two_mons'; known: "),
        (lambda: db.dataset("two_moons", thick=1), ValueError, "takes no 'thick'; it takes: "),
        (lambda: db.dataset(np.zeros((20, 2))), TypeError, "name must be that of a dataset, such as 'two_moons'; got nda"),
        (lambda: db.dataset("two_moons", standardise="no"), TypeError, "standardise must be true or false; got 'no'"),
        (lambda: db.dataset("two_moons").sample(0), ValueError, "n must be at least 1; got 0"),
        (lambda: db.dataset("two_moons").sample(9, seed="a"), TypeError, "seed must be a whole number; got 'a'"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 9))), ValueError, "it may be the other way round"),
        (lambda: db.dataset("two_moons").score_at([["a", "b"]]), ValueError, "x: expected real numbers; got text"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 2)), t="a"), TypeError, "t must be one number, .*; got 'a'"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 2)), t=np.ones(2)), TypeError, r"got an array of shape \[2\]"),
        (lambda: db.mixture([1, 1], [[0, 0], [1]], [1, 1]), ValueError, "means: expected an array of real numbers"),
        (lambda: db.arrays(np.zeros(30)), ValueError, r"train must have shape \[n, D\], .*; got \[30\]"),
        (lambda: db.arrays(np.full((30, 2), np.nan)), ValueError, "train: .* got 30 of 30 points that are not"),
        (lambda: db.arrays(np.eye(60, 2), np.eye(60, 3)), ValueError, r"of the shape of train, \[2\]; got \[3\]"),
        (lambda: db.arrays(row for row in "ab"), ValueError, "train: expected real numbers; got generator"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 3))), ValueError, "x must have shape"),
        (lambda: db.dataset("two_moons").score_at(np.zeros((2, 2)), "vp", t=2.0), ValueError, "t must be 0 or in"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
