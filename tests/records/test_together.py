"""What several runs on one folder come to."""

import pytest
from asked import asked, cell, measured

from diffbench.records import runs


def test_what_was_asked_for_stays_cell_by_cell_and_metric_by_metric(store):
    runs.note(store, asked(cell(seed=1), cell(seed=0, metrics=("energy", "mmd2"))))
    runs.note(store, asked(cell("arc"), cell(seed=1, draw="new")))
    assert measured(store) == {
        ("arc", "ddpm", 0): {"energy": "d-0"},
        ("ring", "ddpm", 0): {"energy": "d-0", "mmd2": "d-0"},
        ("ring", "ddpm", 1): {"energy": "new-1"},
    }
    assert set(runs.read(store)["columns"]) == {"energy", "mmd2"}


@pytest.mark.parametrize(
    ("one", "other", "labels"),
    [
        ({"family": "a"}, {"family": "b"}, [("ring", "ddpm (of=a)"), ("ring", "ddpm (of=b)")]),
        ({"family": 0.25}, {"family": 0.25000001}, [("ring", "ddpm (of=0.25)"), ("ring", "ddpm (of=0.25000001)")]),
        ({"n": 200}, {"n": 300}, [("ring (n=300)", "ddpm"), ("ring (n=200)", "ddpm")]),
        ({"train_size": None}, {"train_size": 8}, [("ring (train_size=8)", "ddpm"), ("ring (train_size=none)", "ddpm")]),
    ],
)  # fmt: skip
def test_rows_of_one_label_that_differ_are_two_told_apart_by_what_differs(store, one, other, labels):
    runs.note(store, asked(cell(seed=0, **one), cell(seed=1, **one)))
    runs.note(store, asked(cell(seed=0, **other)))
    cells = runs.read(store)["cells"]
    assert list(dict.fromkeys((row["dataset"], row["family"]) for row in cells)) == labels
    assert len(cells) == 3


def test_equal_rows_of_two_labels_are_one_by_the_newest_label(store):
    runs.note(store, asked(cell(seed=0), cell(seed=1)))
    runs.note(store, asked({**cell(seed=0), "family": "mine"}))
    assert list(measured(store)) == [("ring", "mine", 0), ("ring", "mine", 1)]


def test_a_metric_by_other_parameters_is_another_column(store):
    first, then = ({"name": "mmd2", "params": {"finest": f}, "version": 1} for f in (0.5, 4.0))
    runs.note(store, asked(cell(seed=0, metrics=(first,)), cell(seed=1, metrics=(first,))))
    runs.note(store, asked(cell(seed=0, draw="e", metrics=(then,)), leading=["mmd2"]))
    run = runs.read(store)
    assert measured(store) == {
        ("ring", "ddpm", 0): {"mmd2 (finest=0.5)": "d-0", "mmd2 (finest=4.0)": "e-0"},
        ("ring", "ddpm", 1): {"mmd2 (finest=0.5)": "d-1"},
    }
    assert run["columns"]["mmd2 (finest=4.0)"] == {"mmd2 (finest=4.0)": {"better": "lower", "column": "mmd2"}}
    assert sorted(run["leading"]) == ["mmd2 (finest=0.5)", "mmd2 (finest=4.0)"]


def test_a_newer_version_supersedes_its_own_rows_and_no_others(store):
    other = cell("arc", seed=0)
    runs.note(store, asked(cell(seed=0), cell(seed=1), other))
    runs.note(store, asked(cell(seed=0, draw="new", version=2)))
    assert list(measured(store)) == [("ring", "ddpm", 0), ("arc", "ddpm", 0)]
    # So with a metric, by the digest of its plug-in's file: what it said of the row's other seeds is gone.
    mine = {"name": "mine", "params": {}, "version": 1, "plugin": "abc"}
    runs.note(store, asked(*(cell(seed=seed, version=2, metrics=("energy", mine)) for seed in (0, 1))))
    edited = {**mine, "plugin": "def"}
    runs.note(store, asked(cell(seed=0, version=2, draw="e", metrics=(edited,))))
    assert measured(store)["ring", "ddpm", 0] == {"energy": "d-0", "mine": "e-0"}
    assert measured(store)["ring", "ddpm", 1] == {"energy": "d-1"}


def test_datasets_stand_as_suites_have_them_and_sweeps_sort_by_number(store):
    def stepped(*steps):
        return [{**cell("box", family=n), "family": f"ddpm(steps={n})"} for n in steps]

    runs.note(store, asked(cell("ring"), *stepped(100, 5, 25), cell("arc")))
    runs.note(store, asked(cell("arc"), cell("new")))
    found = [(row["dataset"], row["family"]) for row in runs.read(store)["cells"]]
    box = [("box", f"ddpm(steps={n})") for n in (5, 25, 100)]
    assert found == [("ring", "ddpm"), *box, ("arc", "ddpm"), ("new", "ddpm")]
