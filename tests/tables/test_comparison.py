"""Means over seeds and the common scale u, on tables whose parts are known."""

import math

import numpy as np
import pandas as pd
import pytest
from long_of import COLUMNS, rows_of, table

from diffbench.tables import rendering
from diffbench.tables.comparison import commensurable, compare


def test_u_is_one_for_truth_and_zero_for_the_gaussian():
    long = table(
        rows_of("truth", "", [1.0])
        + rows_of("gaussian", "", [4.0, 6.0])
        + rows_of("learned", "ddpm", [2.0, 7.0])
    )
    np.testing.assert_allclose(commensurable(long, COLUMNS), [1.0, 0.25, -0.25, 0.75, -0.5])


def test_a_failed_cell_gets_the_worst_u_of_its_column_and_never_more_than_zero():
    rows = rows_of("gaussian", "", [5.0]) + rows_of("learned", "ddpm", [2.0, math.nan])
    assert commensurable(table(rows), COLUMNS).iloc[-1] == 0.0
    rows = rows_of("gaussian", "", [5.0]) + rows_of("learned", "ddpm", [9.0, math.nan])
    assert commensurable(table(rows), COLUMNS).iloc[-1] == -1.0


def test_u_is_empty_where_the_gaussian_passes_for_truth():
    rows = rows_of("gaussian", "", [1.9]) + rows_of("learned", "ddpm", [2.0])
    assert commensurable(table(rows), COLUMNS).isna().all()


@pytest.mark.parametrize("gaussian", [5.0, -3.0])
def test_both_sides_of_truth_are_worse_where_truth_is_best(gaussian):
    rows = rows_of("gaussian", "", [gaussian]) + rows_of("learned", "ddpm", [2.0, 0.0, 1.0, -7.0])
    told = commensurable(table(rows), {"energy": {"energy": {"better": "truth"}}})
    np.testing.assert_allclose(told, [0.0, 0.75, 0.75, 1.0, -1.0])
    assert rendering.arrow("truth") == "↔"


def test_the_comparison_holds_the_mean_u():
    long = table(rows_of("gaussian", "", [5.0]) + rows_of("learned", "ddpm", [2.0, 3.0]))
    made = compare(long, COLUMNS)
    assert list(made["score"]) == ["gaussian", "learned"]
    np.testing.assert_allclose(made["ring:energy:u"], [0.0, 0.625])


def test_no_two_columns_of_the_comparison_have_one_head_whatever_labels_hold():
    # By colons alone the value of a column "z" of one dataset would be the z of "energy" of another.
    datasets, columns = ("a", "a:energy", "a:", "a:energy:z"), ("energy", "z", "cells")
    tables_of = [
        table(rows_of("learned", "ddpm", [1.0])).assign(dataset=d, metric=m)
        for d in datasets
        for m in columns
    ]
    about = {m: {m: {"better": "lower"}} for m in columns}
    made = compare(pd.concat(tables_of, ignore_index=True), about)
    assert made.columns.is_unique
    assert {"a:energy:z", "a::energy:z", "a::energy:z:cells", "a:::energy"} <= {*made.columns}


def test_rows_sort_by_number_and_datasets_stand_as_they_come():
    steps = [table(rows_of("learned", "ddpm", [1.0])).assign(sampler=f"s(steps={n})") for n in (100, 5, 25)]
    long = pd.concat([*(t.assign(dataset="z") for t in steps), steps[0]], ignore_index=True)
    about = {"energy": {"energy": {"better": "lower"}}}
    order = ["s(steps=5)", "s(steps=25)", "s(steps=100)"]
    assert compare(long, about)["sampler"].tolist() == order
    assert [row[2] for row in rendering.summary(long, "z", ["energy"])] == order
    heads = [line for line in rendering.markdown(long, about).splitlines() if line.startswith("## ")]
    assert heads == ["## z", "## ring"]
