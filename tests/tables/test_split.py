"""The error split and the commensurable score, on tables whose parts are known."""

import math

import numpy as np
import pandas as pd
import pytest

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
             "floor_sd": floor_sd, "z": (value - floor_mean) / floor_sd, "p_value": 0.5, "nfe": 10,
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
    assert row["errs_in"] == "learning, finite data, solving"


def test_seeds_are_matched_by_number_not_by_place():
    long = table([*rows_of("learned", "ddpm", [3.0, 5.0]), ("exact", "vp", 1, 2.0), ("exact", "vp", 0, 1.0)])
    row = error_split(long, {"ddpm": "vp"}).iloc[0]
    assert row["learning"] == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("exact", "verdict"),
    [([3.0, 3.1, 2.9], "solving"), ([1.0, 1.01, 0.99], "learning"), ([], "not known")],
)
def test_the_verdict_names_the_part_that_is_above_zero(exact, verdict):
    long = table(rows_of("learned", "ddpm", [3.0, 3.1, 2.9]) + rows_of("exact", "vp", exact))
    assert error_split(long, {"ddpm": "vp"}).iloc[0]["errs_in"] == verdict


def test_no_verdict_without_an_interval_and_none_where_nothing_is_seen():
    one = table(rows_of("learned", "ddpm", [3.0]) + rows_of("exact", "vp", [1.0]))
    assert error_split(one, {"ddpm": "vp"}).iloc[0]["errs_in"] == "needs 2 seeds"
    same = table(rows_of("learned", "ddpm", [1.0, 1.1, 0.9]) + rows_of("exact", "vp", [1.1, 0.9, 1.0]))
    assert error_split(same, {"ddpm": "vp"}).iloc[0]["errs_in"] == "nothing seen"


def test_seeds_that_happen_to_agree_are_no_error_within_the_floor():
    agreed = rows_of("exact", "vp", [1.050, 1.051, 1.049])  # half a floor deviation, and a tiny interval
    long = table(rows_of("learned", "ddpm", [1.1, 0.9, 1.0]) + agreed)
    assert error_split(long, {"ddpm": "vp"}).iloc[0]["errs_in"] == "nothing seen"


def test_an_exact_row_of_another_process_is_no_comparison():
    long = table(rows_of("learned", "ddpm", [3.0, 3.1]) + rows_of("exact", "ve", [1.0, 1.1]))
    assert math.isnan(error_split(long, {"ddpm": "vp"}).iloc[0]["solver"])


def test_the_split_as_markdown_is_in_floor_deviations():
    long = table(rows_of("learned", "ddpm", [3.0, 3.1, 2.9]) + rows_of("exact", "vp", [1.0, 1.01, 0.99]))
    text = rendering.split_markdown(long, error_split(long, {"ddpm": "vp"}))
    assert "| ring | ddpm | own | 3 | 20 ± 2 | 0.0 ± 0.2 | 20 ± 2 | learning |" in text


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
    assert row[-1].startswith("50.0")


def test_many_columns_are_several_tables_and_those_of_a_metric_stay_together():
    columns = {m: {f"{m}{i}": {"better": "lower"} for i in range(5)} for m in ("a", "b")}
    rows = []
    for name in (c for metric in columns.values() for c in metric):
        rows.append(table(rows_of("learned", "ddpm", [1.0])).assign(metric=name))
    text = rendering.markdown(pd.concat(rows), columns)
    heads = [line for line in text.splitlines() if line.startswith("| score")]
    assert ["a0" in head for head in heads] == [True, False]
    assert all(head.count("↓") == 5 for head in heads)
