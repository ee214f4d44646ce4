"""How rows end, told from the records on their way."""

import pytest

from diffbench.records.outcome import MISSING, OK, Ending, ending

WELL = {"status": OK, "reason": ""}
BAD = {"status": "timeout", "reason": "it took too long"}


@pytest.mark.parametrize(
    ("way", "ended", "told"),
    [
        ([("fit", WELL), ("draw", WELL)], Ending(), ""),
        ([("draw", None)], Ending(MISSING, "draw", "the draw has not run"), "the draw has not run"),
        (
            [("fit", BAD), ("draw", None)],
            Ending("timeout", "fit", "it took too long"),
            "fit: it took too long",
        ),
        (
            [("draw", {**BAD, "inherited": {"stage": "fit", "name": "0"}}), ("measure", WELL)],
            Ending("timeout", "fit", "it took too long"),
            "fit: it took too long",
        ),
    ],
)
def test_a_row_ends_with_the_first_stage_that_is_not_well_where_its_cause_lies(way, ended, told):
    assert ending(way) == ended
    assert ended.told == told
