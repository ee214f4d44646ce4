import itertools
import os

import pytest

from diffbench.records import seal
from diffbench.records.reader import Reader, many
from diffbench.records.store import Store

ABOUT = {
    "spec": {"dataset": {"name": "ring", "params": {"values": {"energy": 7}}}},
    "provenance": {"jax": "0"},
}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    for i in range(5):
        store.write("measure", f"m{i}", {"status": "ok", "values": {"energy": i}, **ABOUT})
    store.write("fit", "f", {"status": "error", "reason": "first"})
    return store


def everything(store):
    read = Reader(store)
    return {f"m{i}": read("measure", f"m{i}") for i in range(5)} | {"f": read("fit", "f")}


def test_a_record_says_what_the_store_reads_but_for_what_made_it(store):
    read = Reader(store)
    for i in range(5):
        full = {k: v for k, v in store.read("measure", f"m{i}").items() if k not in ABOUT}
        assert read("measure", f"m{i}") == full
    assert read("fit", "f") == store.read("fit", "f")


def test_what_is_not_there_is_none(store):
    assert Reader(store)("measure", "none") is None
    assert Reader(store)("fit", None) is None
    assert Reader(Store(store.root / "nowhere"))("fit", "f") is None


def test_the_last_of_many_failures_stands_until_there_is_an_outcome(store):
    for i in range(11):
        store.write("fit", "f", {"status": "error", "reason": str(i)})
    assert everything(store)["f"]["reason"] == "10"
    store.write("fit", "f", {"status": "ok", "loss": 1.0})
    assert everything(store)["f"]["status"] == "ok"


def test_a_record_is_read_once(store, monkeypatch):
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *more, **k: (opened.append(path), real(path, *more, **k))[1])
    read = Reader(store)
    for _ in range(3):
        read("measure", "m1")
    assert len(opened) == 1


def test_no_file_beside_the_records_puts_a_number_into_them(store):
    """An index as earlier versions kept, well sealed, its sizes and times those of the records."""
    before = everything(store)
    entries = {}
    for path in (store.root / "measurements").iterdir():
        about = path.stat()
        record = {"status": "ok", "values": {"energy": 1234.5}}
        entries[f"measurements/{path.name}"] = [[about.st_size, about.st_mtime_ns], record]
    for content in (
        {"records": entries},
        {"records": []},
        {"records": {"a": 1}},
        {"records": {"a": [[], {}]}},
    ):
        (store.root / "index.cache").write_bytes(seal.seal(content))
        assert everything(store) == before


@pytest.mark.parametrize("harm", ["number", "text", "spec", "cut"])
def test_a_record_that_changed_is_not_used_though_its_size_and_time_did_not(store, harm):
    everything(store)
    path = store.root / "measurements" / "m3.json"
    about, data = path.stat(), path.read_bytes()
    new = {
        "number": data.replace(b'"energy": 3', b'"energy": 4'), "text": data.replace(b'"ok"', b'"no"'),
        "spec": data.replace(b'"ring"', b'"rong"'), "cut": data[:-1] + b" ",
    }[harm]  # fmt: skip
    assert len(new) == len(data)
    assert new != data
    path.write_bytes(new)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert everything(store)["m3"] is None
    assert not path.exists()


def test_leaving_out_is_what_reading_all_and_dropping_is():
    values = [{"energy": 1}, {}, {"x": {"}": '"\n'}}, {"a": "\n }", "b": ["\n }"]}, {"spec": {"a": 1}}]
    for spec, provenance, floor in itertools.product([*values, None, 3, "x"], [*values, None], values):
        data = seal.seal({"spec": spec, "provenance": provenance, "floor": floor, "zz": 1, "a": 2})
        full = seal.unseal(data)
        for left_out in (("spec",), ("provenance", "spec"), ("spec", "provenance"), ("floor", "provenance")):
            found = seal.unseal(data, left_out)
            assert {k: v for k, v in full.items() if k not in left_out} == {
                k: v for k, v in found.items() if k not in left_out
            }


@pytest.mark.parametrize(
    "value",
    [0.1 + 0.2, 5e-324, -0.0, 1.7976931348623157e308, 2**53 + 1, 10**40, "\ud800", "é漢😀", [[[[]]]] * 3, {"a": {}}],
)  # fmt: skip
def test_values_are_read_to_the_last_bit_whatever_is_left_out(value):
    data = seal.seal({"spec": {"name": "x"}, "values": value})
    assert repr(seal.unseal(data, ("spec",))["values"]) == repr(seal.unseal(data)["values"]) == repr(value)


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_as_it_was_once_many_records_are_read(on):
    import gc

    @many()
    def broken():
        assert not gc.isenabled()
        raise KeyError

    was = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        with pytest.raises(KeyError):
            broken()
        assert gc.isenabled() is on
    finally:
        (gc.enable if was else gc.disable)()


def test_text_that_is_laid_out_otherwise_is_read_all_the_same():
    for indent in (None, 2):
        data = seal.seal({"spec": {"a": {"b": 1}}, "status": "ok"}, indent=indent)
        assert seal.unseal(data, ("spec",))["status"] == "ok"
