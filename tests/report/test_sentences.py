"""The three sentences say what the tables say: what was compared, and in what each errs."""

import pandas as pd
from ranked import long_of

from diffbench.report import leads, sentences
from diffbench.report.gathered import Gathered
from diffbench.tables.long import Tables


def told(values, split=None):
    """The sentences of a run of which only the long table and the split are there."""
    long = long_of(values).assign(nfe=100, n_samples=100, reason="")
    tables = Tables(long, pd.DataFrame(), pd.DataFrame() if split is None else split, pd.DataFrame())
    run = {"columns": {"energy": {"energy": {"better": "lower"}}}, "cells": []}
    return Gathered("run", None, run, tables)


def test_each_family_is_told_by_the_parts_that_are_named():
    rows = [
        {"dataset": d, "family": "one", "budget": "", "sampler": "own", "metric": "energy", "floor_sd": 0.01,
         "solver": 0.02, "learning": 0.1 * (1 + (d == "b")), "finite_data": float("nan"), "errs_in": errs_in}
        for d, errs_in in (("a", "learning 3/3"), ("b", "learning 3/3, solving 2/3"))
    ]  # fmt: skip
    rows += [{**row, "family": "two", "errs_in": "nothing seen"} for row in rows]
    found = told({"one": [[0.1] * 3] * 2, "two": [[0.1] * 3] * 2}, pd.DataFrame(rows))
    assert sentences.errs(found) == [
        "one errs in learning everywhere (most by energy on b: 20.0 floor deviations) and in solving on b "
        "(most by energy: 2.0 floor deviations).",
        "two shows no error beyond noise and 0.005 in u.",
    ]


def test_what_failed_or_has_no_exact_row_is_not_called_free_of_errors():
    rows = [
        {"dataset": "a", "family": "one", "budget": "", "sampler": "own", "metric": "energy", "floor_sd": 0.01,
         "solver": 0.02, "learning": 0.1, "finite_data": float("nan"), "errs_in": "nothing seen"},
        {"dataset": "a", "family": "two", "budget": "", "sampler": "own", "metric": "energy", "floor_sd": 0.01,
         "solver": 0.02, "learning": 0.1, "finite_data": float("nan"), "errs_in": "learning 2/2"},
    ]  # fmt: skip
    found = told(
        {"one": [[0.1] * 2] * 2, "two": [[0.1] * 2] * 2, "three": [[0.1] * 2] * 2}, pd.DataFrame(rows)
    )
    found.long.loc[(found.long["family"] == "one") & (found.long["dataset"] == "b"), "status"] = "diverged"
    assert sentences.errs(found) == [
        "one shows no error beyond noise and 0.005 in u on 1 of 2 datasets, and of the others nothing is known; "
        "2 of its 4 cells failed.",
        "two errs in learning on a (most by energy: 10.0 floor deviations).",
        "three cannot be held against exact rows.",
    ]


def test_what_was_compared_counts_cells_by_how_they_ended():
    found = told({"one": [[0.1] * 3] * 2})
    found.long.loc[found.long["family"] == "one", "status"] = ["diverged", "missing", *["ok"] * 4]
    assert sentences.compared(found) == (
        "1 family (one) under 1 sampler (own) on 2 datasets (a and b), 3 seeds; 8 of 10 cells are ok, 1 failed, "
        "with reasons below, 1 has not run yet."
    )


def test_budgets_are_told_beside_families_and_not_counted_as_such():
    found = told({"one": [[0.1] * 3] * 2, "two": [[0.1] * 3] * 2})
    other = found.long.assign(budget="20x8")
    both = pd.concat([found.long.assign(budget="10x8"), other])
    found = Gathered("run", None, found.run, found.tables._replace(long=both))
    assert sentences.compared(found).startswith(
        "2 families (one and two) at 2 budgets (10x8 and 20x8) under 1 sampler (own) on 2 datasets"
    )


def test_truth_alone_has_nobody_to_rank_and_nobody_to_err():
    found = told({"one": [[0.1]] * 2})
    truth = found.long[found.long["score"] != "learned"]
    found = Gathered("run", None, found.run, found.tables._replace(long=truth))
    assert sentences.compared(found).startswith("No model, only the truth itself on 2 datasets")
    assert leads.best(found) == ["Nobody: there is no model here, only what models are held against."]
    assert sentences.errs(found) == ["There is no model here that could err."]


def test_one_cell_is_told_as_one():
    found = told({"one": [[0.1]] * 2})
    one = found.long[found.long["score"] == "learned"].head(1)
    for fate, said in (("ok", "its only cell is ok"), ("missing", "0 of 1 cells are ok, 1 has not run yet")):
        alone = Gathered("run", None, found.run, found.tables._replace(long=one.assign(status=fate)))
        assert sentences.compared(alone).endswith(f"{said}.")


def test_a_long_label_keeps_its_two_ends():
    label = "a" * 100 + "z" * 100
    assert sentences.shown(label) == "a" * 29 + "…" + "z" * 29


def test_failures_alone_rank_nobody():
    found = told({"one": [[0.0, 0.1]] * 2, "two": [[0.2, 0.3]] * 2})
    failed = found.long["score"] == "learned"
    found.long.loc[failed, "value"] = float("nan")
    found.long.loc[failed, "status"] = "diverged"
    assert sentences.best(found) == ["None yet: no row of these has a number."]
    assert sentences.errs(found) == ["No row of these has a number that could tell."]


def test_of_exact_scores_alone_the_row_farthest_from_truth_is_told():
    found = told({"one": [[0.01, 0.02]] * 2, "two": [[0.5, 0.6]] * 2})
    found.long["score"] = found.long["score"].replace("learned", "exact")
    found.long["z"] = found.long["value"] / 0.01
    assert sentences.errs(found) == [
        f"On {dataset}, two with own is farthest from truth (z = 55.0 by energy)." for dataset in "ab"
    ]
