"""The error split and the commensurable score, on tables whose parts are known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from diffbench.tables import rendering
from diffbench.tables.comparison import commensurable, compare
from diffbench.tables.split import error_split
from diffbench.tables.statistics import t_interval

COLUMNS = {"energy": {"energy": {"better": "lower", "perfect": 0.0, "censored": False}}}


def table(rows, floor_mean=1.0, floor_sd=0.1):
    """A long table of (score, family, seed, value) on one dataset, one sampler, one metric."""
    return pd.DataFrame(
        [
            {"dataset": "ring", "family": family, "score": score, "sampler": "" if not family else "own",
             "seed": seed, "metric": "energy", "value": value, "floor_mean": floor_mean,
             "floor_sd": floor_sd, "z": (value - floor_mean) / floor_sd,
             "p_value": max(float(stats.norm.sf((value - floor_mean) / floor_sd)), 0.005), "nfe": 10,
             "n_samples": 100, "status": "ok" if math.isfinite(value) else "diverged", "reason": "",
             "fit_id": None, "draw_id": "d", "budget": "10x8" if score == "learned" else ""}
            for score, family, seed, value in rows
        ]
    )  # fmt: skip


def rows_of(score, family, values):
    return [(score, family, seed, value) for seed, value in enumerate(values)]


def test_the_parts_are_differences_seed_by_seed_with_t_intervals():
    learned, exact, empirical = [3.0, 3.6, 2.9], [1.5, 1.7, 1.6], [2.1, 2.6, 2.2]
    long = table(
        rows_of("learned", "ddpm", learned)
        + rows_of("exact", "vp", exact)
        + rows_of("empirical", "vp", empirical)
    )
    row = error_split(long, {"ddpm": "vp"}).iloc[0]
    for part, values in {
        "total": np.subtract(learned, 1.0),
        "solver": np.subtract(exact, 1.0),
        "learning": np.subtract(learned, exact),
        "finite_data": np.subtract(empirical, exact),
    }.items():
        mean, low, high, _ = t_interval(values)
        np.testing.assert_allclose([row[part], row[f"{part}_low"], row[f"{part}_high"]], [mean, low, high])
    assert row["total"] == pytest.approx(row["solver"] + row["learning"])
    assert row["errs_in"] == "learning 3/3, finite data 3/3, solving 3/3"


def test_seeds_are_matched_by_number_not_by_place():
    long = table([*rows_of("learned", "ddpm", [3.0, 5.0]), ("exact", "vp", 1, 2.0), ("exact", "vp", 0, 1.0)])
    row = error_split(long, {"ddpm": "vp"}).iloc[0]
    assert row["learning"] == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("exact", "verdict"),
    [([3.0, 3.1, 2.9], "solving 3/3"), ([1.0, 1.01, 0.99], "learning 3/3"), ([], "not known")],
)
def test_the_verdict_names_the_part_that_is_above_zero(exact, verdict):
    long = table(rows_of("learned", "ddpm", [3.0, 3.1, 2.9]) + rows_of("exact", "vp", exact))
    assert error_split(long, {"ddpm": "vp"}).iloc[0]["errs_in"] == verdict


def test_one_seed_is_enough_for_a_verdict_and_none_is_given_where_nothing_is_seen():
    one = table(rows_of("learned", "ddpm", [3.0]) + rows_of("exact", "vp", [1.0]))
    assert error_split(one, {"ddpm": "vp"}).iloc[0]["errs_in"] == "learning 1/1"
    same = table(rows_of("learned", "ddpm", [1.0, 1.1, 0.9]) + rows_of("exact", "vp", [1.1, 0.9, 1.0]))
    assert error_split(same, {"ddpm": "vp"}).iloc[0]["errs_in"] == "nothing seen"


def test_seeds_that_happen_to_agree_are_no_error_within_the_floor():
    agreed = rows_of("exact", "vp", [1.050, 1.051, 1.049])  # half a floor deviation, and a tiny interval
    long = table(rows_of("learned", "ddpm", [1.1, 0.9, 1.0]) + agreed)
    assert error_split(long, {"ddpm": "vp"}).iloc[0]["errs_in"] == "nothing seen"


def test_an_exact_row_of_another_process_is_no_comparison():
    long = table(rows_of("learned", "ddpm", [3.0, 3.1]) + rows_of("exact", "ve", [1.0, 1.1]))
    assert math.isnan(error_split(long, {"ddpm": "vp"}).iloc[0]["solver"])


def about(better):
    return {"energy": {"energy": {"better": better}}}


LEARNED, EXACT = [0.60, 0.61, 0.59], [0.95, 0.951, 0.949]


@pytest.mark.parametrize(
    ("better", "learned", "verdict"),
    [
        ("higher", LEARNED, "learning 3/3"),  # precision of a model that strays
        ("higher", [1.3, 1.31, 1.29], "nothing seen"),  # recall above truth's
        ("lower", LEARNED, "nothing seen"),
        ("lower", [1.3, 1.31, 1.29], "learning 3/3"),
        ("truth", LEARNED, "learning 3/3"),
        ("truth", [1.3, 1.31, 1.29], "learning 3/3"),
        ("truth", EXACT, "nothing seen"),
    ],
)
def test_an_error_lies_on_the_bad_side_of_the_floor(better, learned, verdict):
    long = table(rows_of("learned", "ddpm", learned) + rows_of("exact", "vp", EXACT), 0.95, 0.01)
    row = error_split(long, {"ddpm": "vp"}, about(better)).iloc[0]
    assert row["errs_in"] == verdict
    assert row["total"] == pytest.approx((-1 if better == "higher" else 1) * (np.mean(learned) - 0.95))
    assert row["total"] == pytest.approx(row["solver"] + row["learning"])
    assert row["total_low"] < row["total"] < row["total_high"]


def test_parts_that_cancel_are_both_named_where_truth_itself_is_best():
    long = table(rows_of("learned", "ddpm", [1.0, 1.01, 0.99]) + rows_of("exact", "vp", [3.0, 3.01, 2.99]))
    assert error_split(long, {"ddpm": "vp"}, about("truth")).iloc[0]["errs_in"] == "solving 3/3, learning 3/3"


def test_parts_are_means_over_the_seeds_that_all_scores_share():
    # The exact row of the first seed failed: with it, total would be 2.5 and the parts 0.5 and 1.5.
    long = table(
        rows_of("learned", "ddpm", [5.0, 3.0, 3.1, 2.9]) + rows_of("exact", "vp", [math.nan, 1.5, 1.6, 1.4])
    )
    row = error_split(long, {"ddpm": "vp"}).iloc[0]
    assert row["seeds"] == 3
    assert row["total"] == pytest.approx(2.0)
    assert row["total"] == pytest.approx(row["solver"] + row["learning"])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_no_seed_whatever_its_status(bad):
    long = table(rows_of("learned", "ddpm", [bad, 3.0, 3.1]) + rows_of("exact", "vp", [1.0, 1.1, 1.2]))
    row = error_split(long.assign(status="ok"), {"ddpm": "vp"}).iloc[0]
    assert (row["seeds"], row["solver"]) == (2, pytest.approx(0.15))


def test_a_score_that_shares_no_seed_is_not_compared():
    long = table(
        rows_of("learned", "ddpm", [3.0, 3.1])
        + rows_of("exact", "vp", [1.0, 1.1])
        + [("empirical", "vp", 2, 2.0)]
    )
    row = error_split(long, {"ddpm": "vp"}).iloc[0]
    assert (row["seeds"], row["total"]) == (2, pytest.approx(2.05))
    assert math.isnan(row["finite_data"])


@pytest.mark.parametrize(("apart", "verdict"), [(1.25, "nothing seen"), (2.4, "learning 3/3")])
def test_a_difference_of_two_draws_must_exceed_the_deviation_of_two(apart, verdict):
    # Three seeds that agree: 1.25 floor deviations each would be seen, were they of one draw.
    exact = np.array([1.0, 1.001, 0.999])
    long = table(rows_of("learned", "ddpm", exact + 0.1 * apart) + rows_of("exact", "vp", exact))
    assert error_split(long, {"ddpm": "vp"}).iloc[0]["errs_in"] == verdict


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


def test_rows_sort_by_number_and_datasets_stand_as_they_come():
    steps = [table(rows_of("learned", "ddpm", [1.0])).assign(sampler=f"s(steps={n})") for n in (100, 5, 25)]
    long = pd.concat([*(t.assign(dataset="z") for t in steps), steps[0]], ignore_index=True)
    about = {"energy": {"energy": {"better": "lower"}}}
    order = ["s(steps=5)", "s(steps=25)", "s(steps=100)"]
    assert compare(long, about)["sampler"].tolist() == order
    assert [row[2] for row in rendering.summary(long, "z", ["energy"])] == order
    heads = [line for line in rendering.markdown(long, about).splitlines() if line.startswith("## ")]
    assert heads == ["## z", "## ring"]


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
