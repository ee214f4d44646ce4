"""What comes from suites, plug-ins and results of others is text, and stays inside its folder."""

import ast
import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from placed import placed

from diffbench.records.store import Store
from diffbench.registry import PluginError
from diffbench.suites import suite
from diffbench.tables import long as tables

ROOT = Path(__file__).resolve().parents[2]
CODE = [path for folder in ("diffbench", "benchmarks", "results") for path in (ROOT / folder).rglob("*.py")]
PICKLERS = {
    "pickle",
    "cPickle",
    "_pickle",
    "cloudpickle",
    "dill",
    "joblib",
    "shelve",
    "marshal",
    "jsonpickle",
}
PICKLING = {"read_pickle", "to_pickle", "load_npy", "memmap"}


def refuses(call):
    """Whether a call of NumPy's says in so many words that it reads and writes no pickle."""
    words = {word.arg: word.value for word in call.keywords}
    said = words.get("allow_pickle")
    return isinstance(said, ast.Constant) and said.value is False


def pickles(tree):
    """What in a syntax tree reads or writes pickles, or could."""
    refused = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and refuses(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in PICKLERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PICKLERS:
            yield node.module
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            numpy = owner in ("np", "numpy") and node.attr in ("load", "save", "savez", "savez_compressed")
            if (numpy and id(node) not in refused) or node.attr in PICKLING:
                yield node.attr
        elif isinstance(node, ast.Call):
            names = {ast.unparse(node.func)} & {"eval", "exec", "__import__", "importlib.import_module"}
            strings = {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
            yield from names & ({"eval", "exec"} | (names if strings & PICKLERS else set()))
            allows = [word for word in node.keywords if word.arg == "allow_pickle"]
            yield from (word.arg for word in allows if not refuses(node))


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_of_the_project_pickles(path):
    assert list(pickles(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from cloudpickle import dumps",
        "import numpy as np\nnp.load('x')",
        "table.to_pickle('x')",
        "f(allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=said)",
        "__import__('pickle')",
        "eval('1')",
    ],
)
def test_the_walk_sees_pickles(text):
    assert list(pickles(ast.parse(text)))


def test_every_csv_of_a_run_is_inert(tmp_path):
    from diffbench.records import runs

    bad = '=cmd|"/c calc"!A1'
    store = Store(tmp_path)
    store.prepare()
    row = {k: bad for k in ("dataset", "family", "sampler", "budget")} | {
        "score": "learned",
        "seed": 0,
        "n_samples": 9,
    }
    row |= {"fit_id": None, "draw_id": "d", "measures": {"energy": "m"}, "versions": {}}
    store.write("draw", "d", {"status": "ok", "nfe": 5, "seconds": 1.0})
    store.write("measure", "m", {"status": "error", "reason": bad, "seconds": 1.0})
    columns = {"energy": {bad: {"better": "lower", "perfect": 0.0}}}
    runs.note(store, placed({"suite": {}, "settings": {}, "columns": columns, "cells": [row]}))
    tables.write(store, tables.build(store), columns)
    written = sorted((tmp_path / "tables").glob("*.csv"))
    assert len(written) == 4
    for path in written:
        for cells in csv.reader(io.StringIO(path.read_text(), newline="")):
            for cell in cells:
                assert re.match(r"[=+\-@\t\r]", cell) is None or re.fullmatch(r"-?[\d.e+-]+", cell), cell
    assert bad in pd.read_parquet(tmp_path / "tables" / "measurements.parquet")["dataset"].tolist()


NAMES = [
    "..",
    ".",
    "../up",
    "/etc",
    "a/b",
    "a\\b",
    "a\0b",
    "",
    " ",
    "-rf",
    ".git",
    "a\n",
    "CON",
    "nul.toml",
    "com1",
    "a.",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_suites_name_is_a_plain_folder_name(tiny, name):
    with pytest.raises(suite.SuiteError, match="name") as error:
        suite.parse(tiny(name=name))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.slow
def test_tables_and_listing_run_no_plug_in(tmp_path, monkeypatch):
    """An announced plug-in that would fail on import stays asleep."""
    from importlib import metadata

    from diffbench.contracts import METRICS
    from diffbench.records import runs

    def points(**selection):
        wanted = metadata.EntryPoint("evil", "evil_module_that_runs:register", "diffbench.metrics")
        return [wanted] if selection.get("group") == "diffbench.metrics" else []

    monkeypatch.setattr(metadata, "entry_points", points)
    with pytest.raises(PluginError, match="evil_module_that_runs"):
        METRICS.build("evil")
    store = Store(tmp_path)
    store.prepare()
    row = {
        "dataset": "d",
        "family": "",
        "sampler": "",
        "budget": "",
        "score": "truth",
        "seed": 0,
        "n_samples": 9,
    }
    row |= {"fit_id": None, "draw_id": "d", "measures": {"evil": "m"}, "versions": {}}
    store.write("draw", "d", {"status": "ok", "nfe": 0})
    store.write("measure", "m", {"status": "ok", "values": {"evil": 1.0}, "floor": {}})
    columns = {"evil": {"evil": {"better": "lower", "perfect": 0.0}}}
    runs.note(store, placed({"suite": {}, "settings": {}, "columns": columns, "cells": [row]}))
    assert tables.build(store).long["value"].tolist() == [1.0]
    from diffbench import application

    application.list_parts((), load=False)
