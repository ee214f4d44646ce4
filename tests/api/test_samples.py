"""Samples are arrays that know their cost; what is asked for wrongly is one line."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db


@pytest.mark.slow
def test_samples_are_arrays_too():
    x = db.sample(db.exact("two_moons"), "ancestral", n=20, steps=3)
    assert np.asarray(x).shape == (20, 2)
    np.testing.assert_array_equal(np.asarray(x), x.samples)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.sample(db.exact("two_moons"), "ancestrl"), ValueError, "unknown sampler 'ancestrl'; known: "),
        (lambda: db.sample(db.exact("two_moons"), "ancestral", step=3), ValueError, "takes no 'step'; it takes: "),
        (lambda: db.sample(db.exact("two_moons"), n=1), ValueError, "n must be at least 2; got 1"),
        (lambda: db.sample(db.exact("two_moons"), n=1e3), TypeError, "n must be a whole number; got 1000.0"),
        (lambda: db.sample(db.exact("two_moons"), seed="a"), TypeError, "seed must be a whole number; got 'a'"),
        (lambda: db.sample(max), TypeError, "is one by diffbench.score"),
        (lambda: db.sample("two_moons"), TypeError, "score must be a source of scores; got str"),
        (lambda: db.sample(db.dataset("two_moons")), TypeError, r"truth itself is data\.sample"),
        (lambda: db.sample(db.empirical("two_moons", seed=1), n=9, seed=2), ValueError, "seed must be 1"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
