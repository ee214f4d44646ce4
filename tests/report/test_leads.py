"""Who is best: the sentence agrees with leads and pairs of seeds, and names no winner where they do not."""

import math
import re

import numpy as np
import pandas as pd
from ranked import long_of

from diffbench.report import leads
from diffbench.report.gathered import Gathered
from diffbench.tables.long import Tables
from diffbench.tables.ranking import ranking


def told(values, datasets=("a", "b"), lacking=""):
    """The page of a run of which only the long table is there; on "b" one family is lacking."""
    long = long_of(values, datasets)
    long = long[(long["family"] != lacking) | (long["dataset"] != "b") | (lacking == "")]
    long = long.assign(nfe=100, n_samples=100, reason="")
    tables = Tables(long, pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    return Gathered(
        "run", None, {"columns": {"energy": {"energy": {"better": "lower"}}}, "cells": []}, tables
    )


def test_a_lead_that_is_more_than_noise_is_called_best():
    values = {"good": [[0.0, 0.01, 0.0], [0.01, 0.0, 0.01]], "bad": [[0.5, 0.51, 0.5], [0.5, 0.52, 0.49]]}
    (said,) = leads.best(told(values))
    assert said == (
        "By energy, good with own is best (u = 0.995); its lead over every other row is more than noise."
    )


def test_a_lead_within_noise_names_its_rival_and_the_chance():
    values = {"one": [[0.0, 0.2, 0.1], [0.1, 0.0, 0.2]], "two": [[0.2, 0.0, 0.1], [0.0, 0.1, 0.21]]}
    (said,) = leads.best(told(values))
    assert "one with own comes first" in said
    assert said.endswith("within noise of two with own, which it beats in 53% of pairs of seeds.")


def test_one_seed_is_not_enough_to_tell():
    (said,) = leads.best(told({"one": [[0.0], [0.1]], "two": [[0.2], [0.3]]}))
    assert said.endswith("but one seed cannot tell that from noise.")


def test_a_metric_without_a_common_scale_ranks_nothing():
    found = told({"one": [[0.0, 0.1], [0.1, 0.1]]})
    found.long["floor_sd"] = float("nan")
    assert ranking(found.long, found.run["columns"]).rows.empty
    assert leads.best(found)[0].startswith("No ranking: no metric here has the common scale u")


FOUR = tuple("abcd")


def test_who_wins_less_than_half_of_the_pairs_of_seeds_is_no_winner():
    """The interquartile mean cuts the seed that failed, and 6 of 16 pairs are won."""
    (said,) = leads.best(told({"one": [[1.0, 0.39, 0.39, 0.39]], "two": [[0.4, 0.4, 0.38, 0.38]]}, ("a",)))
    assert said == (
        "By energy, there is no clear winner: one with own has the highest u = 0.610, but wins only 38% of pairs of "
        "seeds against two with own."
    )


def test_whose_mean_is_lower_is_no_winner():
    """Better by a little on three datasets, worse by far on one."""
    one = [[0.50, 0.51, 0.52]] * 3 + [[0.9, 0.9, 0.9]]
    two = [[0.52, 0.53, 0.54]] * 3 + [[0.1, 0.1, 0.1]]
    (said,) = leads.best(told({"one": one, "two": two}, FOUR))
    assert said.endswith(
        "one with own has the highest u = 0.485, but two with own has the higher mean over datasets."
    )
    assert "no clear winner" in said


def test_the_rival_is_one_that_is_not_beaten():
    """ "two" is beaten in every seed, but wins more pairs than "three", whose noise is large."""
    values = {"one": [[0.10, 0.20, 0.30]], "two": [[0.11, 0.21, 0.31]], "three": [[0.90, 0.25, 0.35]]}
    found = told(values, ("a",))
    pairs = found.ranking.pairs
    pairs = pairs[pairs["family_1"] == "one"].set_index("family_2")
    assert pairs.loc["two", "improvement"] < pairs.loc["three", "improvement"]
    assert pairs.loc["two", "lead_low"] > 0.0 > pairs.loc["three", "lead_low"]
    (said,) = leads.best(found)
    assert "within noise of three with own" in said


def test_rows_on_fewer_datasets_are_not_those_that_are_ranked_first():
    values = {"one": [[0.5, 0.6, 0.5]] * 2, "two": [[0.6, 0.5, 0.5]] * 2, "few": [[0.1, 0.1, 0.1]] * 2}
    found = told(values, lacking="few")
    (said,) = leads.best(found)
    assert said.startswith("By energy, of the rows on 2 datasets, there is no clear winner")


def test_how_many_datasets_have_the_common_scale_is_said():
    """On the second the Gaussian is not told from truth: there is no u."""
    found = told({"one": [[0.0, 0.01, 0.0]] * 2, "two": [[0.5, 0.51, 0.5]] * 2})
    found.long.loc[found.long["dataset"] == "b", "floor_sd"] = 1.0
    (said,) = leads.best(found)
    assert said.startswith("By energy, one with own is best (u = 0.997 over 1 of 2 datasets)")


def test_no_sentence_gives_a_first_place_with_less_than_half_of_the_pairs():
    rng = np.random.default_rng(0)
    words = []
    for _ in range(24):
        values = {name: rng.random((4, 1)) * 0.02 + 0.03 * rng.standard_normal((4, 3)) for name in "xyz"}
        found = told(values, FOUR)
        (said,) = leads.best(found)
        pairs = found.ranking.pairs
        lowest = pairs.loc[pairs["family_1"] == found.ranking.rows["family"].iloc[0], "improvement"].min()
        words.append("no clear winner" in said)
        assert lowest > 0.5 or words[-1], said
    assert 2 < sum(words) < 22


def test_the_only_row_is_told_with_its_interval():
    (said,) = leads.best(told({"one": [[0.1, 0.11, 0.12], [0.1, 0.11, 0.1]]}))
    assert re.fullmatch(
        r"By energy, there is one row: one with own, u = 0\.\d+ \(0\.\d+ to 0\.\d+\), where 1 is truth and 0 a Gaussian "
        r"of its moments\.",
        said,
    )


def test_a_row_on_other_datasets_than_the_first_is_none_that_it_can_be_held_against():
    nothing = [math.nan, math.nan]
    values = {"one": [[0.0, 0.1], nothing], "two": [nothing, [0.4, 0.5]]}
    (said,) = leads.best(told(values))
    assert said.endswith(
        "comes first (u = 0.950 over 1 of 2 datasets), but it has no dataset in common with two with own."
    )


def test_a_mean_that_is_as_high_is_not_called_higher():
    (said,) = leads.best(told({"one": [[0.1, 0.2, 0.3]], "two": [[0.3, 0.1, 0.2]]}, ("a",)))
    assert "has the higher mean" not in said
