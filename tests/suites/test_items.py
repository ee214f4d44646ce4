"""Entries of a suite's lists, taken apart."""

import pytest

from diffbench.suites.suite import SuiteError, items


def test_a_label_says_what_a_part_is_and_not_how_it_is_judged():
    entries = [{"name": "circle", "train_size": 8, "metrics": ["energy"]}]
    (item,) = items(entries, "datasets", reserved=("train_size", "metrics"))
    assert item.label == "circle(train_size=8)"


def test_items_take_names_tables_and_sweeps():
    found = items(
        [
            "a",
            {"name": "b", "x": 0.5},
            {"name": "c", "sweep": {"steps": [1, 2]}},
            {"name": "d", "label": "mine"},
        ],
        "samplers",
    )
    assert [item.label for item in found] == ["a", "b(x=0.5)", "c(steps=1)", "c(steps=2)", "mine"]
    assert [dict(item.params) for item in found] == [{}, {"x": 0.5}, {"steps": 1}, {"steps": 2}, {}]


def test_items_show_a_nested_process_by_its_name():
    (item,) = items(
        [{"name": "score_sde", "process": {"name": "vp", "beta_max": 10.0}}], "families", ("process",)
    )
    assert item.label == "score_sde(process=vp(beta_max=10))"
    assert dict(item.params) == {}


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        (["a", "a"], "samplers: 'a' is there twice"),
        ([{"x": 1}], "samplers: each entry needs a name"),
        ([{"name": "a", "sweep": {"x": 3}}], "samplers: a: sweep must be a table of lists"),
        ([{"name": "a", "sweep": {"x": []}}], "samplers: a: sweep must be a table of lists"),
        ([{"name": "a", "label": "l", "sweep": 3}], "sweep must be a table"),
    ],
)
def test_malformed_items_are_refused(entries, text):
    with pytest.raises(SuiteError, match=text):
        items(entries, "samplers")


def test_a_label_has_all_the_digits_that_it_takes():
    (swept,) = [items([{"name": "a", "sweep": {"sd": [0.25, 0.25000001, 1e-7, 2.0]}}], "datasets")]
    assert [item.label for item in swept] == ["a(sd=0.25)", "a(sd=0.25000001)", "a(sd=1e-07)", "a(sd=2)"]


@pytest.mark.parametrize("sign", ["\n", "\t", "\x1b[2J", "\x00", "\u202e", "\u2028", "\x9b"])
def test_a_label_has_no_control_characters(sign):
    for entry in ({"name": "a", "label": f"x{sign}y"}, {"name": "a", "kind": f"x{sign}y"}):
        with pytest.raises(SuiteError, match="samplers: a: a label must be without control characters"):
            items([entry], "samplers")


@pytest.mark.parametrize("label", ["a|b [c] # $ \\ é漢字 <b> ~ & % _", "colon: hard:er", "../../up"])
def test_a_label_may_hold_what_can_be_seen(label):
    assert items([{"name": "a", "label": label}], "samplers")[0].label == label


def test_what_a_part_says_in_lines_is_told_in_one():
    assert str(SuiteError("samplers: one\n  two")) == "samplers: one two"
