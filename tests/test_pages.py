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


def test_the_page_of_quick_is_made_from_the_committed_results(publish):
    assert (ROOT / "docs" / "quick.md").read_text(encoding="utf-8") == publish.quick()


def test_the_baselines_page_is_made_from_the_committed_results(publish):
    assert (ROOT / "docs" / "baselines.md").read_text(encoding="utf-8") == publish.baselines()


@pytest.mark.slow
def test_published_tables_are_those_of_their_long_table(publish):
    """So the rows that stood before a run was taken over count as much as its own."""
    for folder in publish.REFERENCE.glob("*/measurements.csv"):
        long, about = publish.read(folder.parent.name)
        made = publish.tables_of(long, about)
        assert {name: (folder.parent / name).read_bytes() for name in made} == made


def test_a_run_adds_rows_to_those_that_are_published_and_changes_none(publish):
    long, _ = publish.read("quick")
    first, second = long[long["seed"] < 2], long[long["seed"] > 0]
    assert publish.joined(first, second).equals(long)
    assert publish.joined(long, long).equals(long)
    changed = second.reset_index(drop=True)
    changed.loc[changed.index[-1], "value"] += 1e-9
    where = changed.iloc[-1]
    publish.joined(first[first["seed"] < 1], changed)  # none of it is published
    with pytest.raises(
        publish.Disagreement, match=rf"value of {where['dataset']} / .* is published as .*; delete"
    ):
        publish.joined(long, changed)


def test_every_link_between_pages_leads_somewhere():
    import re

    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("results/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("name", ["metrics.md", "suites.md", "samplers.md", "models.md"])
def test_guides_say_what_the_code_says(name):
    import guide_pages
    import reference_pages

    pages = {**guide_pages.PAGES, **reference_pages.PAGES}
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == pages[name]()


def test_lists_of_docstrings_are_blocks_and_the_rest_is_prose():
    import guide_pages

    text = "One formula:\n\n  a = b\n  c = d\n\nand a *word*."
    assert guide_pages.prose(text) == "One formula:\n\n```text\na = b\nc = d\n```\n\nand a *word*."
    assert guide_pages.plain("Head.\n\n  a = b\n\nText.\n\nReferences:\n  A.\n    B.\n") == "  a = b\n\nText."
    assert guide_pages.references("Head.\n\nReferences:\n  A.\n    B.\n") == "A. B.\n"
    assert guide_pages.idea("Bits: of a pixel.\n").startswith("## Bits\n\nBits: of a pixel.")
    assert guide_pages.idea("How far.\n").strip() == "## How far"


def test_defaults_of_a_suite_are_spelled_as_in_a_suite():
    import guide_pages

    text = guide_pages.suites_page()
    assert "| `standardise` | `true` |" in text
    assert '| `samplers` | `["own"]` |' in text
    assert "| `reference` |  |" in text
    assert "| `quick` | Three families on two datasets, small and fast |" in text
    assert "None" not in text


def test_the_site_says_every_command_and_option():
    import re

    import reference_pages

    from diffbench.cli import app

    said = reference_pages.commands()
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert re.findall(r"^## `python -m diffbench (\w+)`$", said, flags=re.MULTILINE) == names
    assert "* `--dry-run`: Say what would be done, and stop." in said
    assert "without `--repair` nothing is written" in said  # in words, hyphens would become a dash
    assert "list[" not in said


def test_the_site_takes_no_words_before_a_colon_for_a_type():
    import runpy

    conf = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    for what, text in (
        ("property", "The long table: a row."),
        ("function", "Returns:\n  A row: `z`.\n\nRaises:\n  E: If."),
    ):
        lines = text.split("\n")
        conf["_as_rest"](None, what, "name", None, None, lines)
        assert not [line for line in lines if ": " in line and "E: If." not in line]
        conf["_with_colons"](None, what, "name", None, None, lines)
        assert "\n".join(lines) == text.replace("`z`", "``z``")
    shown = conf["_by_name"](
        None, "class", "name", None, None, "(a=<factory>, b=<function A.<lambda>>)", None
    )
    assert shown == ("(a=..., b=...)", None)


def test_every_page_of_docs_is_in_the_sites_menu():
    import re

    docs = ROOT / "docs"
    menus = re.findall(
        r"```\{toctree\}\n(?::[^\n]*\n)+\n(.*?)```", (docs / "index.md").read_text(), flags=re.DOTALL
    )
    listed = [page for menu in menus for page in menu.split()]
    pages = {path.relative_to(docs).with_suffix("").as_posix() for path in docs.rglob("*.md")}
    assert sorted([*listed, "index"]) == sorted(pages)


def test_every_dataset_has_its_place_in_the_gallery_and_every_picture_its_dataset():
    import re

    from diffbench.contracts import DATASETS

    text = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    names = re.findall(r"^## `(\w+)`$", text, flags=re.MULTILINE)
    assert names == list(DATASETS.names())
    pictured = [path.stem for path in (ROOT / "docs" / "gallery").glob("*.png")]
    assert sorted(pictured) == [name for name in names if name != "arrays"]


@pytest.mark.slow
def test_the_gallery_says_what_the_code_says():
    import gallery

    assert (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8") == gallery.page()
