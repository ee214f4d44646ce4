"""The page on validity is made from the committed results, and those from the code as it stands."""

import json

import pandas as pd
import planted_table
import pytest
from planted_defects import DEFECTS
from planted_judging import BLIND, SEEN


@pytest.fixture(scope="module")
def results():
    return json.loads(planted_table.RESULTS.read_text(encoding="utf-8"))


def test_the_page_is_made_from_the_committed_results(results):
    text = planted_table.PAGE.read_text(encoding="utf-8")
    assert planted_table.page(text, results) == text
    assert "| defect | judged on |" in text


def test_the_committed_results_are_current(results):
    assert results["about"]["digest"] == planted_table.digest(), (
        "docs/validity.md is not current: a planted module or the version of a part has changed since its"
        " results were made; run `nox -s validity`"
    )


def test_every_committed_defect_is_caught_by_what_it_names(results):
    named = [(defect, trial) for defect in DEFECTS for trial in defect.trials]
    for row, (defect, trial) in zip(results["defects"], named, strict=True):
        assert (row["number"], row["setting"]) == (defect.number, trial.setting.label)
        assert row["check_caught"], row
        assert all(row["z"][column] > SEEN for column in trial.seen_by), row
        assert all(z < BLIND for z in row["sound"].values()), row


def test_the_frame_says_seen_weak_or_blind(results):
    frame = planted_table.frame(results)
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == len(results["defects"])
    words = {word for c in frame if c.endswith("_word") for word in frame[c].dropna()}
    assert {"seen", "blind"} <= words <= {"seen", "weak", "blind"}
    row = frame[frame["number"] == 6].iloc[0]
    assert row["manifold_distance_word"] == "seen"


def test_another_text_of_a_module_is_another_digest(monkeypatch, tmp_path):
    before = planted_table.digest()
    for name in planted_table.DECIDING:
        text = (planted_table.HERE / f"{name}.py").read_text(encoding="utf-8")
        (tmp_path / f"{name}.py").write_text(f"# A comment decides nothing.\n{text}", encoding="utf-8")
    monkeypatch.setattr(planted_table, "HERE", tmp_path)
    assert planted_table.digest() == before
    with open(tmp_path / "broken_models.py", "a", encoding="utf-8") as file:
        file.write("MODELS = MODELS[1:]\n")
    assert planted_table.digest() != before
