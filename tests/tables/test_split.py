"""The error split, on tables whose parts are known."""

import math

import numpy as np
import pandas as pd
import pytest
from long_of import rows_of, table

from diffbench.tables.split import error_split
from diffbench.tables.statistics import t_interval


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


def test_of_no_rows_there_is_no_split():
    # What comes of a metric that says nothing of any row, such as `score_error` of the exact score.
    long = pd.DataFrame([], columns=table(rows_of("exact", "vp", [1.5])).columns)
    assert error_split(long.astype({"floor_sd": float, "value": float}), {}).empty


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
