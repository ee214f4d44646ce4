"""Points alone: two halves that share none, fresh truth of the one that judges, noise of one grey level."""

import jax
import numpy as np
import pytest

from diffbench.datasets.finite import dequantised, finite_dataset, halves

X = np.random.RandomState(0).standard_normal((400, 2)).astype(np.float32) * [2.0, 1.0] + [5.0, 0.0]


@pytest.fixture(scope="module")
def made():
    return finite_dataset("mine", *halves("mine", X), version=1)


def test_the_halves_share_no_point_and_are_all(made):
    halves = made.finite.train, made.finite.held_out
    assert [len(half) for half in halves] == [200, 200]
    assert len({row.tobytes() for half in halves for row in half.astype(np.float32)}) == 400


def test_mean_and_scale_are_those_of_the_training_half(made):
    np.testing.assert_allclose(made.mean, made.finite.train.mean(axis=0), rtol=1e-6)
    assert abs(made.scale - np.sqrt(made.finite.train.var(axis=0).mean())) < 1e-6


def test_a_reference_and_fresh_truth_share_no_point(made):
    rows = [made.finite.reference(100), made.finite.fresh(jax.random.key(1), 100)]
    assert len({row.tobytes() for x in rows for row in x}) == 200
    x, rest = made.finite.parted(jax.random.key(2), 100, 100)
    assert len({row.tobytes() for part in (x, rest) for row in part}) == 200


def test_more_fresh_truth_than_there_is_is_refused(made):
    assert made.sample(jax.random.key(0), 100).shape == (100, 2)
    with pytest.raises(ValueError, match="mine holds 100 points of fresh truth; got a request for 101"):
        made.sample(jax.random.key(0), 101)


def test_noise_of_one_level_depends_on_name_and_half_alone():
    grid = np.arange(12.0).reshape(6, 2)
    first = dequantised("mine", "train", grid, 0.5)
    assert first.dtype == np.float32
    assert ((first >= grid) & (first < grid + 0.5)).all()
    np.testing.assert_allclose(dequantised("mine", "train", grid + 1.0, 0.5) - 1.0, first, atol=1e-6)
    for name, half in (("mine", "held_out"), ("other", "train")):
        assert np.abs(dequantised(name, half, grid, 0.5) - first).max() > 0.1


@pytest.mark.parametrize(
    ("points", "held_out", "text"),
    [
        (X[:19], X, "mine needs at least 20 train points; got 19"),
        (X, X[:19], "mine needs at least 20 held-out points; got 19"),
        (np.ones((30, 2)), X, "mine: expected points that differ; got 30 times one point"),
    ],
)
def test_halves_that_cannot_be_used_are_refused(points, held_out, text):
    with pytest.raises(ValueError, match=text):
        finite_dataset("mine", points, held_out, version=1)
