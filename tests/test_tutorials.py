"""The tutorials run as printed, cell by cell, with what they assert."""

import os
import re
from pathlib import Path

import pytest
from plugin_files import plugins_forgotten

DOCS = Path(__file__).resolve().parent.parent / "docs"
FOLDER = DOCS / "tutorials"
PAGES = sorted(FOLDER.glob("*.md"))


def cells(page):
    return re.findall(r"```\{code-cell\}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_there_are_three_and_each_asserts_what_it_says():
    assert len(PAGES) == 3
    assert all(any("assert" in cell for cell in cells(page)) for page in PAGES)


def test_the_site_runs_each_anew_and_a_cell_that_raises_fails_it():
    text = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert '\nnb_execution_mode = "force"\n' in text
    assert "\nnb_execution_raise_on_error = True\n" in text


@pytest.mark.slow
@pytest.mark.skipif("CI" in os.environ, reason="`.ci/run` builds the site, which runs them")
@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_tutorial_runs_as_printed(tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    scope = {"__name__": "__main__"}
    with plugins_forgotten():
        for cell in cells(page):
            exec(compile(cell, page.name, "exec"), scope)
