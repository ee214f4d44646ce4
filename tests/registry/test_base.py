"""Registries: names, defaults, plug-ins, and what each message says."""

import subprocess
import sys
import types
from importlib import metadata

import pytest

from diffbench.registry import PluginError, Registry, plugin_origin

GROUP = "diffbench.things"
_MADE = iter(range(1000))


@pytest.fixture
def things():
    registry = Registry("thing", group=GROUP)

    @registry.register("box")
    def box(*, width: float = 1.0, height: float = 2.0):
        return width, height

    @registry.register("bag")
    class Bag:
        def __init__(self, content=None, *, colour="red", name=None):
            self.content, self.colour = content, colour

    return registry


@pytest.fixture
def announce(monkeypatch, tmp_path, things):
    """Returns a function: (name, source of a module) -> the announced name and its value."""
    points = []
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(
        metadata, "entry_points", lambda **wanted: metadata.EntryPoints(points).select(**wanted)
    )

    def make(name, source):
        module = f"plug_in_of_a_test_{next(_MADE)}"
        (tmp_path / f"{module}.py").write_text(source)
        points.append(metadata.EntryPoint(name, module, GROUP))
        return module

    # A module finds the registry as the user's would find diffbench's own.
    monkeypatch.setattr(sys, "things_under_test", things, raising=False)
    return make


def test_names_are_sorted(things):
    assert things.names() == things.loaded() == ("bag", "box")


def test_complete_puts_what_is_given_over_the_defaults(things):
    assert things.complete("box", {"height": 5.0}) == {"width": 1.0, "height": 5.0}
    assert things.complete("box") == {"width": 1.0, "height": 2.0}


def test_build_passes_positions_and_parameters(things):
    assert things.build("box", width=3.0) == (3.0, 2.0)
    bag = things.build("bag", "tea", colour="blue")
    assert (bag.content, bag.colour) == ("tea", "blue")


def test_an_unknown_name_lists_the_known_ones(things):
    with pytest.raises(ValueError, match="unknown thing 'sack'; known: bag, box"):
        things.build("sack")


def test_an_unknown_parameter_lists_the_known_ones(things):
    with pytest.raises(ValueError, match="thing 'box' takes no 'depth'; it takes: width, height"):
        things.build("box", depth=1.0)


def test_a_part_without_parameters_says_none(things):
    things.register("dot")(lambda: "dot")
    with pytest.raises(ValueError, match="thing 'dot' takes no 'size'; it takes: none"):
        things.build("dot", size=1)


def test_a_name_is_taken_once(things):
    with pytest.raises(ValueError, match="thing 'box' is already registered by diffbench"):
        things.register("box")(lambda: None)


def test_every_parameter_needs_a_default(things):
    def sack(*, size, colour="red", weight):
        return size

    with pytest.raises(ValueError, match=r"thing 'sack': every keyword-only .*; got none for size, weight"):
        things.register("sack")(sack)
    assert "sack" not in things.names()


def test_a_registry_without_a_group_asks_nobody(monkeypatch):
    monkeypatch.setattr(metadata, "entry_points", None)
    assert Registry("thing").names() == ()


def test_parts_know_where_they_come_from(things):
    with plugin_origin("mine.py", "abc"):
        things.register("sack")(lambda: None)
    things.register("tin")(lambda: None)
    assert (things.entry("sack").origin, things.entry("sack").digest) == ("mine.py", "abc")
    assert things.entry("tin").origin is None
    with pytest.raises(ValueError, match=r"thing 'sack' is already registered by mine\.py"):
        things.register("sack")(lambda: None)


def test_announced_parts_are_listed_unimported_and_imported_when_asked_for(things, announce):
    module = announce("cup", "import sys\nsys.things_under_test.register('cup')(lambda *, size=3: size)\n")
    assert things.names() == ("bag", "box", "cup")
    assert things.loaded() == ("bag", "box")
    assert module not in sys.modules
    assert things.build("cup", size=4) == 4
    assert things.entry("cup").origin == module
    assert things.loaded() == ("bag", "box", "cup")


@pytest.mark.parametrize("failure", ["raise RuntimeError('no luck')", "import sys\nsys.exit('no luck')"])
def test_a_plug_in_that_fails_on_import_is_named(things, announce, failure):
    module = announce("cup", failure + "\n")
    with pytest.raises(PluginError, match=f"'{module}', which announces thing 'cup', fails .*: no luck"):
        things.build("cup")


def test_a_plug_in_that_takes_a_taken_name_is_named(things, announce):
    announce("cup", "import sys\nsys.things_under_test.register('box')(lambda: 0)\n")
    with pytest.raises(PluginError, match="ValueError: thing 'box' is already registered by diffbench"):
        things.build("cup")


