"""How many samples it takes: the page is made of the committed numbers, and these by rules that hold."""

import math

import broken_models
import calibration_table
import numpy as np
import power_table
import pytest


def test_the_section_is_made_from_the_committed_numbers():
    text = power_table.PAGE.read_text(encoding="utf-8")
    assert power_table.page(text) == text
    assert " → " in text.partition("<!-- begin:power -->")[2]


def test_every_broken_model_has_every_column_in_all_its_forms():
    named = [(row["model"], row["column"], row["form"]) for row in calibration_table.read("power")]
    columns = [(column, form) for column, (_, forms) in power_table.COLUMNS.items() for form in forms]
    models = [(model.name, *each) for model in broken_models.MODELS for each in columns]
    assert named == models


def test_the_floor_of_energy_is_narrower_against_the_truth():
    sd = {row["form"]: float(row["sd"]) for row in calibration_table.read("widths")}
    # Over references that are drawn anew the variance is (1/n + 1/m)^2 for 1/n^2: four times with m = n;
    # for one that stays it is three times in the mean.
    assert sd["reference drawn anew"] == pytest.approx(2.0 * sd["truth"], rel=0.1)
    assert sd["reference, mean square"] == pytest.approx(math.sqrt(3.0) * sd["truth"], rel=0.1)
    assert sd["reference, 5%"] > sd["truth"]


def test_the_checked_rules_are_seen_in_about_95_percent_of_draws():
    shares = [float(row["share_seen"]) for row in calibration_table.read("power") if row["share_seen"]]
    assert len(shares) == len(power_table.CHECKED)
    assert all(0.85 <= share <= 1.0 for share in shares)


@pytest.mark.parametrize("column", ["energy", "mode_tv"])
def test_the_rule_tells_the_n_at_which_a_known_effect_is_seen(column):
    # Normal draws: the 95% quantile of truth is 1.645 deviations, so n is known.
    rng = np.random.default_rng(0)
    truth = rng.standard_normal(100_000)
    truth -= truth.mean()
    n, bound = power_table.told(truth, truth[:60] + 0.1, 100, column)
    spread = power_table.Z95 * (1.0 + truth[:60].std(ddof=1))
    # The spread of U-statistics falls as 1/n, that of mode_tv as its root.
    assert n == pytest.approx(100 * (spread / 0.1) ** (1 if column == "energy" else 2), rel=0.05)
    assert not bound


def test_no_effect_tells_a_bound():
    truth = np.random.default_rng(0).standard_normal(200)
    n, bound = power_table.told(truth, np.roll(truth, 1)[:60], 100, "energy")
    assert bound
    assert n > 100


@pytest.mark.slow
@pytest.mark.parametrize(("model", "column", "form"), power_table.CHECKED)
def test_a_row_is_made_again_and_its_rule_holds(model, column, form):
    (committed,) = [
        row
        for row in calibration_table.read("power")
        if (row["model"], row["column"], row["form"]) == (model, column, form)
    ]
    again = power_table.row(model, column, form)
    assert int(again["n"]) == pytest.approx(int(committed["n"]), rel=0.1)
    assert 0.85 <= float(again["share_seen"]) <= 1.0


def test_what_it_does_not_take_is_refused():
    with pytest.raises(SystemExit, match="takes nothing or --write; got x"):
        power_table.main(["x"])
