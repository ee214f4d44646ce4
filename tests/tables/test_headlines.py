"""Which columns a first look has."""

import math

import pandas as pd
import pytest

from diffbench.contracts import METRICS
from diffbench.tables.headlines import WAYS, chosen, first_of, headlines, worst

COLUMNS = {
    "energy": {"energy": {"better": "lower"}},
    "sliced_w2": {"sliced_w2": {"better": "lower"}},
    "mode_tv": {c: {"better": "lower"} for c in ("mode_tv", "missing_modes", "stray")},
    "prdc": {c: {"better": "higher"} for c in ("precision", "recall")},
    "score_error": {"score_error": {"better": "lower"}},
    "mine": {c: {"better": "truth"} for c in ("mine", "mine_too")},
}


def table(**z):
    """A long table of a learned row with two seeds, by the z of its columns, over a floor of 1 ± 0.1."""
    rows = [
        {"dataset": "ring", "score": "learned", "family": "ddpm", "budget": "", "sampler": "own", "seed": seed,
         "metric": c, "value": 1.0 + 0.1 * value, "floor_mean": 1.0, "floor_sd": 0.1, "z": value}
        for c, value in z.items() for seed in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_every_way_in_which_a_row_errs_has_a_column():
    assert headlines(table(energy=0.0, mode_tv=1.0, stray=1.0), "ring", COLUMNS).columns == [
        "energy",
        "mode_tv",
    ]
    found = headlines(table(energy=0.0, mode_tv=1.0, stray=11.0), "ring", COLUMNS)
    assert found.columns == ["energy", "mode_tv", "stray"]
    assert found.spare == ["energy", "mode_tv"]


def test_another_column_of_a_group_stands_beside_the_first_where_that_one_is_blind():
    assert headlines(table(energy=1.0, sliced_w2=9.0), "ring", COLUMNS).columns == ["energy", "sliced_w2"]
    assert headlines(table(energy=5.0, sliced_w2=9.0), "ring", COLUMNS).columns == ["energy"]


def test_less_is_an_error_where_higher_is_better_and_both_are_where_truth_is():
    assert worst(table(precision=-7.0, recall=7.0, energy=-7.0, mine=-7.0), COLUMNS) == pytest.approx(
        {"precision": 7.0, "recall": -7.0, "energy": -7.0, "mine": 7.0}
    )
    assert headlines(table(energy=0.0, precision=-7.0), "ring", COLUMNS).columns == ["energy", "precision"]


def test_a_value_above_a_floor_without_width_is_an_error_and_one_on_it_is_none():
    long = table(missing_modes=0.0).assign(floor_mean=0.0, floor_sd=0.0, z=math.nan)
    assert worst(long.assign(value=2.0), COLUMNS) == {"missing_modes": math.inf}
    assert worst(long.assign(value=0.0), COLUMNS) == {"missing_modes": 0.0}


def test_brackets_do_not_err():
    assert worst(table(stray=500.0).assign(score="gaussian"), COLUMNS) == {}


def test_what_was_asked_for_goes_first_one_column_of_each_metric_before_the_second_of_any():
    long = table(energy=9.0, sliced_w2=0.0, mine=0.0, mine_too=0.0)
    found = headlines(long, "ring", COLUMNS, ("mine", "sliced_w2", "unknown"))
    assert found.columns == ["mine", "sliced_w2", "mine_too", "energy"]
    assert found.spare == []
    assert first_of(COLUMNS, ("prdc", "mine"), ["mine", "recall"]) == ["recall", "mine"]


def test_the_column_that_speaks_for_a_metric_goes_first_though_records_sort_them_by_name():
    columns = {m: {c: {} for c in sorted(METRICS.build(m).columns)} for m in ("prdc", "mode_tv")}
    columns["mine"] = {"a": {}, "mine": {}}
    there = [c for metric in columns.values() for c in metric]
    assert first_of(columns, ("prdc", "mode_tv", "mine"), there)[:3] == ["precision", "mode_tv", "mine"]


def test_columns_without_a_house_group_are_shown_where_there_is_nothing_else():
    assert chosen(["a", "b", "c", "d", "e"], {}).columns == ["a", "b", "c", "d"]


def test_a_column_without_any_value_is_no_headline_unless_it_was_asked_for():
    long = table(energy=9.0, mine=0.0)
    long.loc[long["metric"] == "mine", "value"] = math.nan
    assert headlines(long, "ring", COLUMNS).columns == ["energy"]
    assert headlines(long, "ring", COLUMNS, ("mine",)).columns == ["mine", "energy"]


def test_every_shipped_column_with_a_floor_belongs_to_a_way():
    known = {column for way in WAYS for column in way.columns}
    for name in METRICS.names():
        metric = METRICS.build(name)
        if metric.floor == "two_sample":
            assert set(metric.columns) <= known, name