def test_a_plug_in_that_registers_another_name_is_named(things, announce):
    module = announce("cup", "import sys\nsys.things_under_test.register('mug')(lambda: 0)\n")
    with pytest.raises(PluginError, match=f"'{module}' announces thing 'cup' and registers no such name"):
        things.build("cup")


def test_two_plug_ins_of_one_name_are_both_named(things, announce):
    first, second = announce("cup", ""), announce("cup", "")
    with pytest.raises(PluginError, match=f"thing 'cup' is announced by {first!r} and {second!r}"):
        things.build("cup")


def test_a_failed_import_leaves_no_origin_behind(things, announce):
    announce("cup", "raise RuntimeError\n")
    with pytest.raises(PluginError):
        things.build("cup")
    things.register("tin")(lambda: None)
    assert things.entry("tin").origin is None


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Returns the name of a package with a part that registers itself in `stock.THINGS`."""
    package = tmp_path / "shelf"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (tmp_path / "stock.py").write_text(
        "from diffbench.registry import Registry\nTHINGS = Registry('thing', home='shelf')\n"
    )
    (package / "cups.py").write_text(
        "from stock import THINGS\n@THINGS.register('cup')\ndef cup(*, size=1): return size\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "stock"
    for name in [n for n in sys.modules if n.split(".")[0] in ("shelf", "stock")]:
        del sys.modules[name]


def test_shipped_parts_are_found_at_the_first_look_up(home):
    stock = __import__(home)
    assert not [name for name in sys.modules if name.startswith("shelf")]
    assert stock.THINGS.build("cup", size=3) == 3
    assert stock.THINGS.names() == ("cup",)


def test_a_shipped_part_is_shipped_though_a_plug_in_asks_for_it_first(home):
    stock = __import__(home)
    with plugin_origin("mine.py", "0123"):
        stock.THINGS.register("bowl")(lambda: None)
    assert stock.THINGS.entry("cup").origin is None
    assert stock.THINGS.entry("bowl").origin == "mine.py"


def test_a_plug_in_that_takes_a_shipped_name_is_refused_though_nothing_was_looked_up(home):
    stock = __import__(home)
    with plugin_origin("mine.py", "0123"), pytest.raises(ValueError, match="already registered by diffbench"):
        stock.THINGS.register("cup")(lambda: None)


KINDS = [
    *(("contracts", kind, 3) for kind in ("DATASETS", "FAMILIES", "SAMPLERS", "METRICS")),
    ("process", "PROCESSES", 6),
    ("networks", "NETWORKS", 1),
    ("sources.base", "SOURCES", 4),
]


@pytest.mark.slow
@pytest.mark.parametrize(("module", "kind", "least"), KINDS)
def test_every_kind_is_found_in_a_fresh_interpreter(module, kind, least):
    code = f"from diffbench.{module} import {kind}; print(*{kind}.names())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) >= least


def test_a_specification_is_built_and_a_part_gives_its_specification(things):
    assert things.from_spec({"name": "box", "params": {"width": 3.0}, "version": 7}) == (3.0, 2.0)
    bag = things.from_spec({"name": "bag", "params": {"colour": "blue"}}, "tea")
    assert (bag.content, bag.colour) == ("tea", "blue")
    with pytest.raises(ValueError, match="unknown thing 'sack'; known: bag, box"):
        things.from_spec({"name": "sack", "params": {}})
    full = {"name": "box", "params": {"width": 1.0, "height": 5.0}, "version": 1}
    assert things.spec_of("box", {"height": 5.0}) == full


def test_the_version_is_that_of_the_class_or_else_of_what_is_built(things):
    class Old:
        version = 3

        def __init__(self):
            raise AssertionError("a class says its version unbuilt")

    things.register("old")(Old)
    things.register("new")(lambda *, version=4: types.SimpleNamespace(version=version))
    assert things.version_of("old") == 3
    assert things.version_of("new") == 4
    assert things.version_of("new", {"version": 5}) == 5
    assert things.spec_of("new", {"version": 6}, types.SimpleNamespace(version=7))["version"] == 7
    traced = Registry("module", traced=True)
    traced.register("bare")(lambda: (_ for _ in ()).throw(AssertionError("a module is built in a trace")))
    assert traced.version_of("bare") == 1


def test_the_digest_of_a_plug_in_file_stands_in_the_specification(things):
    with plugin_origin("mine.py", "abc"):
        things.register("sack")(lambda: None)
    assert things.spec_of("sack", built=types.SimpleNamespace(version=1))["plugin"] == "abc"
    assert "plugin" not in things.spec_of("box")


def test_what_is_later_must_be_a_parameter():
    with pytest.raises(ValueError, match="thing 'box': later must name parameters; got depth"):
        Registry("thing").register("box", later=("depth",))(lambda *, width=1.0: width)


def test_what_a_plug_in_says_in_lines_is_told_in_one():
    assert str(PluginError("it fails: ValueError: one\n  two")) == "it fails: ValueError: one two"
