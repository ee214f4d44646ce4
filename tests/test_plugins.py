"""Plug-ins: the guide's own text runs, and what breaks is named as the plug-in's fault."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "adding_a_family.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


def python(*args, cwd):
    return subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def edm(tmp_path):
    (tmp_path / "edm.py").write_text(blocks("python")[0])
    return tmp_path


def test_the_guides_family_is_about_thirty_lines():
    assert len(blocks("python")[0].splitlines()) <= 35


def test_the_guides_check_passes(edm):
    (edm / "check.py").write_text("import edm\n" + blocks("python")[1])
    result = python("check.py", cwd=edm)
    assert result.returncode == 0, result.stderr


def test_the_guides_command_runs(edm):
    """Exactly the printed command, on a suite cut down by the working folder's own quick.toml."""
    (command,) = blocks("console")
    words = command.split()
    assert words[:3] == ["python", "-m", "diffbench"]
    planned = python(*words[1:], "--dry-run", cwd=edm)
    assert planned.returncode == 0, planned.stderr
    assert "fitting: 2" in planned.stdout
    from tiny_suite import TINY, as_toml

    (edm / "small.toml").write_text(as_toml({**TINY, "samplers": ["own"], "scores": ["learned"]}))
    small = [*words[1:4], "small.toml", *words[4:], "--workers", "0", "--no-figures"]
    result = python(*small, cwd=edm)
    assert result.returncode == 0, result.stderr
    assert "edm" in result.stdout
    assert "probability_flow" in result.stdout


def test_the_guides_suite_entry_is_a_suite_entry(edm):
    import tomllib

    from diffbench.suite import items

    entry = tomllib.loads(blocks("toml")[0])["families"]
    assert [item.label for item in items(entry, "families")] == ["score_sde", "edm(log_mean=-0.8)"]


def test_readmes_family_keeps_its_contract(tmp_path):
    (block,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    check = "from diffbench.testing import check_family\ncheck_family({'name': 'late', 'params': {'weighting': 'simple'}})\n"
    (tmp_path / "late.py").write_text(block + check)
    result = python("late.py", cwd=tmp_path)
    assert result.returncode == 0, result.stderr


BROKEN = {
    "raises": ("raise RuntimeError('no licence')", r"the plug-in 'p\.py' fails on import: RuntimeError: no licence"),
    "syntax": ("def (", r"the plug-in 'p\.py' fails on import: SyntaxError"),
    "exits": ("import sys; sys.exit(3)", r"the plug-in 'p\.py' fails on import: SystemExit: 3"),
    "takes a name": (
        "from diffbench.contracts import FAMILIES\n"
        "from diffbench.families.base import Family\n"
        "@FAMILIES.register('ddpm')\nclass Mine(Family):\n    pass\n",
        r"fails on import: ValueError: family 'ddpm' is already registered by diffbench",
    ),
    "wrong shape": (
        "import jax.numpy as jnp\n"
        "from diffbench.contracts import FAMILIES\n"
        "from diffbench.families.base import Family\n"
        "@FAMILIES.register('mine')\nclass Mine(Family):\n"
        "    def sample_times(self, key, n):\n        return jnp.full((n, 1), 0.5)\n",
        r"family 'mine' of plug-in p\.py breaks its contract: ContractError: sample_times: expected shape \(64,\)",
    ),
    "nan": (
        "import jax.numpy as jnp\n"
        "from diffbench.contracts import FAMILIES\n"
        "from diffbench.families.score_sde import ScoreSDE\n"
        "@FAMILIES.register('mine')\nclass Mine(ScoreSDE):\n"
        "    def weight(self, t):\n        return t * jnp.nan\n",
        r"family 'mine' of plug-in p\.py breaks its contract: ContractError: weight: expected finite numbers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_one_line_that_names_it(name, tmp_path):
    text, message = BROKEN[name]
    (tmp_path / "p.py").write_text(text)
    result = python(
        "-m", "diffbench", "run", "--plugin", "p.py", "--families", "mine", "--dry-run", cwd=tmp_path
    )
    assert result.returncode == 2
    assert re.search(message, result.stderr), result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


LAZY = """
from diffbench.contracts import SAMPLERS, Sampler

@SAMPLERS.register("lazy")
def lazy(*, steps: int = 1) -> Sampler:
    return Sampler(run=lambda key, x, score, process: (x[:1], 0))
"""
TEXT = """
from diffbench.contracts import METRICS, Column, Metric

@METRICS.register("text")
def text() -> Metric:
    return Metric(columns={"text": Column()}, measure=lambda key, outcome: ({"text": "good"}, {}))
"""


@pytest.mark.parametrize(
    ("part", "option", "message"),
    [
        (LAZY, ["--samplers", "lazy"], "sampler 'lazy' of plug-in p.py breaks its contract: ContractError: samples"),
        (TEXT, ["--metrics", "text"], "metric 'text' of plug-in p.py breaks its contract: ContractError: text: expected"),
    ],
)  # fmt: skip
def test_broken_samplers_and_metrics_are_named_too(part, option, message, tmp_path):
    (tmp_path / "p.py").write_text(part)
    result = python("-m", "diffbench", "run", "--plugin", "p.py", *option, "--dry-run", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr


def test_an_edited_plugin_file_is_measured_anew(edm, tmp_path):
    from diffbench.registry import Entry

    code = (
        "from diffbench import plugins, suite, cells\n"
        "from diffbench.spec import identify\n"
        "plugins.load('edm.py')\n"
        "s = suite.parse({'datasets': ['nine_gaussians'], 'families': ['edm'], 'seeds': 1})\n"
        "print(identify(cells.expand(s)[-1].fit))\n"
    )
    first = python("-c", code, cwd=edm)
    (edm / "edm.py").write_text(blocks("python")[0] + "# edited\n")
    second = python("-c", code, cwd=edm)
    assert first.returncode == 0, first.stderr
    assert first.stdout != second.stdout
    assert Entry(dict).digest is None
