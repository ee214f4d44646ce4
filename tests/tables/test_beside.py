"""Rows of two folders beside one another: those of the same data, each with its own records."""

import pytest
from asked import asked, cell

from diffbench.records import runs
from diffbench.records.store import Store, StoreError
from diffbench.tables.beside import joined


def folder(path, *cells):
    store = Store(path)
    store.prepare()
    runs.note(store, asked(*cells))
    return store


def families(run):
    return sorted({(row["dataset"], row["family"]) for row in run["cells"]})


def test_rows_on_the_same_data_stand_beside_and_no_others(tmp_path):
    mine = [asked(cell("ring", family="a"))]
    theirs = folder(
        tmp_path / "theirs", {**cell("ring", family="b"), "family": "ncsn"}, cell("arc", family="b")
    )
    run, _ = joined(mine, Store(tmp_path / "mine"), theirs)
    assert families(run) == [("ring", "ddpm"), ("ring", "ncsn")]
    alone, _ = joined(mine, Store(tmp_path / "mine"))
    assert families(alone) == [("ring", "ddpm")]


def test_a_record_is_read_where_it_lies_and_one_s_own_comes_first(tmp_path):
    first, second = (folder(tmp_path / name, cell()) for name in ("mine", "theirs"))
    second.write("draw", "both", {"status": "ok", "of": "theirs"})
    second.write("draw", "there", {"status": "ok", "of": "theirs"})
    first.write("draw", "both", {"status": "ok", "of": "mine"})
    _, read = joined([asked(cell())], first, second)
    assert read("draw", "both")["of"] == "mine"
    assert read("draw", "there")["of"] == "theirs"
    assert read("draw", "nowhere") is None


def test_a_folder_without_the_same_data_is_refused_with_what_it_has(tmp_path):
    theirs = folder(tmp_path / "theirs", cell("arc"), cell("disc"))
    with pytest.raises(StoreError, match="holds no rows of the same data; it has: arc, disc"):
        joined([asked(cell("ring"))], Store(tmp_path / "mine"), theirs)
