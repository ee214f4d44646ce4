"""Whether every stored file is what was written: what a look at each finds."""

import json
import shutil

import pytest

from diffbench.records import seal
from diffbench.records.store import FOLDERS, Store, StoreError
from diffbench.stages import intact


@pytest.fixture
def copy(trained, tmp_path):
    shutil.copytree(trained.root, tmp_path / "run")
    return Store(tmp_path / "run")


def seen(store):
    frozen = Store(store.root, frozen=True)
    return {one.file: one for one in intact.look(frozen, intact.stored(frozen))}


def first(store, stage):
    return sorted((store.root / FOLDERS[stage]).glob("*.json"))[0]


def test_each_sealed_file_is_looked_at_once_and_a_record_with_its_arrays_is_two(copy):
    found = seen(copy)
    sealed = [*copy.root.glob("run.json"), *copy.root.glob("runs/*.json")]
    sealed += [path for folder in FOLDERS.values() for path in (copy.root / folder).glob("*.json")]
    assert {*found} == {path.relative_to(copy.root).as_posix() for path in sealed}
    assert [one for one in found.values() if one.faults] == []
    arrays = len(list(copy.root.rglob("*.safetensors")))
    assert sum(one.files for one in found.values()) == len(sealed) + arrays
    # What can be measured again is the measurements.
    assert sum(one.program is not None for one in found.values()) == len(
        list((copy.root / FOLDERS["measure"]).glob("*.json"))
    )


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda content: seal.seal(content)[:-4], "its content does not have the digest that it names"),
        (lambda content: b"", "it is empty"),
        (lambda content: seal.seal({**content, "spec": {"other": 1}}), "its name is not the hash"),
        (lambda content: seal.seal(content, indent=None), "it is not laid out as this package"),
        (lambda content: seal.seal({**content, "status": "fine"}), "it has another shape: status"),
    ],
)
def test_a_harmed_record_is_one_fault_that_says_how_it_shows(copy, harm, what):
    path = first(copy, "reference")
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_bytes(harm(content))
    faulty = [one for one in seen(copy).values() if one.faults]
    (one,) = faulty
    (fault,) = one.faults
    assert fault.where == path.relative_to(copy.root).as_posix()
    assert fault.what.startswith(what)


def test_arrays_that_are_gone_spoil_their_record(copy):
    path = first(copy, "fit")
    about = json.loads(path.read_text())["arrays"]
    (path.parent / about["file"]).unlink()
    (one,) = (one for one in seen(copy).values() if one.faults)
    (fault,) = one.faults
    assert fault.what == f"its arrays {about['file']}: it is missing"
    assert fault.spoilt == (f"fits/{path.name}", f"fits/{about['file']}")


def test_a_folder_without_a_run_is_one_line(tmp_path):
    with pytest.raises(StoreError, match=r"no run in .*: it has no run\.json"):
        intact.stored(Store(tmp_path, frozen=True))
