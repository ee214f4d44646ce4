"""Noise processes by name."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db
from diffbench.api import noise


def test_levels_are_the_paper_s_at_times_of_any_shape():
    t = np.array([[0.1, 0.4], [0.7, 1.0]])
    b = 0.1 * t + 0.5 * 19.9 * t**2
    vp = db.process("vp")
    np.testing.assert_allclose(vp.alpha(t), np.exp(-0.5 * b), rtol=1e-5)
    np.testing.assert_allclose(vp.sigma(t), np.sqrt(-np.expm1(-b)), rtol=1e-5)
    np.testing.assert_allclose(vp.log_snr(t), -b - np.log(-np.expm1(-b)), rtol=1e-4)


def test_a_name_an_entry_and_a_process_are_one_entry_of_a_suite():
    entry = {"name": "vp", "beta_max": 10.0}
    assert noise.entry_of(db.process("vp", beta_max=10.0)) == noise.entry_of(entry) == entry
    assert noise.entry_of("vp") == {"name": "vp"}


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.process("pv"), ValueError, "unknown process 'pv'; known: "),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
