"""The tutorials run as printed, cell by cell, with what they assert."""

import re
from pathlib import Path

import pytest
from plugin_files import plugins_forgotten

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "tutorials"
PAGES = sorted(FOLDER.glob("*.md"))


def cells(page):
    return re.findall(r"```\{code-cell\}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_there_are_three_and_each_asserts_what_it_says():
    assert len(PAGES) == 3
    assert all(any("assert" in cell for cell in cells(page)) for page in PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_tutorial_runs_as_printed(tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    scope = {"__name__": "__main__"}
    with plugins_forgotten():
        for cell in cells(page):
            exec(compile(cell, page.name, "exec"), scope)
