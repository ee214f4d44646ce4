"""Plug-ins: the guide's own text runs, and what breaks is named as the plug-in's fault."""

import json
import os
import re
import runpy
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from plugin_files import plugins_forgotten

from diffbench import plugins
from diffbench.contracts import FAMILIES
from diffbench.spec import identify
from diffbench.suites import cells
from diffbench.suites import suite as suites
from diffbench.testing import check_family

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "adding" / "family.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


@pytest.fixture
def guided(tmp_path):
    (tmp_path / "log_normal.py").write_text(blocks("python")[0])
    return tmp_path


def test_the_guides_family_is_about_thirty_lines():
    assert len(blocks("python")[0].splitlines()) <= 35


@pytest.mark.slow
def test_the_guides_check_passes(guided, monkeypatch):
    (guided / "check.py").write_text("import log_normal\n" + blocks("python")[1])
    monkeypatch.syspath_prepend(str(guided))
    with plugins_forgotten():
        runpy.run_path(str(guided / "check.py"))
    assert vars(sys.modules.pop("log_normal"))


@pytest.mark.slow
def test_the_guides_command_runs(guided, command):
    """Exactly the printed command, on a suite cut down by the working folder's own quick.toml."""
    (printed,) = blocks("console")
    words = printed.split()
    assert words[:3] == ["python", "-m", "diffbench"]
    planned = command(*words[3:], "--dry-run", cwd=guided)
    assert planned.returncode == 0, planned.stderr
    assert "fitting: 2" in planned.stdout
    from tiny_suite import TINY, as_toml

    (guided / "small.toml").write_text(as_toml({**TINY, "samplers": ["own"], "scores": ["learned"]}))
    small = [words[3], "small.toml", *words[4:], "--workers", "0", "--no-figures"]
    result = command(*small, cwd=guided)
    assert result.returncode == 0, result.stderr
    assert "log_normal" in result.stdout
    assert "probability_flow" in result.stdout


def test_the_guides_suite_entry_is_a_suite_entry(guided):
    import tomllib

    from diffbench.suites.suite import items

    entry = tomllib.loads(blocks("toml")[0])["families"]
    assert [item.label for item in items(entry, "families")] == ["score_sde", "log_normal(log_mean=-0.8)"]


