"""How small an error of a score the split names: half of what it took before, and nothing where nothing is."""

import calibration_table
import pytest
import split_table


def test_the_section_is_made_from_the_committed_numbers():
    text = split_table.PAGE.read_text(encoding="utf-8")
    assert split_table.page(text) == text
    assert "named learning, now" in text


def test_half_the_error_is_enough_now():
    assert split_table.smallest("now") <= 0.5 * split_table.smallest("before")


def test_exact_rows_are_named_no_more_often_than_the_level():
    table = calibration_table.read("split")
    assert table[0]["size"] == "0"
    assert all(int(table[0][named]) <= 1 for named in ("now", "solving"))
    # They are the same exact rows beside every error.
    assert all(int(row["solving"]) <= 1 for row in table)


@pytest.mark.slow
def test_the_smallest_error_that_is_named_is_half_of_that_before():
    size = split_table.smallest("now")
    assert int(split_table.row(size)["now"]) >= split_table.SURE - 1
    # What is below twice that was not named before, and twice that is the least that is allowed.
    for larger in (s for s in split_table.SIZES if size <= s < 1.99 * size):
        assert int(split_table.row(larger)["before"]) < split_table.SURE
    assert int(split_table.row(0.0)["now"]) <= 2


def test_what_it_does_not_take_is_refused():
    with pytest.raises(SystemExit, match="takes nothing or --write; got x"):
        split_table.main(["x"])
