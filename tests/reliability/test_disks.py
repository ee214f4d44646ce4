"""Disks that fill, refuse or vanish under a run: one line, exit code 2, earlier records intact."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from diffbench.records.store import FOLDERS, Store, StoreError
from diffbench.stages import harness
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand

ROOT = Path(__file__).resolve().parents[2]


def run(content, root, **options):
    suite = suites.parse(content)
    store = Store(root)
    return store, harness.run(suite.model_dump(), expand(suite), store, workers=0, **options)


def whole(root):
    store = Store(root, frozen=True)
    found = {
        (stage, name): store.read(stage, name, whole=True) for stage in FOLDERS for name in store.names(stage)
    }
    assert None not in found.values()
    return {key: record for key, record in found.items() if record["status"] == "ok"}


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["full", "gone"])
def test_a_disk_that_fails_under_a_run_stops_it_and_a_later_run_goes_on(tiny, tmp_path, monkeypatch, harm):
    real, root, done = os.link, tmp_path / "run", []

    def fails_after_some(source, target):
        if len(done) >= 9 and harm == "full":
            raise OSError(28, "No space left on device")
        done.append(target)
        if len(done) == 9 and harm == "gone":
            root.rename(tmp_path / "elsewhere")
        else:
            real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.link", fails_after_some)
        with pytest.raises(StoreError) as error:
            run(tiny(), root)
    assert len(str(error.value).splitlines()) == 1
    assert {"full": "No space left on device", "gone": "it has gone"}[harm] in str(error.value)
    if harm == "gone":
        assert not root.exists()
        (tmp_path / "elsewhere").rename(root)
    kept = whole(root)
    assert 0 < len(kept) < 9
    _, tally = run(tiny(), root)
    assert tally.failed == []
    after = whole(root)
    assert {key: after[key] for key in kept} == kept


@pytest.mark.slow
def test_the_command_says_it_in_a_line_and_exits_with_2(tmp_path):
    from tiny_suite import TINY, as_toml

    (tmp_path / "tiny.toml").write_text(as_toml(TINY))
    # A file may not grow beyond some blocks: what a full disk or a quota does, for root too.
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))\n"
        "from diffbench.cli import main\n"
        "main()\n"
    )
    command = ["run", "tiny.toml", "--out", "run", "--workers", "0", "--no-figures"]
    result = subprocess.run(
        [sys.executable, "-c", script, *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 2, result.stderr
    told = [line for line in result.stderr.splitlines() if not re.match(r"to do: |[a-z ]+: \d+ ", line)]
    (line,) = told
    assert line.startswith("diffbench: cannot write to the results folder run")
    whole(tmp_path / "run")


@pytest.mark.slow
def test_tables_of_a_folder_that_can_only_be_read_are_made_in_memory(tiny, tmp_path, monkeypatch):
    from diffbench.records import files
    from diffbench.tables import long as tables

    store, _ = run(tiny(), tmp_path / "run")
    expected = tables.build(store).long
    broken = next(iter(sorted((store.root / "measurements").glob("*.json"))))
    broken.write_bytes(broken.read_bytes()[:-30])

    def refuses(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    for name in ("rename", "link", "replace"):
        monkeypatch.setattr(os, name, refuses)
    monkeypatch.setattr(files, "_written", refuses)
    long = tables.build(store).long
    assert broken.exists()
    # What is broken is not used, though it could not be moved.
    assert (long["status"] == "missing").sum() == 1
    assert len(long) == len(expected)
    with pytest.raises(StoreError, match=r"cannot write to the results folder .*: Read-only file system"):
        tables.write(store, tables.build(store), tables.read_run(store)["columns"])


@pytest.mark.slow
def test_figures_and_tables_of_a_folder_without_records_are_rows_that_say_so(tiny, tmp_path):
    from diffbench.tables import long as tables

    store, _ = run(tiny(), tmp_path / "run")
    for folder in FOLDERS.values():
        shutil.rmtree(store.root / folder)
    assert set(tables.build(store).long["status"]) == {"missing"}
