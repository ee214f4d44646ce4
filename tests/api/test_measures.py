"""Readings by the library: what cannot be measured is one line."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db


@pytest.mark.slow
def test_samples_of_other_data_are_not_measured_on_these():
    x = db.sample(db.exact("two_moons"), "ancestral", n=20, steps=3)
    with pytest.raises(ValueError, match="dataset must be 'two_moons', on which the score is; got 'circle'"):
        db.measure(x, dataset="circle")
    with pytest.raises(ValueError, match="score_error says nothing of the exact score"):
        db.measure(x, ["score_error"])


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.measure(max, dataset="two_moons"), TypeError, "is one by diffbench.score"),
        (lambda: db.measure(db.dataset("two_moons")), TypeError, r"samples of the truth are data\.sample\(n\)"),
        (lambda: db.measure(np.eye(20, 2), dataset=3), TypeError, "dataset must be a dataset or its name; got int"),
        (lambda: db.measure(np.eye(20, 2), dataset="two_moons", label=3), TypeError, "label must be text; got int"),
        (lambda: db.measure(np.eye(20, 2), "score_error", dataset="two_moons"), ValueError, "judges a score, and samples alone"),
        (lambda: db.measure(np.eye(20, 2), dataset="two_moons", floor_draws=0), ValueError, "floor_draws must be at least 2"),
        (lambda: db.measure(np.zeros((20, 2))), TypeError, "needs the dataset"),
        (lambda: db.measure(np.zeros((20, 3)), dataset="two_moons"), ValueError, "must have shape"),
        (lambda: db.measure(np.zeros((20, 2)), dataset="two_moons"), ValueError, "20 times one point"),
        (lambda: db.measure("none.npy", dataset="two_moons"), ValueError, "no file 'none.npy'"),
        (lambda: db.measure(db.exact("two_moons"), ["energy"]), ValueError, "energy needs samples"),
        (lambda: db.measure(db.exact("two_moons"), ["score_error"]), ValueError, "zero by construction"),
        (lambda: db.measure(db.exact("two_moons"), dataset="circle"), ValueError, "dataset must be 'two_moons'"),
        (lambda: db.measure(db.exact("two_moons"), metric="kl"), TypeError, "measure takes no 'metric'"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
