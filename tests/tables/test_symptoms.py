"""What is said of an error is what planted models show that metrics can tell."""

from __future__ import annotations

import pytest

from diffbench.tables import symptoms

TRUTH = {"stray": 0.001, "copied": 0.6, "missing_modes": 0.0, "mode_tv": 0.02}


def _said(values=(), **z):
    return symptoms.described(z, {**TRUTH, **dict(values)}, TRUTH, 2000)


@pytest.mark.parametrize(
    ("z", "values", "words"),
    [
        ({"energy": 1.0, "mmd2_local": 0.3, "mode_tv": -0.3}, {}, symptoms.NOTHING),
        ({"energy": 60, "mmd2_local": 80, "mode_tv": 30}, {"missing_modes": 1}, "1 mode is missing"),
        ({"energy": 60, "mmd2_local": 80, "mode_tv": 30}, {"mode_tv": 0.2}, "20.0% of the mass is in other modes"),
        ({"energy": 9, "mode_tv": 30, "stray": 800}, {"stray": 0.52}, "52.00% of the samples lie outside every mode"),
        ({"energy": 220, "mmd2_local": 800, "mode_tv": -0.5}, {}, "displaced or of another scale"),
        ({"energy": 7, "mmd2_local": 125, "mode_tv": 0.1, "stray": 40}, {"stray": 0.02}, "too wide or blurred"),
        ({"energy": 118, "mmd2_local": 8021, "mode_tv": -0.6, "stray": -1}, {"stray": 0.0}, "too narrow"),
        ({"energy": 0.2}, {"copied": 1.0, "ct": -30}, "copies of training points"),
        ({"manifold_distance": 20}, {}, "off the manifold"),
        ({"manifold_distance": -20}, {}, "too near to the manifold"),
        ({"intrinsic": 9}, {}, "unevenly spread along the manifold"),
    ],
)  # fmt: skip
def test_each_pattern_has_its_words(z, values, words):
    said = _said(values, **z)
    assert any(words in line for line in said), said


def test_what_lies_between_seen_and_blind_is_not_described():
    assert _said(energy=20, mmd2_local=130, mode_tv=3.0) == []
