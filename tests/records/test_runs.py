import itertools
import json

import pytest
from asked import asked, cell

from diffbench.records import runs, seal
from diffbench.records.store import Store, StoreError


def listed(store):
    return sorted(path.name for path in (store.root / "runs").iterdir())


def places(store):
    return [(row["dataset"], row["seed"], row["draw_id"]) for row in runs.read(store)["cells"]]


def test_a_folder_without_runs_has_none(store):
    assert runs.read(store) is None
    with pytest.raises(StoreError, match=r"no run in .*: it has no run\.json"):
        runs.cells_of(store)


WRONG = {
    "columns that are no table": lambda run: run.update(columns=[]),
    "a column without better": lambda run: run["columns"]["energy"]["energy"].pop("better"),
    "a column that is better sideways": lambda run: run["columns"]["energy"]["energy"].update(better="left"),
    "no cells": lambda run: run.pop("cells"),
    "a cell without its number of samples": lambda run: run["cells"][0].pop("n_samples"),
    "a cell without a seed": lambda run: run["cells"][0].update(seed=None),
    "a cell with an unknown metric": lambda run: run["cells"][0]["measures"].update(mmd2="d-0"),
    "a cell with a record of no name": lambda run: run["cells"][0].update(draw_id="../d"),
    "a cell in no place": lambda run: run["cells"][0].update(place="0"),
    "a place of specifications that are not there": lambda run: run.update(specs={}),
    "a metric without a name": lambda run: run["metrics"]["energy"].pop("name"),
    "a metric without columns": lambda run: run["columns"].update(energy={}),
    "a column that is called by a number": lambda run: run["columns"]["energy"]["energy"].update(column=7),
    "specifications that are called as others": lambda run: run.update(
        specs=dict(zip(run["specs"], [*run["specs"].values()][::-1], strict=True))
    ),
    "leading metrics that are none": lambda run: run.update(leading=3),
}


@pytest.mark.parametrize("harm", WRONG)
def test_a_sealed_run_of_another_shape_is_put_away_and_one_line(store, harm):
    content = asked(cell("ring"))
    runs.note(store, content)
    good = runs.read(store)
    WRONG[harm](content)
    (file,) = (store.root / "runs").iterdir()
    file.write_bytes(seal.seal(content))
    assert runs.read(store)["cells"] == good["cells"]  # by run.json
    for path in (store.root / "run.json", *(store.root / "runs").iterdir()):
        path.write_bytes(seal.seal(content))
    with pytest.raises(StoreError, match=r"no run in .*: it has no run\.json"):
        runs.cells_of(store)
    reasons = [
        json.loads(path.read_text())["reason"] for path in (store.root / "quarantine").glob("*.reason.json")
    ]
    assert len(reasons) == 3
    assert all(reason.startswith("it has another shape: ") for reason in reasons)


def test_json_of_something_else_is_left_where_it_is(store):
    (store.root / "run.json").write_text("{}")
    with pytest.raises(StoreError, match=r"run\.json: it is JSON of something else: it has no schema"):
        runs.cells_of(store)
    assert (store.root / "run.json").exists()


def test_the_same_run_again_is_no_new_file_and_only_its_last_stays(store):
    one, two = asked(cell("ring")), asked(cell("arc"))
    runs.note(store, one)
    before = listed(store)
    runs.note(store, one)
    assert listed(store) == before
    runs.note(store, two)
    runs.note(store, one)
    assert len(listed(store)) == 2
    assert places(store) == [("ring", 0, "d"), ("arc", 0, "d")]


def test_run_json_is_what_the_runs_come_to(store):
    runs.note(store, asked(cell("ring")))
    runs.note(store, asked(cell("arc")))
    view = json.loads((store.root / "run.json").read_text())
    del view["sha256"]
    assert view == runs.read(store)
    for path in (store.root / "runs").iterdir():
        path.unlink()
    assert runs.read(store) == view  # it says all that they said
    runs.note(store, asked(cell("arc")))
    (store.root / "run.json").unlink()
    assert len(places(store)) == 2


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("bit", [0, 300, 1801, -5])
def test_a_flipped_bit_in_a_run_loses_no_row(store, which, bit):
    for label in ("ring", "arc", "box"):
        runs.note(store, asked(cell(label), cell(label, seed=1)))
    before = runs.read(store)["cells"]
    assert len(before) == 6
    path = sorted((store.root / "runs").iterdir())[which]
    flip(path, bit if bit >= 0 else 8 * path.stat().st_size + bit)
    assert runs.read(Store(store.root, frozen=True))["cells"] == before
    assert path.exists()  # by who only looks nothing is moved
    for _ in range(2):
        assert runs.read(store)["cells"] == before
    assert not path.exists()
    assert len(list((store.root / "quarantine").glob(f"runs-{path.name}-*.reason.json"))) == 1
    # What stands for it may break too, and the next run keeps what there is.
    (stands,) = (one for one in (store.root / "runs").iterdir() if one.name[:6] == path.name[:6])
    flip(stands, 999)
    assert sorted(map(str, runs.read(store)["cells"])) == sorted(map(str, before))
    runs.note(store, asked(cell("new")))
    assert len(runs.read(store)["cells"]) == 7
    assert runs.unasked(Store(store.root, frozen=True)) == 0


def test_a_run_that_is_deleted_is_missed_by_what_run_json_names(store):
    runs.note(store, asked(cell("ring", draw="a")))
    runs.note(store, asked(cell("arc", draw="b")))
    assert runs.unasked(Store(store.root, frozen=True)) == 0
    sorted((store.root / "runs").iterdir())[0].unlink()
    assert runs.unasked(Store(store.root, frozen=True)) == 1


def test_a_kill_between_what_stands_for_a_run_and_its_going_harms_nothing(store, monkeypatch):
    runs.note(store, asked(cell("ring")))
    runs.note(store, asked(cell("arc")))
    before = runs.read(store)["cells"]
    flip(sorted((store.root / "runs").iterdir())[0], 500)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "discard", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            runs.read(store)
    assert runs.read(store)["cells"] == before
    assert runs.read(store)["cells"] == before


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
