import os
import subprocess
import sys

import pytest

from diffbench.records import owner
from diffbench.records.store import Store

# A process that leaves unfinished files in a folder.
LEAVES = """
import sys
from pathlib import Path
from diffbench.records import owner
for name in (owner.part(), owner.part()):
    (Path(sys.argv[1]) / name).touch()
"""
FOLDERS = ("", "draws", "runs", "tables", "figures", "quarantine")


def names(root):
    return sorted(path.name for path in root.iterdir() if path.is_file())


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    for folder in FOLDERS:
        (store.root / folder).mkdir(exist_ok=True)
    return store


def leave(folder, count=1):
    for _ in range(count):
        subprocess.run([sys.executable, "-c", LEAVES, str(folder)], check=True)


def test_what_a_killed_process_left_goes_wherever_it_is(store):
    leave(store.root)
    left = names(store.root)
    assert len(left) == 2
    for folder in FOLDERS[1:]:
        for name in left:
            (store.root / folder / name).touch()
    store.prepare()
    assert [names(store.root / folder) for folder in FOLDERS] == [[]] * len(FOLDERS)


def test_what_a_running_process_has_stays_however_old(store):
    name = owner.part()
    (store.root / name).touch()
    os.utime(store.root / name, (0, 0))
    there = names(store.root)
    store.prepare()
    assert names(store.root) == there


def test_a_number_given_out_again_is_another_process(store):
    mark, pid, start, token = owner.part().split("-")
    other = "-".join((mark, pid, str(int(start) + 1), token))
    (store.root / other).touch()
    owner.clear(store.root)
    assert names(store.root) == []


def test_of_another_machine_only_age_tells(store):
    mine = (owner.part(), ".0123456789abcdef.part")
    theirs = [name.replace(owner.part().split("-")[0][1:], "00000000") for name in mine]
    for name in theirs:
        (store.root / name).touch()
    owner.clear(store.root)
    assert names(store.root) == sorted(theirs)
    for name in theirs:
        os.utime(store.root / name, (0, 0))
    owner.clear(store.root)
    assert names(store.root) == []


@pytest.mark.parametrize(
    "name",
    [".mine.part", ".seen-mine", "notes.part", ".0123456789abcdef", ".seen-0123456789abcdef.part", ".part"],
)
def test_files_of_others_stay_however_they_are_called(store, name):
    (store.root / name).touch()
    os.utime(store.root / name, (0, 0))
    store.prepare()
    assert names(store.root) == [name]


def test_a_link_or_a_folder_with_such_a_name_stays(store, tmp_path):
    (tmp_path / "target").touch()
    (store.root / ".0123456789abcdef.part").symlink_to(tmp_path / "target")
    (store.root / ".0123456789abcdee.part").mkdir()
    os.utime(tmp_path / "target", (0, 0))
    store.prepare()
    assert (tmp_path / "target").exists()
    assert (store.root / ".0123456789abcdef.part").is_symlink()
    assert (store.root / ".0123456789abcdee.part").is_dir()
