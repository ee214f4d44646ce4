"""What the library asks for is what a suite asks for, by name."""

from __future__ import annotations

import pytest

from diffbench.records.store import Store


@pytest.mark.slow
def test_a_draw_has_the_name_that_the_suite_gives_it_where_the_data_are_the_same(ran, drawn):
    """Exact rows of data with a train_size are the same specification as of data without."""
    results, scores = ran
    x = drawn(scores["exact"])
    assert results.row(score="exact").cell["draw_id"] in Store(x.store.root).names("draw")
