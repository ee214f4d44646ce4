"""Runs built by hand, written down as a folder, and pages without the programs of others."""

import pytest
from by_hand import COLUMNS, Made
from placed import placed

from diffbench.records.store import Store
from diffbench.report import bundles, gathered


@pytest.fixture
def written(tmp_path):
    """Returns a function that writes a run by hand and gathers it."""

    def write(build, name="run", **more):
        store = Store(tmp_path / name)
        store.root.parent.mkdir(exist_ok=True)
        store.prepare()
        made = Made(store)
        build(made)
        store.write_json("run.json", placed({"cells": made.cells, "columns": COLUMNS, **more}))
        return gathered.gather(store)

    return write


@pytest.fixture
def light(monkeypatch):
    """Leaves Vega out of pages: its bundle takes seconds to make."""
    monkeypatch.setattr(bundles, "vega", lambda: "window.vegaEmbed = null;")
