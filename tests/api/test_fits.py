"""Fits by the library: why there is none, in one line."""

from __future__ import annotations

import pytest

import diffbench as db
from diffbench.api import session


@pytest.mark.slow
def test_what_diverges_raises_with_its_reason():
    with pytest.raises(session.Failed, match="diverged"):
        db.fit(
            "score_sde",
            "two_moons",
            steps=30,
            batch=16,
            learning_rate=1e30,
            warm_up=0,
            network={"widths": [8, 8]},
        )


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.fit("score_sde", "two_moons", network=[64]), TypeError, "network must be a table such as"),
        (lambda: db.fit("score_sde", "two_moons", network="resnet"), ValueError, "unknown network 'resnet'; known: mlp"),
        (lambda: db.fit("score_sde", "two_moons", process=3), TypeError, "process must be a name"),
        (lambda: db.fit("score_sde", "two_moons", seed="a"), TypeError, "seed must be a whole number; got 'a'"),
        (lambda: db.fit(3, "two_moons"), TypeError, "family must be a name or what was registered under one; got int"),
        (lambda: db.fit("score_sd", "two_moons"), ValueError, "unknown family 'score_sd'; known: "),
        (lambda: db.fit("score_sde", "two_moons", stpes=3), ValueError, "takes no 'stpes'; it takes: "),
        (lambda: db.fit("score_sde", "two_moons", steps=0), ValueError, "steps must be at least 1"),
        (lambda: db.fit("ddpm", "two_moons", process="vp"), ValueError, "it trains on a table of times"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
