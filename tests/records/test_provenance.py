import subprocess

import pytest

from diffbench.records import provenance as where


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        name = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", tmp_path, *name, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "First")
    return package, git


def test_a_checkout_has_its_commit_and_is_dirty_once_a_file_differs(repository):
    package, git = repository
    assert where.checkout(package) == (git("rev-parse", "HEAD"), False)
    (package / "new.py").write_text("x = 1\n")
    assert where.checkout(package) == (git("rev-parse", "HEAD"), True)


def test_a_package_installed_inside_another_checkout_is_not_of_it(repository):
    package, _ = repository
    inner = package.parent / "env" / "other"
    inner.mkdir(parents=True)
    (inner / "__init__.py").write_text("")
    assert where.checkout(inner) == (None, None)


def test_without_git_there_is_no_commit(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert where.checkout(repository[0]) == (None, None)


@pytest.mark.parametrize(("told", "expected"), [("1", 1), ("3", 3), ("", None), ("many", None)])
def test_threads_are_those_that_xla_reads(told, expected, monkeypatch):
    import os

    monkeypatch.setenv("PJRT_NPROC", told)
    assert where.threads() == (expected or os.cpu_count())