def test_the_family_of_the_page_on_parts_keeps_its_contract(tmp_path):
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    (block,) = (b for b in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL) if "register" in b)
    (tmp_path / "late.py").write_text(block)
    with plugins_forgotten():
        plugins.load(str(tmp_path / "late.py"))
        check_family({"name": "late", "params": {"weighting": "simple"}})


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
def test_a_broken_plugin_is_one_line_that_names_it(name, tmp_path, command):
    # A name of its own, for a process keeps what it has built of a family.
    mine = "mine_" + name.replace(" ", "_")
    text, message = (part.replace("mine", mine) for part in BROKEN[name])
    (tmp_path / "p.py").write_text(text)
    result = command("run", "--plugin", "p.py", "--families", mine, "--dry-run", cwd=tmp_path)
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
def test_broken_samplers_and_metrics_are_named_too(part, option, message, tmp_path, command):
    (tmp_path / "p.py").write_text(part)
    result = command("run", "--plugin", "p.py", *option, "--dry-run", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr


@pytest.mark.slow
def test_an_edited_plugin_file_is_measured_anew(guided):
    suite = suites.parse({"datasets": ["nine_gaussians"], "families": ["log_normal"], "seeds": 1})
    names = []
    for more in ("", "# edited\n", ""):
        (guided / "log_normal.py").write_text(blocks("python")[0] + more)
        with plugins_forgotten():
            plugins.load(str(guided / "log_normal.py"))
            names.append(identify(cells.expand(suite)[-1].fit))
    assert names[0] == names[2] != names[1]
    assert FAMILIES.entry("ddpm").digest is None


PACKAGE = {
    "process": """
        import jax.numpy as jnp
        from diffbench.process import PROCESSES, Process

        def log_alpha(t, constants):
            return jnp.log1p(-t)

        def log_sigma(t, constants):
            return jnp.log(t)

        @PROCESSES.register("steady")
        def steady(*, margin: float = 0.02):
            prior = {"prior_sd": jnp.hypot(margin, 1.0 - margin)}
            return Process("steady", log_alpha, log_sigma, prior, t_min=margin, t_max=1.0 - margin, t_end=margin, version=4)
    """,
    "family": """
        from typing import ClassVar
        from diffbench.contracts import FAMILIES
        from diffbench.families.flow_matching import FlowMatching

        @FAMILIES.register("patient")
        class Patient(FlowMatching):
            default_process: ClassVar = {"name": "steady"}
            version: ClassVar[int] = 5
    """,
    "network": """
        import haiku as hk
        import jax
        import jax.numpy as jnp
        from diffbench.networks.base import NETWORKS, Network

        @NETWORKS.register("shallow")
        class Shallow(Network):
            version = 6

            def __init__(self, *, width: int = 8, name=None):
                super().__init__(name=name)
                self.width = width

            def __call__(self, x, t, alpha, sigma, is_training=False):
                level = jnp.broadcast_to(jnp.log(sigma / alpha), x.shape[:1])[:, None]
                h = x / (jnp.hypot(alpha, sigma) if t.ndim == 0 else jnp.hypot(alpha, sigma)[:, None])
                h = jax.nn.silu(hk.Linear(self.width)(jnp.concatenate([h, level], axis=1)))
                return hk.Linear(x.shape[1])(h)
    """,
    "metric": """
        import numpy as np
        from diffbench.contracts import METRICS, Column, Metric

        @METRICS.register("reach")
        def reach() -> Metric:
            def measure(key, outcome):
                return {"reach": float(np.abs(np.asarray(outcome.samples)).max())}, {}

            return Metric(columns={"reach": Column()}, measure=measure, version=7)
    """,
}
PROJECT = """
[build-system]
requires = []
build-backend = "wheel_of"
backend-path = ["."]

[project]
name = "noisy-parts"
version = "1.0"

[project.entry-points."diffbench.processes"]
steady = "noisy_parts.process"
[project.entry-points."diffbench.families"]
patient = "noisy_parts.family"
[project.entry-points."diffbench.networks"]
shallow = "noisy_parts.network"
[project.entry-points."diffbench.metrics"]
reach = "noisy_parts.metric"
"""
# A build backend of its own, so that nothing must be fetched to build it.
WHEEL_OF = """
import tomllib
import zipfile
from pathlib import Path

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    about, name = "noisy_parts-1.0.dist-info/", "noisy_parts-1.0-py3-none-any.whl"
    points = "".join(
        f"[{group}]\\n" + "".join(f"{key} = {value}\\n" for key, value in found.items())
        for group, found in project["entry-points"].items()
    )
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        for path in sorted(Path("noisy_parts").glob("*.py")):
            wheel.write(path)
        wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: noisy-parts\\nVersion: 1.0\\n")
        wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(about + "entry_points.txt", points)
        wheel.writestr(about + "RECORD", "")
    return name
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of a program that finds a package which pip built and installed."""
    folder = tmp_path_factory.mktemp("noisy")
    package, site = folder / "project" / "noisy_parts", folder / "site"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for name, text in PACKAGE.items():
        (package / f"{name}.py").write_text(textwrap.dedent(text))
    (folder / "project" / "pyproject.toml").write_text(PROJECT)
    (folder / "project" / "wheel_of.py").write_text(WHEEL_OF)
    words = ["pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(site)]
    done = subprocess.run(
        [sys.executable, "-m", *words, str(folder / "project")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]), "JAX_PLATFORMS": "cpu"}


def diffbench(*args, cwd, env):
    done = subprocess.run(
        [sys.executable, "-m", "diffbench", *args], cwd=cwd, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_package_brings_a_process_a_family_a_network_and_a_metric_to_every_worker(tmp_path, installed):
    from tiny_suite import TINY, as_toml

    changes = {
        "families": ["patient"],
        "network": {"name": "shallow", "width": 6},
        "samplers": [{"name": "euler_maruyama", "steps": 5}],
        "metrics": ["energy", "reach"],
        "seeds": 2,
    }
    (tmp_path / "s.toml").write_text(as_toml({**TINY, **changes}))
    diffbench("run", "s.toml", "--workers", "2", "--no-figures", "--out", "r", cwd=tmp_path, env=installed)
    fits = [json.loads(path.read_text()) for path in (tmp_path / "r" / "fits").glob("*.json")]
    assert [fit["status"] for fit in fits] == ["ok", "ok"]
    # The truth, the Gaussian, the exact score of the package's process, and its family.
    measured = [json.loads(path.read_text()) for path in (tmp_path / "r" / "measurements").glob("*.json")]
    mine = [record for record in measured if record["spec"]["metric"]["name"] == "reach"]
    assert [record["status"] for record in mine] == ["ok"] * 8
    spec = fits[0]["spec"]
    found = {part: (spec[part]["name"], spec[part]["version"]) for part in ("process", "family", "network")}
    assert found == {"process": ("steady", 4), "family": ("patient", 5), "network": ("shallow", 6)}
    assert mine[0]["spec"]["metric"]["version"] == 7


@pytest.mark.slow
def test_list_names_what_packages_announce_and_shows_it_loaded(tmp_path, installed):
    told = diffbench("list", cwd=tmp_path, env=installed)
    assert "steady: plug-in noisy_parts.process; --load shows more" in told
    told = diffbench("list", "--load", cwd=tmp_path, env=installed)
    for kind, name, shown in (
        ("process", "steady", "margin = 0.02"),
        ("network", "shallow", "width = 8"),
        ("family", "patient", "weighting = 'velocity'"),
        ("metric", "reach", ""),
    ):
        assert re.search(rf"  {name}: .*plug-in noisy_parts\.{kind}\n\s+.*{shown}", told), name


@pytest.mark.slow
def test_list_says_which_file_a_part_is_of(guided, command):
    told = command("list", "--plugin", "log_normal.py", cwd=guided).stdout
    assert (
        "  log_normal: The training rule of Karras et al. (2022), table 1, for data of unit variance; plug-in log_normal.py"
        in told
    )
    assert "plug-in" not in told.split("log_normal.py", 1)[1]
