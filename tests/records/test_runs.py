import itertools
import json

import pytest

from diffbench.records import runs
from diffbench.records.store import Store, StoreError


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    return store


def cell(dataset="ring", seed=0, draw="d", **versions):
    return {
        "dataset": dataset, "score": "learned", "family": "ddpm", "budget": "", "sampler": "ancestral", "seed": seed,
        "draw_id": draw, "versions": {"dataset ring": "1", **versions},
    }  # fmt: skip


def asked(*cells, settings="same", column="energy"):
    return {"suite": {}, "settings": settings, "columns": {column: {}}, "cells": list(cells)}


def listed(store):
    return sorted(path.name for path in (store.root / "runs").iterdir())


def places(store):
    return [(row["dataset"], row["seed"], row["draw_id"]) for row in runs.read(store)["cells"]]


def test_a_folder_without_runs_has_none(store):
    assert runs.read(store) is None
    with pytest.raises(StoreError, match=r"no run in .*: it has no run\.json"):
        runs.cells_of(store)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"columns": {}}, "names no cells"),
        ({"columns": {}, "cells": [{"dataset": 1}]}, "lacks one of budget"),
    ],
)
def test_a_run_json_that_is_none_of_ours_is_one_line(store, content, text):
    store.write_json("run.json", content)
    with pytest.raises(StoreError, match=text):
        runs.cells_of(store)


def test_json_of_something_else_is_left_where_it_is(store):
    (store.root / "run.json").write_text("{}")
    with pytest.raises(StoreError, match=r"run\.json: it is JSON of something else: it has no schema"):
        runs.cells_of(store)
    assert (store.root / "run.json").exists()


def test_cells_of_runs_with_the_same_settings_stand_together(store):
    runs.note(store, asked(cell("ring", 1), cell("ring", 0), column="energy"))
    runs.note(store, asked(cell("arc", 0), cell("ring", 1, draw="new"), column="mmd2"))
    assert places(store) == [("arc", 0, "d"), ("ring", 0, "d"), ("ring", 1, "new")]
    assert set(runs.read(store)["columns"]) == {"energy", "mmd2"}


def test_other_settings_begin_a_table_of_their_own_and_come_back(store):
    runs.note(store, asked(cell("ring", 0)))
    runs.note(store, asked(cell("arc", 0), settings="other"))
    assert places(store) == [("arc", 0, "d")]
    runs.note(store, asked(cell("box", 0)))
    assert places(store) == [("box", 0, "d"), ("ring", 0, "d")]


def test_versions_of_a_part_are_never_mixed(store):
    runs.note(store, asked(cell(seed=0), cell(seed=1), cell(seed=2, **{"metric energy": "1"})))
    runs.note(store, asked(cell(seed=0, draw="new", **{"metric energy": "2"})))
    assert places(store) == [("ring", 0, "new"), ("ring", 1, "d")]
    runs.note(store, asked(cell(seed=0, draw="newer", **{"dataset ring": "2"})))
    assert places(store) == [("ring", 0, "newer")]


def test_versions_are_those_of_every_part_of_a_specification():
    part = {"name": "ring", "params": {"version": 7}, "version": 2}
    draw = {
        "stage": "draw",
        "dataset": part,
        "version": 3,
        "fit": {"stage": "fit", "training": {"version": 4}},
    }
    edm = {"name": "edm", "params": {}, "version": 1, "plugin": "abc"}
    assert runs.versions_of([draw, {"stage": "measure", "family": edm}]) == {
        "dataset ring": "2", "draw": "3", "training": "4", "family edm": "1 abc",
    }  # fmt: skip


def test_the_same_run_again_is_no_new_file_and_only_its_last_stays(store):
    one, two = asked(cell("ring")), asked(cell("arc"), settings="other")
    runs.note(store, one)
    before = listed(store)
    runs.note(store, one)
    assert listed(store) == before
    runs.note(store, two)
    runs.note(store, one)
    assert len(listed(store)) == 2
    assert places(store) == [("ring", 0, "d")]


def test_run_json_is_what_the_runs_come_to(store):
    runs.note(store, asked(cell("ring")))
    runs.note(store, asked(cell("arc")))
    view = json.loads((store.root / "run.json").read_text())
    del view["sha256"]
    assert view == runs.read(store)
    (store.root / "run.json").unlink()
    assert len(places(store)) == 2


def test_a_folder_of_before_there_were_runs_is_read_and_kept(store):
    old = cell("ring")
    del old["versions"]
    (store.root / "run.json").write_text(json.dumps({"schema": 1, **asked(old, settings="old")}))
    assert places(store) == [("ring", 0, "d")]
    runs.note(store, asked(cell("arc"), settings="new"))
    assert places(store) == [("arc", 0, "d")]
    assert len(listed(store)) == 2


def test_cells_that_do_not_say_their_versions_do_not_stand_beside_others(store):
    old = cell("ring")
    del old["versions"]
    (store.root / "run.json").write_text(json.dumps({"schema": 1, **asked(old)}))
    runs.note(store, asked(cell("arc")))
    assert places(store) == [("arc", 0, "d")]


def test_a_broken_run_is_quarantined_and_asked_again(store):
    runs.note(store, asked(cell("ring")))
    (path,) = (store.root / "runs").iterdir()
    path.write_bytes(path.read_bytes()[:-20])
    assert runs.read(store)["cells"]  # from run.json
    assert list((store.root / "quarantine").glob("runs-000001-*"))
    runs.note(store, asked(cell("ring")))
    assert places(store) == [("ring", 0, "d")]


@pytest.mark.parametrize("turns", sorted(set(itertools.permutations("aaabbb"))))
def test_two_runs_at_once_keep_their_cells_and_the_view_has_both(store, monkeypatch, turns):
    """Two notes take turns between their reads and writes in every order."""
    import threading

    barrier = threading.Condition()
    order, live = list(turns), {"a", "b"}

    def turn():
        me = threading.current_thread().name
        with barrier:
            # A turn of one that is done is nobody's.
            barrier.wait_for(lambda: not order or order[0] == me or order[0] not in live, timeout=5)
            if order and order[0] == me:
                order.pop(0)
            elif order:
                while order and order[0] not in live:
                    order.pop(0)
            barrier.notify_all()

    for name in ("add", "write_json"):
        real = getattr(Store, name)
        monkeypatch.setattr(Store, name, lambda *args, real=real: (turn(), real(*args))[1])

    def note(label):
        runs.note(store, asked(cell(label)))
        with barrier:
            live.discard(threading.current_thread().name)
            barrier.notify_all()

    threads = [threading.Thread(target=note, args=(label,), name=label) for label in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {row["dataset"] for row in store.read_json("run.json")["cells"]} == {"a", "b"}
    assert len(listed(store)) == 2
