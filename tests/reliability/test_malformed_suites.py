"""Whatever a suite holds, the answer is its cells or one line: never a traceback, never a hang."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_suite import TINY

from diffbench.registry import PluginError
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2, 7, 10**9, 10**30, -(10**30)]),
    st.sampled_from([0.0, -0.5, 1e-300, 1e300, float("nan"), float("inf"), 0.5]),
    st.sampled_from(["", " ", "all", "own", "..", "a\0b", "=1+1", "ddpm", "ring", "nine_gaussians", "vp"]),
    st.text(max_size=5),
)
KEYS = st.one_of(
    st.sampled_from(
        [
            "name",
            "label",
            "sweep",
            "steps",
            "train_size",
            "process",
            "samplers",
            "metrics",
            "network",
            "t_end",
        ]
    ),
    st.text(max_size=4),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def places(content, path=()):
    """Every place of a suite, as the keys that lead there."""
    if path:
        yield path
    if isinstance(content, dict):
        for key in content:
            yield from places(content[key], (*path, key))
    elif isinstance(content, list):
        for i, inner in enumerate(content):
            yield from places(inner, (*path, i))


RICH = {
    **TINY,
    "scores": ["learned", "exact"],
    "reference": 64,
    "standardise": True,
    "families": [
        "ddpm",
        {"name": "ncsn", "label": "n", "process": {"name": "ncsn", "levels": 9}, "samplers": ["own"]},
    ],
    "datasets": [
        "nine_gaussians",
        {"name": "nine_gaussians", "label": "few", "train_size": 32, "metrics": ["energy"]},
    ],
    "samplers": [
        "own",
        {"name": "ancestral", "steps": 5},
        {"name": "euler_maruyama", "sweep": {"steps": [4, 5]}},
    ],
}


@st.composite
def harmed(draw):
    """A suite that works, with one to three of its places taken away or filled with anything."""
    content = copy.deepcopy(RICH)
    for _ in range(draw(st.integers(1, 3))):
        spots = list(places(content))
        *way, last = draw(st.sampled_from(spots))
        inner = content
        for key in way:
            inner = inner[key]
        act = draw(st.sampled_from(["set", "set", "set", "drop", "add"]))
        if act == "drop":
            del inner[last]
        elif act == "add" and isinstance(inner[last], dict):
            inner[last][draw(KEYS)] = draw(VALUES)
        elif act == "add" and isinstance(inner[last], list):
            inner[last].append(draw(VALUES))
        else:
            inner[last] = draw(VALUES)
        if not content:
            break
    return content


def answer(content):
    """What becomes of a suite: its cells, or the one line that refuses it."""
    try:
        return expand(suites.parse(content))
    except (suites.SuiteError, PluginError) as error:
        return str(error)


def test_the_suite_that_is_harmed_works():
    assert isinstance(answer(RICH), list)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(harmed())
def test_a_malformed_suite_is_one_line(content):
    told = answer(content)
    assert isinstance(told, list) or len(told.splitlines()) == 1, told


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_a_file_that_is_no_suite_is_one_line(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("suite") / "s.toml"
    path.write_bytes(text)
    with pytest.raises(suites.SuiteError) as error:
        suites.load(str(path))
    assert len(str(error.value).splitlines()) == 1, str(error.value)
