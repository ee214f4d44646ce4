"""Broken models of images: the page is made of the committed numbers, and these say what the models name."""

import broken_images
import calibration_table
import images_table
import pytest
from planted_judging import BLIND, SEEN

MODELS = (broken_images.TRUTH, *broken_images.MODELS)


def test_the_section_is_made_from_the_committed_numbers():
    text = images_table.PAGE.read_text(encoding="utf-8")
    assert images_table.page(text) == text
    assert "| mirrored |" in text.partition("<!-- begin:images -->")[2]


def test_nine_models_are_seen_by_what_they_name_and_not_by_what_is_blind():
    rows = {row["model"]: row for row in calibration_table.read("images")}
    assert [*rows] == [model.name for model in MODELS]
    assert len(broken_images.MODELS) == 9
    for model in MODELS:
        row = {column: float(rows[model.name][column]) for column in broken_images.COLUMNS}
        assert all(row[column] > SEEN for column in model.seen_by), (model.name, row)
        assert all(row[column] < BLIND for column in model.blind), (model.name, row)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["energy", "frechet", "memorisation"])
def test_the_committed_numbers_come_again(name):
    rows = {row["model"]: row for row in calibration_table.read("images")}
    for model in MODELS:
        for column, z in broken_images.readings(model, name).items():
            if column in broken_images.COLUMNS:
                assert z == pytest.approx(float(rows[model.name][column]), rel=0.05, abs=0.3)
