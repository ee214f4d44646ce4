"""Tables as people read them."""

import math

import pandas as pd
from long_of import rows_of, table

from diffbench.tables import rendering
from diffbench.tables.comparison import compare
from diffbench.tables.split import error_split


def test_the_split_as_markdown_shows_every_column_with_a_floor_those_that_lead_first():
    rows = rows_of("learned", "ddpm", [3.0, 3.1]) + rows_of("exact", "vp", [1.0, 1.01])
    columns = {"energy": {"energy": {}}, "mine": {"mine": {}}, "prdc": {"recall": {"better": "higher"}}}
    long = pd.concat([table(rows).assign(metric=c) for c in ("energy", "recall", "mine")])
    split = error_split(long, {"ddpm": "vp"}, columns)
    for leading, order in (((), ["energy", "recall", "mine"]), (("mine",), ["mine", "energy", "recall"])):
        text = rendering.split_markdown(long, split, columns, leading)
        assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == order


def test_the_split_as_markdown_is_in_floor_deviations():
    long = table(rows_of("learned", "ddpm", [3.0, 3.1, 2.9]) + rows_of("exact", "vp", [1.0, 1.01, 0.99]))
    text = rendering.split_markdown(long, error_split(long, {"ddpm": "vp"}))
    assert "| ring | ddpm | own | 3 | 20.0 ± 2.5 | 0.0 ± 0.2 | 20.0 ± 2.2 | learning 3/3 |" in text


def test_a_mean_with_a_censored_value_is_a_bound():
    long = table(rows_of("learned", "ddpm", [40.0, 100.0])).assign(metric="detection_n", z=math.nan)
    (row,) = rendering.summary(long, "ring", ["detection_n"], censored={"detection_n"})
    assert row[-1] == "> 70.0"
    (row,) = rendering.summary(
        long.assign(value=[40.0, 60.0]), "ring", ["detection_n"], censored={"detection_n"}
    )
    assert row[-1] == "50 ± 130"


def test_a_mean_says_over_how_many_seeds_it_is_where_some_have_no_value():
    long = table(rows_of("learned", "ddpm", [2.0, math.inf, 2.2])).assign(status="ok")
    long.loc[1, "z"] = math.nan
    (row,) = rendering.summary(long, "ring", ["energy"])
    assert row[-1] == "2.1 ± 1.3 (2 of 3) (z 11.0)"
    (row,) = rendering.summary(long, "ring", ["energy"], over_floor=True)
    assert row[-1] == "11 ± 13 (2 of 3)"


def test_a_mean_over_fewer_cells_than_the_row_has_says_so():
    # One seed more was asked for another metric: the count of the row is not that of this number.
    rows = [
        table(rows_of("learned", "ddpm", [1.0] * n)).assign(metric=m) for m, n in (("energy", 1), ("w2", 3))
    ]
    long = pd.concat(rows, ignore_index=True)
    (row,) = rendering.summary(long, "ring", ["energy", "w2"])
    assert row[4] == "3/3"
    assert row[-2].startswith("1.00 (1 of 3)")
    assert " of " not in row[-1]
    made = compare(long, {"energy": {"energy": {"better": "lower"}}, "w2": {"w2": {"better": "lower"}}}).iloc[
        0
    ]
    assert (made["cells"], made["ring:energy:cells"], made["ring:w2:cells"]) == (3, 1, 3)


def test_a_z_that_is_not_there_is_no_value_under_the_heading_z():
    long = table(rows_of("learned", "ddpm", [2.0, 2.1]) + rows_of("exact", "vp", [7.0, 7.1]))
    long.loc[long["score"] == "exact", "z"] = math.nan
    exact, learned = rendering.summary(long, "ring", ["energy"], over_floor=True)
    assert (exact[-1], learned[-1]) == ("-", "10.5 ± 6.4")
    # Where no row has a z, as over a floor without width, the column is one of values.
    none = long.assign(z=math.nan)
    assert rendering.in_z(none, "ring") == set()
    assert rendering.summary(none, "ring", ["energy"], over_floor=True)[1][-1] == "2.05 ± 0.64"


def test_many_columns_are_several_tables_and_those_of_a_metric_stay_together():
    columns = {m: {f"{m}{i}": {"better": "lower"} for i in range(5)} for m in ("a", "b")}
    rows = []
    for name in (c for metric in columns.values() for c in metric):
        rows.append(table(rows_of("learned", "ddpm", [1.0])).assign(metric=name))
    text = rendering.markdown(pd.concat(rows), columns)
    heads = [line for line in text.splitlines() if line.startswith("| score")]
    assert ["a0" in head for head in heads] == [True, False]
    assert all(head.count("↓") == 5 for head in heads)
