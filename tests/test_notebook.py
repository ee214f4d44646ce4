"""A class of a notebook is known by what it does: an edited one is another part, and nothing stands for it."""

from __future__ import annotations

import pytest

from diffbench import notebook
from diffbench.registry import Registry, when_replaced

CELL = """
factor = {factor}
def helper(x):
    return x {sign} 1
def build(*, steps: int = {default}):
    return helper(steps) * factor
"""


def _cell(sign="+", default=3, factor=2):
    scope = {"__name__": "__main__"}
    exec(CELL.format(sign=sign, default=default, factor=factor), scope)
    return scope["build"]


def test_equal_cells_have_one_digest():
    assert notebook.digest_of(_cell()) == notebook.digest_of(_cell())


@pytest.mark.parametrize("change", [{"sign": "-"}, {"default": 4}, {"factor": 3}])
def test_an_edit_changes_the_digest(change):
    assert notebook.digest_of(_cell(**change)) != notebook.digest_of(_cell())


def test_an_edited_method_changes_the_digest_of_a_class():
    digests = set()
    for body in ("x + 1", "x + 2"):
        scope = {"__name__": "__main__"}
        exec(f"class Mine:\n    width = 3\n    def f(self, x):\n        return {body}", scope)
        digests.add(notebook.digest_of(scope["Mine"]))
    assert len(digests) == 2


def test_what_comes_from_a_module_has_none():
    assert notebook.digest_of(Registry) is None


def test_a_cell_that_runs_again_takes_its_own_place_and_empties_what_was_built():
    registry, emptied = Registry("thing"), []
    when_replaced(lambda: emptied.append(1))
    registry.register("mine")(_cell())
    before = registry.spec_of("mine", built=type("Built", (), {"version": 1}))
    assert not emptied
    registry.register("mine")(_cell(sign="-"))
    assert emptied
    after = registry.spec_of("mine", built=type("Built", (), {"version": 1}))
    assert before["plugin"] != after["plugin"]
    assert registry.entry("mine").origin == notebook.ORIGIN


def test_a_cell_takes_no_place_of_another():
    registry = Registry("thing")
    registry.register("theirs")(lambda: None)
    with pytest.raises(ValueError, match="already registered by diffbench"):
        registry.register("theirs")(_cell())
