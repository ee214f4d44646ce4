"""The three sentences say what the tables say: who leads, how sure, and in what each errs."""

import pandas as pd
from ranked import long_of

from diffbench.report import sentences
from diffbench.report.gathered import Gathered
from diffbench.tables.long import Tables
from diffbench.tables.ranking import ranking


def told(values, split=None):
    """The sentences of a run of which only the long table and the split are there."""
    long = long_of(values).assign(nfe=100, n_samples=100, reason="")
    tables = Tables(long, pd.DataFrame(), pd.DataFrame() if split is None else split, pd.DataFrame())
    run = {"columns": {"energy": {"energy": {"better": "lower"}}}, "cells": []}
    return Gathered("run", None, run, tables)


def test_a_lead_that_is_more_than_noise_is_called_best():
    values = {"good": [[0.0, 0.01, 0.0], [0.01, 0.0, 0.01]], "bad": [[0.5, 0.51, 0.5], [0.5, 0.52, 0.49]]}
    (said,) = sentences.best(told(values))
    assert said == (
        "By energy good by own is best (u = 0.995); its lead over every other row is more than noise."
    )


def test_a_lead_within_noise_names_its_rival_and_the_chance():
    values = {"one": [[0.0, 0.2, 0.1], [0.1, 0.0, 0.2]], "two": [[0.2, 0.0, 0.1], [0.0, 0.1, 0.21]]}
    (said,) = sentences.best(told(values))
    assert "one by own comes first" in said
    assert said.endswith("within noise of two by own, which it beats in 53% of pairs of seeds.")


def test_one_seed_is_not_enough_to_tell():
    (said,) = sentences.best(told({"one": [[0.0], [0.1]], "two": [[0.2], [0.3]]}))
    assert said.endswith("but one seed cannot tell that from noise.")


def test_a_metric_without_a_common_scale_ranks_nothing():
    found = told({"one": [[0.0, 0.1], [0.1, 0.1]]})
    found.long["floor_sd"] = float("nan")
    assert ranking(found.long, found.run["columns"]).rows.empty
    assert sentences.best(found)[0].startswith("No ranking: no metric here has the common scale u")


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
        "two shows no error beyond noise.",
    ]


def test_what_was_compared_counts_cells_by_how_they_ended():
    found = told({"one": [[0.1] * 3] * 2})
    found.long.loc[found.long["family"] == "one", "status"] = ["diverged", "missing", *["ok"] * 4]
    assert sentences.compared(found) == (
        "1 family (one) under 1 sampler (own) on 2 datasets (a and b), 3 seeds; 8 of 10 cells are ok, 1 failed, "
        "with reasons below, 1 have not run yet."
    )


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
        f"On {dataset} two by own is farthest from truth (z = 55.0 by energy)." for dataset in "ab"
    ]
