"""The pages with numbers are those that the committed results make."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def publish():
    spec = importlib.util.spec_from_file_location("publish", ROOT / "results" / "publish.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_holds_the_committed_results(publish):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert publish.readme(text) == text
    assert "| learned | ddpm | ancestral |" in text


def test_the_baselines_page_is_made_from_the_committed_results(publish):
    assert (ROOT / "docs" / "baselines.md").read_text(encoding="utf-8") == publish.baselines()


def test_every_link_between_pages_leads_somewhere():
    import re

    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("results/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
