"""The page of a run lies in its folder, is made anew only where it would be another, and loses no run."""

import html
import re
import shlex

import numpy as np
import pytest

import diffbench
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
    path.write_bytes(b"")
    report.write(folder.store, folder.tables)
    assert path.read_bytes().startswith(b"<!doctype html>")


def test_a_page_of_somebody_else_stays_and_a_line_says_so(folder, command):
    path = folder.root / "report.html"
    path.write_bytes(b"<html>mine</html>")
    with pytest.raises(
        StoreError, match="is there and no report of diffbench; move it, or name another file"
    ):
        report.write(folder.store, folder.tables)
    done = command("report", folder.name, "--no-figures", cwd=folder.root.parent)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert path.read_bytes() == b"<html>mine</html>"
    done = command("report", folder.name, "--no-figures", "--out", str(path), cwd=folder.root.parent)
    assert done.returncode == 0
    assert path.read_bytes().startswith(b"<!doctype html>")


def test_the_library_returns_where_its_page_is(folder, tmp_path, capsys):
    results = diffbench.open(folder.root)
    assert results.report(figures=False) == folder.root / "report.html"
    assert results.report(str(tmp_path / "page.html"), figures=False) == tmp_path / "page.html"
    pages = [p.read_text() for p in (folder.root / "report.html", tmp_path / "page.html")]
    assert [re.search(r'id="links">(.*?)</script>', text)[1] for text in pages] == ['""', "null"]
    assert capsys.readouterr() == ("", "")


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


@pytest.mark.parametrize("out", ["no/page.html", "run"])
def test_a_page_that_can_be_no_file_there_is_one_line(folder, command, out):
    done = command("report", folder.name, "--no-figures", "--out", out, cwd=folder.root.parent)
    assert done.returncode == 2
    assert done.stderr == f"diffbench: the page must be a file in a folder that is there; got {out}\n"


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


@pytest.mark.slow
def test_measure_ends_with_its_page_which_says_how_it_is_made_again(tmp_path, command, light):
    points = np.asarray(diffbench.dataset("circle", thickness=0.1).sample(40, seed=3))
    np.save(tmp_path / "mine.npy", points)
    words = ("measure", "mine.npy", "--dataset", "circle(thickness=0.1)", "--metrics", "energy", "--floor-draws", 9,
             "--label", "my model", "--workers", 0, "--out", "out", "--no-figures")  # fmt: skip
    done = command(*words, "--report", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "report: out/report.html")
    text = html.unescape((tmp_path / "out" / "report.html").read_text())
    assert (
        "1 set of samples (my model) on 1 dataset (circle(thickness=0.1)), 1 seed; all 3 cells are ok."
        in text
    )
    again = re.search(r"<code>(python -m diffbench measure .*?)</code>", text)[1]
    assert shlex.split(again)[3:] == [
        "measure", "FILE", "--dataset", "circle(thickness=0.1)", "--metrics", "energy", "--label", "my model",
        "--floor-draws", "9", "--out", "out",
    ]  # fmt: skip
    (tmp_path / "out" / "report.html").write_bytes(b"mine")
    done = command(*words, "--report", cwd=tmp_path)
    assert done.returncode == 0
    assert "no report: StoreError: out/report.html is there and no report of diffbench" in done.stderr
    assert "report" not in command(*words, cwd=tmp_path).stdout
