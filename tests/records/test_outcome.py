"""How rows end, told from the records on their way, and how an exception becomes a status and one line."""

import pytest

from diffbench.records.outcome import MISSING, OK, Ending, describe, ending

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


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ValueError("no such thing"), "error", "ValueError: no such thing"),
        (ValueError(), "error", "ValueError"),
        (KeyError("beta"), "error", "KeyError: 'beta'"),
        (RuntimeError("first\n  second\n\n last "), "error", "RuntimeError: first ... last"),
        (RuntimeError("one\none"), "error", "RuntimeError: one"),
        (MemoryError(), "out_of_memory", "MemoryError"),
        (
            RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes."),
            "out_of_memory",
            "RuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.",
        ),
        (SystemExit(3), "error", "SystemExit: 3"),
    ],
)
def test_a_reason_is_the_type_with_the_first_and_the_last_line(error, status, reason):
    assert describe(error) == {"status": status, "reason": reason}
    assert len(describe(error)["reason"].splitlines()) == 1
