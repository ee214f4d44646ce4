"""The page of a run lies in its folder, is made anew only where it would be another, and loses no run."""

import pytest

from diffbench import report
from diffbench.records.store import Store, StoreError


@pytest.fixture
def folder(written, light):
    return written(lambda made: made.grid(families=("ddpm",), seeds=1))


def test_a_page_that_says_the_same_is_left_as_it_is(folder):
    path = report.write(folder.store, folder.tables)
    before = path.stat().st_mtime_ns
    assert report.write(folder.store, folder.tables) == path == folder.root / "report.html"
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"something else")
    report.write(folder.store, folder.tables)
    assert path.read_bytes().startswith(b"<!doctype html>")


def test_a_folder_without_a_run_is_one_line(tmp_path, command):
    (tmp_path / "empty").mkdir()
    done = command("report", "empty", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "no run in empty" in done.stderr


def test_the_command_says_where_the_page_is(folder, command):
    done = command("report", folder.name, "--no-figures", cwd=folder.root.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"report: {folder.name}/report.html\n"


def test_one_folder_twice_is_refused(folder, command):
    done = command("report", folder.name, f"./{folder.name}", "--no-figures", cwd=folder.root.parent)
    assert done.returncode == 2
    assert "each RUN must be a folder of its own" in done.stderr


def test_a_page_into_a_folder_that_is_not_there_is_one_line(folder, command):
    done = command("report", folder.name, "--no-figures", "--out", "no/page.html", cwd=folder.root.parent)
    assert done.returncode == 2
    assert done.stderr == "diffbench: --out must be a file in a folder that is there; got no/page.html\n"


def test_a_frozen_folder_refuses_the_page(folder):
    with pytest.raises(StoreError, match="only read here"):
        report.write(Store(folder.root, frozen=True), folder.tables)


@pytest.mark.slow
def test_a_page_that_cannot_be_made_is_a_line_and_loses_no_run(tiny, tmp_path, command, monkeypatch):
    from tiny_suite import as_toml

    def broken(store, made):
        raise RuntimeError("out of ink\nand paper")

    monkeypatch.setattr(report, "write", broken)
    suite = tiny(scores=["exact"], families=["score_sde"], metrics=["energy"])
    (tmp_path / "suite.toml").write_text(as_toml(suite))
    words = ("run", "suite.toml", "--out", "out", "--workers", 0, "--no-figures", "--report")
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 0
    assert "no report: RuntimeError: out of ink and paper" in done.stderr
    assert (tmp_path / "out" / "tables" / "measurements.csv").is_file()
