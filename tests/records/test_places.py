import pytest

from diffbench.records.places import NOTHING, axis, base_of, natural, place, told_apart, unversioned


def labelled(label, *specs):
    named = {str(i): spec for i, spec in enumerate(specs)}
    return list(told_apart(((name, label) for name in named), named).values())


def test_a_label_of_one_specification_stays_as_it_is():
    assert labelled("vp", {"name": "vp"}) == ["vp"]


@pytest.mark.parametrize(
    ("specs", "labels"),
    [
        # One number to its last digit, a list, a text, and what one of the two does not have.
        ([{"params": {"sd": 0.1}}, {"params": {"sd": 0.1 + 2**-56}}], ["p (sd=0.1)", "p (sd=0.10000000000000002)"]),
        ([{"widths": [8, 8]}, {"widths": [8]}], ["p (widths=[8, 8])", "p (widths=[8])"]),
        ([{"a": "x", "b": True}, {"a": "y", "b": False}], ["p (a=x, b=true)", "p (a=y, b=false)"]),
        ([{"a": 1}, {}], ["p (a=1)", "p (a=none)"]),
        # The same key in two parts has the part's name before it.
        (
            [{"family": {"version": 1}, "network": {"version": 1}}, {"family": {"version": 2}, "network": {"version": 3}}],
            ["p (family.version=1, network.version=1)", "p (family.version=2, network.version=3)"],
        ),
        # Of many differences as many as tell, the name of the part first.
        (
            [{"name": n, "a": i, "b": i, "c": i} for i, n in enumerate(("vp", "ve"))],
            ["p (name=vp)", "p (name=ve)"],
        ),
    ],
)  # fmt: skip
def test_different_specifications_of_one_label_are_told_apart_by_what_differs(specs, labels):
    assert labelled("p", *specs) == labels


def test_a_label_that_a_user_wrote_as_another_is_completed_is_still_nobody_elses():
    specs = {"0": {"a": 1}, "1": {"a": 2}, "2": {"a": 3}}
    found = told_apart([("0", "p"), ("1", "p"), ("2", "p (a=1)")], specs)
    assert found == {"0": "p (0)", "1": "p (a=2)", "2": "p (a=1)"}


def test_the_first_word_on_a_specification_counts():
    assert told_apart([("0", "mine"), ("0", "yours")], {"0": {}}) == {"0": "mine"}


def test_places_are_equal_by_specification_whatever_they_are_called():
    spec, other = {"name": "vp", "params": {"b": 1.0}}, {"name": "vp", "params": {"b": 2.0}}
    score = axis("exact", {"score": "exact"})
    here = place(axis("a", {"n": 1}), score, process=axis("p", spec))
    assert here.id == place(axis("b", {"n": 1}), score, process=axis("q", spec)).id
    assert here.id != place(axis("a", {"n": 1}), score, process=axis("p", other)).id
    assert here.axes["sampler"] == NOTHING.id == ""


def test_a_specification_without_versions_keeps_a_parameter_of_that_name():
    spec = {"version": 3, "part": {"plugin": "ab", "version": 1, "params": {"version": 7}}}
    assert unversioned(spec) == {"part": {"params": {"version": 7}}}


def test_labels_sort_by_the_numbers_in_them():
    labels = ["s(steps=100)", "s(steps=5)", "s(lr=0.001)", "s(lr=1e-07)", "2000x512", "200x512", "s", ""]
    assert sorted(labels, key=natural) == [
        "", "200x512", "2000x512", "s", "s(lr=1e-07)", "s(lr=0.001)", "s(steps=5)", "s(steps=100)"
    ]  # fmt: skip


def test_the_base_of_a_column_is_its_name_before_it_was_completed():
    assert [base_of(c) for c in ("mmd2", "mmd2_local (finest=4.0)")] == ["mmd2", "mmd2_local"]
