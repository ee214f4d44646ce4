"""What metrics share, against SciPy's distances and sorts of all of them."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import distance as scipys

from diffbench.metrics import base
from diffbench.process import PROCESSES

RNG = np.random.RandomState(0)
X, Y = RNG.standard_normal((30, 3)), RNG.standard_normal((50, 3))


@pytest.mark.parametrize("check", [base.points, base.exact_points])
@pytest.mark.parametrize(
    ("x", "more", "text"),
    [
        (np.zeros(3), {}, r"samples must have shape \[n, D\]; got \[3\]"),
        (np.zeros((1, 2)), {"least": 2}, "samples must hold at least 2 points; got 1"),
        (np.zeros((4, 2)), {"dim": 3}, "samples must have dimension 3; got 2"),
    ],
)
def test_points_of_another_shape_are_refused(check, x, more, text):
    with pytest.raises(ValueError, match=text):
        check("samples", x, **more)


def test_points_are_float32_and_exact_ones_keep_every_digit():
    far = np.array([[1.0 + 1e-12, 1e200]])
    assert base.points("samples", X).dtype == jnp.float32
    np.testing.assert_array_equal(base.exact_points("samples", far), far)


def test_first_rows_are_as_many_of_both(outcome, nine):
    x, y = base.first_rows(outcome(nine, X, Y), 40)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y[:30])
    assert [len(side) for side in base.first_rows(outcome(nine, X, Y), 7)] == [7, 7]


def test_means_over_pairs_are_scipys():
    x, y = (jnp.asarray(z, jnp.float32) for z in (X, Y))
    assert base.within(base.distance, (), x)[0] == pytest.approx(scipys.pdist(X).mean(), rel=1e-6)
    assert base.between(base.distance, (), x, y)[0] == pytest.approx(scipys.cdist(X, Y).mean(), rel=1e-6)


@pytest.mark.parametrize("k", [1, 4])
def test_neighbours_are_the_first_of_all_distances_sorted(k):
    distances, which = base.nearest(X, Y, k)
    every = scipys.cdist(X, Y)
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :k], rtol=1e-12)
    np.testing.assert_array_equal(which, np.argsort(every, axis=1)[:, :k])
    every = scipys.cdist(Y, Y)
    np.fill_diagonal(every, np.inf)
    np.testing.assert_allclose(base.nearest_others(Y, k), np.sort(every, axis=1)[:, k - 1], rtol=1e-12)


def test_a_level_is_covered_between_the_ends_of_the_process(nine):
    vp = PROCESSES.build("vp")
    beta = 0.1 * vp.t_min + 19.9 * vp.t_min**2 / 2, 0.1 + 19.9 / 2
    high, low = (-math.log(math.expm1(b)) for b in beta)
    assert base.covered(vp, nine, low, high)
    assert not base.covered(vp, nine, low - 0.1, high)
    assert not base.covered(vp, nine, low, high + 0.1)


def test_what_is_prepared_is_not_prepared_again(outcome, nine):
    def prepare(reference, dataset):
        return len(reference), dataset.name

    assert base.prepared(prepare, outcome(nine, X, Y)) == (50, "nine_gaussians")
    assert base.prepared(prepare, outcome(nine, X, Y, prepared="before")) == "before"
