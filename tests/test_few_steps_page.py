"""The page of few steps is what the committed results make."""

import few_steps_page as made
import numpy as np
import pandas as pd


def test_the_page_is_made_from_the_committed_results():
    text = made.PAGE.read_text(encoding="utf-8")
    assert made.page(text) == text
    assert "| exact |" in text


def test_a_median_has_the_interval_of_its_order_statistics():
    found = made.middle(np.arange(1.0, 257.0))
    assert found == {"error": 128.5, "low": 112.0, "high": 145.0}
    # As often as it says: of uniform numbers the median is 1/2.
    draws = np.random.RandomState(0).uniform(size=(2000, 101))
    inside = [one["low"] <= 0.5 <= one["high"] for one in map(made.middle, draws)]
    assert 0.94 < np.mean(inside) < 0.98


def test_what_remains_is_the_part_that_is_surely_larger():
    small, large, wide = (
        pd.Series({"low": low, "high": high}) for low, high in ((1.0, 2.0), (3.0, 4.0), (1.5, 3.5))
    )
    assert [made.verdict(large, None), made.verdict(large, small)] == ["solving", "solving"]
    assert [made.verdict(small, large), made.verdict(small, wide)] == ["learning", "both"]
