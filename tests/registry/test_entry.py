"""An entry: its parameters in the one form that specifications hold, and whose it is."""

import math
import types

import pytest

from diffbench.contracts import METRICS
from diffbench.registry import Registry
from diffbench.registry.entry import Entry, in_one_form


def test_a_later_parameter_at_its_default_is_in_no_specification():
    things = Registry("thing")

    @things.register("box", later=("depth",))
    def box(*, width: float = 1.0, depth: float | None = None):
        return types.SimpleNamespace(version=1, width=width, depth=depth)

    before = {"name": "box", "params": {"width": 1.0}, "version": 1}
    assert things.spec_of("box") == things.spec_of("box", {"depth": None}) == before
    assert things.spec_of("box", {"depth": 3})["params"] == {"width": 1.0, "depth": 3.0}
    assert things.from_spec(before).depth is None


def test_what_a_program_registers_is_not_shipped_though_no_plug_in_file_brought_it():
    things = Registry("thing")

    @things.register("pot")
    def pot():
        return "pot"

    assert not things.entry("pot").shipped
    assert METRICS.entry("energy").shipped


def test_defaults_are_the_keyword_only_parameters():
    class Bag:
        def __init__(self, content=None, *, colour="red", name=None):
            self.content, self.colour = content, colour

    assert Entry(lambda *, width=1.0, height=2.0: width).defaults == {"width": 1.0, "height": 2.0}
    assert Entry(Bag).defaults == {"colour": "red"}


@pytest.mark.parametrize(
    ("given", "held"),
    [(2, 2.0), ([1, 2.5], [1.0, 2.5]), ((3,), [3.0]), (True, True), ("2", "2"), (None, None), (2**60, 2**60)],
)
def test_a_number_is_a_fraction_however_it_is_written_and_nothing_else_is(given, held):
    found = in_one_form(given)
    assert found == held
    assert type(found) is type(held)


def test_zero_has_no_sign():
    assert math.copysign(1.0, in_one_form(-0.0)) == 1.0


def test_a_whole_number_stays_one_where_no_fraction_is_taken():
    entry = Entry(lambda *, steps=5, width=1.0: steps)
    found = entry.in_one_form({"steps": 3, "width": 3})
    assert [(key, type(value)) for key, value in found.items()] == [("steps", int), ("width", float)]
