"""An empty results folder."""

import pytest

from diffbench.records.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    return store
