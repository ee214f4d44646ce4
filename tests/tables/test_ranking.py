"""Rows over all datasets: interquartile means and their bootstrap, leads, pairs and differences."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from ranked import COLUMNS, long_of
from scipy import stats

from diffbench.tables import ranking


def test_the_interquartile_mean_is_scipys_trimmed_mean():
    values = {"x": [[0.1, 0.2, 0.9, 0.3], [0.0, 0.5, 0.4, 0.1]], "y": [[0.2] * 4, [0.3] * 4]}
    rows = ranking.ranking(long_of(values), COLUMNS).rows.set_index("family")
    u = 1.0 - np.ravel(values["x"])
    assert rows.loc["x", "iqm"] == pytest.approx(stats.trim_mean(u, 0.25), abs=1e-6)
    assert rows.loc["y", "iqm"] == pytest.approx(0.75)
    assert list(rows.index) == ["y", "x"]
    assert set(rows["interval"]) == {"anti-conservative"}


def test_the_bootstrap_is_scipys_where_there_is_one_stratum():
    """Quantiles of 4,000 draws on either side: their errors are a few hundredths of the interval."""
    values = np.random.default_rng(3).normal(0.8, 0.1, 12)
    ours = ranking.bootstrap([values], resamples=4000)
    theirs = stats.bootstrap(
        (values,), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis), method="percentile",
        n_resamples=4000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    np.testing.assert_allclose(ours, theirs, atol=0.06 * (theirs.high - theirs.low))


def test_the_bootstrap_draws_within_each_dataset():
    """Datasets that differ by far widen nothing, where each of them agrees with itself."""
    assert ranking.bootstrap([np.full(5, 0.1), np.full(5, 0.9)]) == pytest.approx((0.5, 0.5))
    assert all(map(math.isnan, ranking.bootstrap([np.array([0.1]), np.array([0.9])])))


def test_improvement_counts_ties_as_a_half():
    one, two = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5])
    wins = [1.0 if x > y else 0.5 if x == y else 0.0 for x in one for y in two]
    assert ranking.improvement(one, two) == pytest.approx(np.mean(wins))
    statistic = stats.mannwhitneyu(one, two).statistic
    assert ranking.improvement(one, two) == pytest.approx(statistic / 6)


def test_the_best_is_bold_only_beyond_noise():
    clear = {"x": [[0.1, 0.11, 0.12]] * 2, "y": [[0.3, 0.31, 0.33]] * 2}
    noisy = {"x": [[0.1, 0.4, 0.2]] * 2, "y": [[0.3, 0.2, 0.25]] * 2}
    assert ranking.ranking(long_of(clear), COLUMNS).rows["best"].tolist() == [True, False]
    assert not ranking.ranking(long_of(noisy), COLUMNS).rows["best"].any()
    assert (
        not ranking.ranking(long_of({k: np.array(v)[:, :1] for k, v in clear.items()}), COLUMNS)
        .rows["best"]
        .any()
    )


def test_the_best_wins_more_than_half_of_the_pairs_and_by_more_than_rounding():
    """By far on one dataset, and not at all on three; and by what no table shows."""
    far = {
        "x": [[0.1, 0.11, 0.12], *[[0.31, 0.33, 0.35]] * 3],
        "y": [[0.9, 0.91, 0.93], *[[0.3, 0.32, 0.34]] * 3],
    }
    found = ranking.ranking(long_of(far, "abcd"), COLUMNS)
    (pair,) = found.pairs.to_dict("records")
    assert pair["lead_low"] > 0.0
    assert pair["improvement"] == 0.5
    assert not found.rows["best"].any()
    tiny = {"x": [[0.1, 0.2, 0.3]] * 2, "y": [[0.1 + 1e-9, 0.2 + 1e-9, 0.3 + 1e-9]] * 2}
    assert not ranking.ranking(long_of(tiny), COLUMNS).rows["best"].any()


@pytest.mark.parametrize(
    ("better", "good", "bad", "gaussian"),
    [
        ("lower", 0.1, 0.3, 1.0),
        ("higher", 0.9, 0.7, 0.0),
        ("truth", 0.45, 0.8, 2.0),
        ("truth", 0.55, 0.2, 2.0),
    ],
)
def test_best_is_what_is_better_in_each_columns_direction_and_nobody_where_rows_tie(
    better, good, bad, gaussian
):
    """The floor is at 0, at 1, or at 0.5, where nearest is best; brackets and exact rows are no rivals."""
    spread = np.array([[0.0, 0.01, 0.02]] * 2)
    long = long_of(
        {"good": good + spread, "bad": bad + spread, "exact": {"truth": 0.5}.get(better, good) + spread}
    )
    long.loc[long["family"] == "exact", "score"] = "exact"
    long["floor_mean"] = {"lower": 0.0, "higher": 1.0, "truth": 0.5}[better]
    long.loc[long["score"] == "gaussian", "value"] = gaussian
    columns = {"energy": {"energy": {"better": better}}}
    rows = ranking.ranking(long, columns).rows
    assert rows.loc[rows["best"], ["score", "family"]].values.tolist() == [["learned", "good"]]
    tied = long.copy()
    tied.loc[tied["family"] == "bad", "value"] = tied.loc[tied["family"] == "good", "value"].to_numpy()
    assert not ranking.ranking(tied, columns).rows["best"].any()


@pytest.mark.parametrize(("seeds", "rows"), [(3, 2), (5, 3)])
def test_of_equal_rows_one_table_in_twenty_has_a_best_at_the_most(monkeypatch, seeds, rows):
    """100 tables: of 5%, more than 12 have one in 1,000 of cases."""
    monkeypatch.setattr(ranking, "bootstrap", lambda groups: (math.nan, math.nan))
    rng = np.random.default_rng(seeds)
    names = [f"m{i}" for i in range(100)]
    tables = [
        long_of({f"r{j}": 0.3 + 0.05 * rng.standard_normal((2, seeds)) for j in range(rows)}).assign(
            metric=name
        )
        for name in names
    ]
    found = ranking.ranking(
        pd.concat(tables, ignore_index=True), {name: {name: COLUMNS["energy"]["energy"]} for name in names}
    )
    assert found.rows["best"].sum() <= 12


def test_differences_are_paired_by_seed_on_each_dataset():
    found = ranking.ranking(long_of({"x": [[0.1, 0.2], [0.3, 0.5]], "y": [[0.2, 0.4], [0.3, 0.5]]}), COLUMNS)
    assert found.apart["difference"].tolist() == pytest.approx([0.15, 0.0])
    assert found.pairs["improvement"].tolist() == [pytest.approx((0.875 + 0.5) / 2)]


def test_a_cell_that_failed_is_not_left_out():
    long = long_of({"x": [[0.1, 0.2], [0.1, 0.2]]})
    long.loc[long["seed"].eq(1) & long["family"].eq("x"), ["status", "value"]] = ["diverged", math.nan]
    row = ranking.ranking(long, COLUMNS).rows.iloc[0]
    assert (row["seeds"], row["iqm"]) == (2, pytest.approx(0.45))


def test_without_a_common_scale_there_is_no_ranking():
    long = long_of({"x": [[0.1, 0.2]] * 2})
    found = ranking.ranking(long.assign(floor_sd=math.nan), COLUMNS)
    assert found.rows.empty
