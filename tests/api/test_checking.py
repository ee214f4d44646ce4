"""Any part is held against its contract, by its name or as it is."""

from __future__ import annotations

import pytest

import diffbench as db


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "options"),
    [("ancestral", {"steps": 50}), ("circle", {}), ("vp", {}), ("energy", {}), ("ddpm", {})],
)
def test_any_part_is_held_against_its_contract(part, options):
    found = db.check(part, **options)
    assert len(found) > 1
    assert list(found.frame) == ["what", "expected", "got"]
    assert "expected" in str(found)


@pytest.mark.slow
def test_check_takes_objects_and_says_what_is_wrong():
    assert len(db.check(db.dataset("circle"))) > 1
    assert len(db.check(db.process("ve"))) > 1
    with pytest.raises(ValueError, match="kind must be one of family"):
        db.check("vp", kind="noise")


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.check("nothing"), ValueError, "no part 'nothing' is registered"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
