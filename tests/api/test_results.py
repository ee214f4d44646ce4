"""Rows of a run that was opened: their scores, and a folder without a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import diffbench as db
from diffbench import figures


@pytest.mark.slow
def test_rows_give_scores_that_agree_with_those_of_the_library(ran):
    results, scores = ran
    x = np.zeros((3, 2), np.float32)
    np.testing.assert_array_equal(results.row(score="exact").score(x, 0.5), scores["exact"](x, 0.5))
    np.testing.assert_allclose(
        results.row(family="score_sde").score(x, 0.5), scores["learned"].score(x, 0.5), rtol=1e-6
    )


@pytest.mark.slow
def test_figures_of_solvers_are_drawn_of_the_orders_of_a_run(ran, monkeypatch):
    given = []
    monkeypatch.setattr(figures, "drawn", lambda *args: given.extend(args) or iter(()))
    opened = db.open(ran[0].folder)
    assert opened.figures == []
    _, parts, orders, long = given
    assert "errs_in" in parts
    assert isinstance(orders, pd.DataFrame)
    assert {"dataset", "metric", "value"} <= {*long}


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.open("nowhere"), ValueError, "no run in nowhere"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
