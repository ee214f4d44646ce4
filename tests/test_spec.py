"""A specification has one text, and one name however that is come by."""

import json
import random

import pytest

from diffbench.spec import Names, canonical, identify


def a_value(rng, depth):
    kinds = ["text", "int", "float", "bool", "none", *(["dict", "list"] * 2 if depth else [])]
    kind = rng.choice(kinds)
    if kind == "dict":
        return {f"k{rng.randrange(9)}é": a_value(rng, depth - 1) for _ in range(rng.randrange(5))}
    if kind == "list":
        return [a_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {
        "text": 'a "quoted"\n name é \u2028',
        "int": rng.randrange(-(10**20), 10**20),
        "float": rng.choice([1e-5, 0.1, 1e300, -0.0, 2.0]),
        "bool": rng.random() < 0.5,
        "none": None,
    }[kind]


def test_names_of_shared_parts_are_the_names_of_the_whole():
    rng = random.Random(0)
    shared = [a_value(rng, 3) for _ in range(20)]
    names = Names(most=7)  # so few that parts are forgotten on the way
    for _ in range(500):
        spec = {**{f"s{i}": rng.choice(shared) for i in range(3)}, "own": a_value(rng, 4)}
        plain = json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
        assert canonical(spec) == plain
        assert names.identify(spec) == identify(spec) == identify(json.loads(plain))


@pytest.mark.parametrize("odd", [{1: "a", 2: {3: None}}, (1, {"a": 2}), {"a": (1, 2)}, True, 0.5])
def test_what_is_no_plain_specification_is_named_all_the_same(odd):
    assert Names().identify({"x": odd, "y": odd}) == identify({"x": odd, "y": odd})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_hold_is_refused(value):
    for name in (identify, Names().identify):
        with pytest.raises(ValueError, match="not JSON compliant"):
            name({"a": {"b": value}})


def test_a_part_that_takes_the_place_of_one_that_is_gone_is_not_taken_for_it():
    names = Names()
    for i in range(1000):
        assert names.identify({"part": {"i": i}}) == identify({"part": {"i": i}})
