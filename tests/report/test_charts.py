"""Charts hold the numbers of the tables, each with its row, and what nobody measured has no chart."""

import math

import pytest

from diffbench.report import charts, fitting


@pytest.fixture
def made(written):
    return charts.charts([written(lambda made: made.grid(datasets=("a", "b"), families=("ddpm",), seeds=2))])


def test_each_chart_has_every_dataset_once_to_choose(made):
    for chart in made.values():
        (param,) = (p for p in chart["params"] if p["name"] == "chosen_dataset")
        assert param["bind"]["options"] == ["a", "b"]


def test_quality_is_z_against_evaluations(made):
    rows = made["quality"]["datasets"]["rows"]
    assert {row["family"] for row in rows} == {"ddpm", "ddpm_linear"}
    assert {row["score"] for row in rows} == {"exact", "learned"}
    assert all(math.isfinite(row["height"]) and row["nfe"] > 0 for row in rows)


def test_score_error_is_over_log_snr_with_the_range_of_seeds(made):
    rows = [r for r in made["score"]["datasets"]["rows"] if (r["dataset"], r["family"]) == ("a", "ddpm")]
    assert len(rows) == 16
    assert all(row["low"] <= row["error"] <= row["high"] for row in rows)


@pytest.mark.parametrize("name", ["quality", "score"])
def test_families_are_told_apart_by_dashes_as_by_colours_in_one_legend(made, name):
    layers = [layer["encoding"] for layer in made[name]["layer"]]
    colour, dashes = (
        next(one[sign]["scale"] for one in layers if "scale" in one.get(sign, {}))
        for sign in ("color", "strokeDash")
    )
    assert colour["domain"] == dashes["domain"] == ["ddpm", *(["ddpm_linear"] if name == "quality" else [])]
    assert len({*map(tuple, dashes["range"])}) == len({*colour["range"]}) == len(colour["domain"])


def test_what_has_no_room_in_a_chart_is_counted(written, monkeypatch):
    found = written(lambda made: made.grid(datasets=("a", "b", "c"), families=("ddpm",), seeds=2))
    whole = charts.charts([found])["quality"]
    monkeypatch.setattr(fitting, "MOST", 20)
    cut = charts.charts([found])["quality"]
    assert charts.left_out(whole) == 0
    assert charts.left_out(cut) == len(whole["datasets"]["rows"]) - len(cut["datasets"]["rows"]) > 0
    assert {row["dataset"] for row in cut["datasets"]["rows"]} == {"a", "b", "c"}


def test_a_run_of_truth_alone_has_no_charts(written):
    found = written(lambda made: made.add("ring", "truth", "", "", 0))
    assert charts.charts([found]) == {}
