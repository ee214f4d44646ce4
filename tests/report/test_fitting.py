"""What a page has room for is whole, of every dataset something, and what is left out is counted."""

import json

import pytest

from diffbench.report import fitting


def marks(dataset, metric, count, **more):
    return [{"dataset": dataset, "metric": metric, "at": i, **more} for i in range(count)]


def panels(rows):
    counted = {}
    for row in rows:
        counted[row["dataset"], row["metric"]] = counted.get((row["dataset"], row["metric"]), 0) + 1
    return counted


def test_every_dataset_has_its_first_panel_before_any_has_its_second(monkeypatch):
    monkeypatch.setattr(fitting, "MOST", 25)
    rows = [mark for d in ("a", "b") for m in ("energy", "mmd2") for mark in marks(d, m, 10)]
    assert panels(fitting.in_turns(rows)) == {("a", "energy"): 10, ("b", "energy"): 10}
    assert fitting.in_turns(rows[:25]) == rows[:25]


def test_a_smaller_panel_has_the_room_that_a_larger_one_has_not(monkeypatch):
    monkeypatch.setattr(fitting, "MOST", 25)
    rows = marks("a", "energy", 20) + marks("b", "energy", 10) + marks("c", "energy", 5)
    assert panels(fitting.in_turns(rows)) == {("a", "energy"): 20, ("c", "energy"): 5}


def test_a_chart_of_long_labels_has_the_bytes_that_it_may_have(monkeypatch):
    monkeypatch.setattr(fitting, "BYTES", 5000)
    rows = [mark for i in range(100) for mark in marks(f"{i}{'x' * 200}", "energy", 3)]
    kept = fitting.in_turns(rows)
    assert 4000 < sum(len(json.dumps(row)) for row in kept) <= 5000
    assert set(panels(kept).values()) == {3}
    assert len(fitting.in_turns(marks("x" * 200, "energy", 100))) == 5000 // (len(json.dumps(rows[0])))


def test_of_a_panel_with_many_rows_those_of_least_error_are_kept():
    rows = [
        {"dataset": "a", "metric": "energy", "row": str(i), "part": part, "total": None if i == 3 else -i}
        for i in range(60)
        for part in ("solving", "learning")
    ]
    kept = fitting.least(rows)
    assert [row["row"] for row in kept[::2]] == [str(i) for i in range(20, 60)]
    assert len(kept) == 2 * fitting.BARS


@pytest.mark.parametrize(
    ("sizes", "most", "given"),
    [
        ([5, 5], 20, [5, 5]),
        ([100, 2, 100], 20, [9, 2, 9]),
        ([7, 7, 7], 20, [6, 6, 6]),
        ([1, 50, 3, 50], 24, [1, 10, 3, 10]),
        ([], 5, []),
        ([4, 4], 0, [0, 0]),
    ],
)
def test_small_piles_stay_whole_and_large_ones_share(sizes, most, given):
    assert fitting.shares(sizes, most) == given
