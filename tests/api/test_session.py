"""What a program makes is kept where it says."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db
from diffbench.records.store import Store
from diffbench.spec import identify


@pytest.mark.slow
def test_a_results_folder_is_a_cache(ran, tmp_path):
    data = db.dataset("nine_gaussians")
    made = {
        "steps": 20,
        "batch": 16,
        "network": {"widths": [8, 8], "embedding_width": 8},
        "cache": tmp_path / "mine",
    }
    first = db.fit("score_sde", data, **made)
    files = sorted((tmp_path / "mine" / "fits").iterdir())
    before = [file.stat().st_mtime_ns for file in files]
    again = db.fit("score_sde", data, **made)
    assert [file.stat().st_mtime_ns for file in sorted((tmp_path / "mine" / "fits").iterdir())] == before
    np.testing.assert_array_equal(first.loss, again.loss)
    x = db.sample(again, "ancestral", n=20, steps=3, cache=tmp_path / "other")
    assert identify(again.cell().fit) in Store(tmp_path / "other").names("fit")
    assert len(x) == 20
