"""Exact and changed scores: what they are of, and what is asked of them wrongly."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db


@pytest.mark.slow
def test_the_exact_score_is_that_of_the_data():
    data = db.dataset("two_moons")
    x = np.zeros((4, 5, 2), np.float32)
    exact = db.exact(data, "vp")
    assert exact(x, 0.5).shape == (4, 5, 2)
    np.testing.assert_allclose(exact(x, 0.5), data.score_at(x, "vp", t=0.5), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.exact("two_moons", "pv"), ValueError, "unknown process 'pv'"),
        (lambda: db.exact(3), TypeError, "data must be a dataset or its name; got int"),
        (lambda: db.exact("two_moons", 3), TypeError, "process must be a name, a process of diffbench.process or a"),
        (lambda: db.exact(np.zeros((20, 2))), TypeError, "got ndarray; points of your own are one by diffbench.arrays"),
        (lambda: db.empirical("two_moons", size=0), ValueError, "size must be at least 1; got 0"),
        (lambda: db.perturbed("exact"), TypeError, "score must be an exact, empirical or learned one; got str"),
        (lambda: db.perturbed(db.exact("two_moons"), size="1"), TypeError, "size must be a number; got '1'"),
        (lambda: db.perturbed(db.exact("two_moons"), size=-1.0), ValueError, "size"),
        (lambda: db.exact("two_moons")(np.zeros((2, 2)), 0.0), ValueError, "t must be in"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
