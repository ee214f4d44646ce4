"""Sources stand in specifications as they always have, and say what they lack."""

import subprocess
import sys

import pytest
from plugin_files import plugins_forgotten

from diffbench import plugins
from diffbench.records.store import Store
from diffbench.registry import plugin_origin
from diffbench.sources import base
from diffbench.sources.base import SOURCES, BoundScore, Source
from diffbench.spec import identify
from diffbench.stages import draw as draws
from diffbench.stages.inputs import Inputs
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand

# As records of earlier releases have them: their hashes are the names of what is stored.
STORED = [
    ("learned", {}, {"score": "learned"}),
    ("exact", {}, {"score": "exact"}),
    ("empirical", {}, {"score": "empirical"}),
    ("perturbed", {}, {"score": "perturbed", "of": "learned", "error": {"error": "constant", "size": 1.0}}),
    (
        "perturbed",
        {"of": "exact", "error": "field", "size": 2},
        {"score": "perturbed", "of": "exact", "error": {"error": "field", "size": 2.0}},
    ),
]


@pytest.mark.parametrize(("name", "params", "stored"), STORED)
def test_a_shipped_source_stands_in_a_draw_as_it_is_stored(name, params, stored):
    assert base.spec_of(name, params) == stored
    assert base.name_of({**stored, "stage": "draw"}) == name
    assert base.from_spec(stored).needs == SOURCES.build(name, **params).needs


def test_the_shipped_sources_are_those_that_are_stored():
    """What a program brings is a function: it stands in no suite and no other program finds it."""
    assert {name for name, _, _ in STORED} == {*SOURCES.loaded()} - {"brought"}


def test_another_source_stands_there_as_a_part_with_its_version_and_digest():
    def mine(*, strength: float = 1.0) -> Source:
        return Source(lambda given: BoundScore({}, (), None), needs=("truth",), version=3)

    with plugins_forgotten():
        with plugin_origin("p.py", "0123"):
            SOURCES.register("mine")(mine)
        spec = base.spec_of("mine", {"strength": 2})
        part = {"name": "mine", "params": {"strength": 2.0}, "version": 3, "plugin": "0123"}
        assert spec == {"score": part}
        assert base.name_of(spec) == "mine"
        assert base.from_spec(spec).needs == ("truth",)


def test_a_source_of_a_later_version_is_another_specification():
    def second() -> Source:
        return Source(lambda given: BoundScore({}, (), None), version=2)

    with plugins_forgotten():
        SOURCES.register("second")(second)
        assert base.spec_of("second") == {"score": {"name": "second", "params": {}, "version": 2}}


def test_tables_read_the_names_of_sources_without_jax():
    code = (
        "import sys; from diffbench.sources import empirical, exact, learned\n"
        "assert (exact.NAME, 'jax' in sys.modules) == ('exact', False)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


MINE = """
from diffbench.sources.base import SOURCES, Source, BoundScore
from diffbench.contracts import Array

@SOURCES.register("shrunk")
def shrunk(*, factor: float = 0.5) -> Source:
    \"\"\"Returns the source of the exact score, made smaller.\"\"\"
    def make(given):
        inner = SOURCES.build("exact").make(given)

        def bind(arrays, process):
            score = inner.score(arrays, process)
            return lambda x, t: factor * score(x, t)

        return BoundScore({"score": "shrunk", "of": inner.spec, "factor": factor}, inner.arrays, bind)

    return Source(make, needs=("truth",))
"""


@pytest.mark.slow
def test_a_source_of_one_file_is_checked_drawn_and_told_from_an_edited_one(tmp_path, tiny):
    found = []
    for text in (MINE, MINE + "\n# edited\n"):
        path = tmp_path / "mine.py"
        path.write_text(text)
        with plugins_forgotten():
            plugins.load(str(path))
            scores = [{"name": "shrunk", "factor": 0.25}]
            samplers = [{"name": "euler_maruyama", "steps": 2}]
            cells = expand(suites.parse(tiny(scores=scores, samplers=samplers, seeds=1, metrics=["energy"])))
            (cell,) = [cell for cell in cells if cell.kind == "shrunk"]
            made, arrays = draws.draw(cell.draw, Inputs(Store(tmp_path)))
        assert cell.score == "shrunk(factor=0.25)"
        assert (cell.fit, made["nfe"]) == (None, 2)
        assert cell.draw["score"]["params"] == {"factor": 0.25}
        found.append((identify(cell.draw), arrays["samples"].tolist()))
    assert found[0][0] != found[1][0]
    assert found[0][1] == found[1][1]
