"""The pages on adding parts run as printed: the file, its check, its command and its suite entry."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
from plugin_files import plugins_forgotten
from tiny_suite import TINY, as_toml

from diffbench import plugins
from diffbench.suites.suite import items, parse

PAGES = Path(__file__).resolve().parent.parent / "docs" / "adding"
NAMES = ("dataset", "family", "metric", "network", "process", "sampler")


def blocks(page, language):
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def saved(page, folder):
    """Writes the printed file under its printed name, and the printed suite where the command names one."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    file = folder / re.search(r"Save this as `(\w+\.py)`", text)[1]
    file.write_text(blocks(page, "python")[0])
    return file


def test_each_kind_has_its_page():
    assert {path.stem for path in PAGES.glob("*.md")} == set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("page", NAMES)
def test_the_printed_file_keeps_its_contract_by_the_printed_check(tmp_path, page):
    file = saved(page, tmp_path)
    (tmp_path / "check.py").write_text(blocks(page, "python")[1])
    with plugins_forgotten():
        plugins.load(str(file))
        runpy.run_path(str(tmp_path / "check.py"))


@pytest.mark.slow
@pytest.mark.parametrize("page", NAMES)
def test_the_printed_command_runs(tmp_path, command, page):
    """On a suite cut down by the working folder's own files of the printed names."""
    saved(page, tmp_path)
    (printed,) = blocks(page, "console")
    words = printed.split()
    assert words[:4] == ["python", "-m", "diffbench", "run"]
    small = {**TINY, "samplers": [{"name": "ancestral", "steps": 3}]}
    if words[4].endswith(".toml"):
        entry = tomllib.loads(blocks(page, "toml")[0])
        content = {**small, **entry, "network": {**entry.get("network", TINY["network"])}}
        (tmp_path / words[4]).write_text(as_toml({**content, "samplers": small["samplers"]}))
        words = [words[4], *words[5:]]
    else:
        (tmp_path / "small.toml").write_text(as_toml(small))
        words = ["small.toml", *words[4:]]
    done = command("run", *words, "--workers", 0, "--no-figures", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not ok" not in done.stderr


@pytest.mark.parametrize("page", NAMES)
def test_the_printed_suite_is_one(tmp_path, page):
    (entry,) = map(tomllib.loads, blocks(page, "toml")[:1])
    parse({"name": "x", "datasets": ["circle"], **entry})
    with plugins_forgotten():
        plugins.load(str(saved(page, tmp_path)))
        for key in ("families", "samplers", "datasets", "metrics"):
            items(
                entry.get(key, []), key, reserved=("process", "samplers", "network", "metrics", "train_size")
            )
