import os

import pytest

from diffbench.records.index import FILE, Index
from diffbench.records.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    for i in range(5):
        store.write("measure", f"m{i}", {"status": "ok", "values": {"energy": i}, "spec": {"long": "x" * 99}})
    store.write("fit", "f", {"status": "error", "reason": "first"})
    return store


@pytest.fixture
def opened(store, monkeypatch):
    """The records that are opened, one by one."""
    seen = []
    real = Store.read
    monkeypatch.setattr(
        Store, "read", lambda self, stage, name, **k: (seen.append(name), real(self, stage, name, **k))[1]
    )
    return seen


def everything(store):
    index = Index(store)
    found = {f"m{i}": index("measure", f"m{i}") for i in range(5)} | {"f": index("fit", "f")}
    index.save()
    return found


def test_an_index_has_what_tables_show_and_opens_nothing_twice(store, opened):
    first = everything(store)
    assert first["m3"] == {"schema": 2, "status": "ok", "values": {"energy": 3}}
    assert len(opened) == 6
    assert everything(store) == first
    assert len(opened) == 6


def test_what_is_not_there_is_none(store):
    assert Index(store)("measure", "none") is None
    assert Index(store)("fit", None) is None
    assert Index(Store(store.root / "nowhere"))("fit", "f") is None


def test_records_that_came_since_are_read(store, opened):
    everything(store)
    opened.clear()
    store.write("fit", "f", {"status": "ok", "loss": 1.0})
    assert everything(store)["f"]["status"] == "ok"
    assert set(opened) == {"f"}


def test_the_last_of_many_failures_stands(store):
    for i in range(11):
        store.write("fit", "f", {"status": "error", "reason": str(i)})
    assert everything(store)["f"]["reason"] == "10"
    assert everything(store)["f"]["reason"] == "10"


@pytest.mark.parametrize("harm", ["cut", "flipped", "gone", "not an index"])
def test_a_broken_index_is_made_again(store, harm):
    first = everything(store)
    path = store.root / FILE
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {"cut": data[:-7], "flipped": data.replace(b"first", b"worst"), "not an index": b"{}"}[harm]
        )
    assert everything(store) == first
    assert path.read_bytes() == data


def test_a_record_that_changed_on_the_disk_is_read_anew_and_not_used_if_broken(store):
    everything(store)
    path = store.root / "measurements" / "m3.json"
    path.write_bytes(path.read_bytes().replace(b'"energy": 3', b'"energy": 4'))
    os.utime(path, ns=(1, 1))
    assert everything(store)["m3"] is None
    assert not path.exists()


def test_an_index_that_cannot_be_written_costs_time_and_nothing_else(store, monkeypatch):
    def refuses(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("diffbench.records.files.replace", refuses)
    assert everything(store)["m1"]["values"] == {"energy": 1}
    assert not (store.root / FILE).exists()
