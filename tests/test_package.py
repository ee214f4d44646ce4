"""The package around the code: pins, commands, and what a file must not say."""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()
PYTHONS = [line.split()[-1] for line in PYPROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", line)]
GROUPS = PYPROJECT["dependency-groups"]
NAMED = [
    *PYPROJECT["project"]["dependencies"],
    *PYPROJECT["build-system"]["requires"],
    *(line for group in GROUPS.values() for line in group),
]


def pins(python):
    """The exact version that constraints.txt gives each name on one Python."""
    lines = [Requirement(line) for line in CONSTRAINTS]
    return {
        pin.name: next(iter(pin.specifier)).version
        for pin in lines
        if pin.marker is None or pin.marker.evaluate({"python_version": python})
    }


def readme_commands():
    """The one-line commands of README's code blocks that make an environment."""
    lines = (ROOT / "README.md").read_text().splitlines()
    return [line for line in lines if line.startswith("python3 ")]


def steps(command):
    return [shlex.split(step) for step in command.split(" && ")]


def test_classifiers_name_the_three_pythons():
    assert PYTHONS == ["3.11", "3.12", "3.13"]


def test_constraints_are_names_versions_and_python_markers():
    marker = r'python_version == "3\.1[123]"'
    whole = re.compile(rf"[a-z0-9-]+==[0-9a-z.+]+(; {marker}( or {marker})*)?")
    assert [line for line in CONSTRAINTS if not whole.fullmatch(line)] == []


def test_constraints_leave_tfp_nightly_out():
    assert not [line for line in CONSTRAINTS if line.startswith("tfp")]


@pytest.mark.parametrize("python", PYTHONS)
def test_no_name_is_pinned_twice(python):
    lines = [Requirement(line) for line in CONSTRAINTS]
    names = [pin.name for pin in lines if not pin.marker or pin.marker.evaluate({"python_version": python})]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("python", PYTHONS)
def test_what_pyproject_names_is_pinned_within_its_range(python):
    pinned = pins(python)
    wanted = {canonicalize_name(one.name): one.specifier for one in map(Requirement, NAMED)}
    assert wanted.keys() <= pinned.keys()
    assert [name for name, range_ in wanted.items() if pinned[name] not in range_] == []


@pytest.mark.slow
def test_what_the_package_imports_is_a_dependency_of_its_own():
    # Another dependency may bring it today and not tomorrow.
    distributions = {
        "haiku": "dm-haiku", "pydantic_core": "pydantic-core", "sklearn": "scikit-learn", "PIL": "pillow",
        "great_tables": "great-tables", "vl_convert": "vl-convert-python",
    }  # fmt: skip
    trees = [ast.parse(path.read_text()) for path in (ROOT / "diffbench").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    imported = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"diffbench"}
    extras = PYPROJECT["project"].get("optional-dependencies", {}).values()
    lines = [*PYPROJECT["project"]["dependencies"], *(line for extra in extras for line in extra)]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    assert {canonicalize_name(distributions.get(name, name)) for name in imported} - declared == set()


def test_arviz_is_the_last_old_one_on_python_311_and_new_above():
    assert [pins(python)["arviz"].split(".")[0] for python in PYTHONS] == ["0", "1", "1"]


def test_haiku_is_asked_for_without_its_jax_extra():
    (haiku,) = (Requirement(line) for line in NAMED if line.startswith("dm-haiku"))
    assert not haiku.extras


def test_readme_has_two_commands_of_set_up():
    run, test = readme_commands()
    assert [step[-2:] for step in steps(run)] == [
        ["venv", ".venv"],
        ["constraints.txt", "."],
        ["diffbench", "run"],
    ]
    assert steps(run)[1] == [".venv/bin/pip", "install", "-c", "constraints.txt", "."]
    assert steps(test)[1] == [".nox/bootstrap/bin/pip", "install", "-c", "constraints.txt", "nox"]
    assert steps(test)[2] == [".nox/bootstrap/bin/nox"]


@pytest.mark.parametrize("command", readme_commands())
def test_readme_command_makes_the_environment_that_it_uses(command):
    first, *others = steps(command)
    assert first[:3] == ["python3", "-m", "venv"]
    assert all(step[0].startswith(f"{first[3]}/bin/") for step in others)


def test_ci_runs_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text()
    (pattern,) = re.findall(r"^command=\$\(grep -E '(.*)' README\.md\)$", script, re.MULTILINE)
    found = [line for line in (ROOT / "README.md").read_text().splitlines() if re.search(pattern, line)]
    assert found == readme_commands()[1:]
    assert '-c "$command"' in script


def test_ci_builds_the_site_and_a_warning_fails_it():
    assert "\n$nox -R -s docs\n" in (ROOT / ".ci" / "run").read_text()
    session = (ROOT / "noxfile.py").read_text().split("def docs(")[1].split("@nox.session")[0]
    assert "--fail-on-warning" in session


def test_nox_ends_with_the_tests_by_default():
    text = (ROOT / "noxfile.py").read_text()
    assert 'nox.options.sessions = ["lint", "smoke", "tests"]' in text


def repository_files():
    """The files that git keeps or would keep; all of them where there is no git, as in an sdist."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True)
        paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        folders = ["diffbench", "tests", "docs", "benchmarks", ".ci"]
        paths = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    return [path for path in paths if path.is_file()]


def naming(pattern):
    """The files whose text has a pattern; this one, which spells the patterns, left out."""
    paths = [path for path in repository_files() if path != Path(__file__)]
    return [str(path.relative_to(ROOT)) for path in paths if re.search(pattern, path.read_bytes())]


def test_no_file_names_a_path_of_one_machine():
    here = re.escape(bytes(ROOT)) + rb"\b"
    assert naming(rb"(?<![\w./-])/(?:home|Users|root)/\w|[A-Z]:\\+Users|" + here) == []


def test_no_file_holds_the_marks_of_a_merge():
    assert naming(rb"(?m)^(?:<{7}|>{7}|[|]{7}) ") == []


def test_no_file_names_a_package_index():
    assert naming(rb"--(?:extra-)?index-url|--find-links|\bpypi\.|/simple/") == []


def test_tests_that_pages_name_are_there():
    missing = []
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]:
        for line in page.read_text().splitlines():
            text = ""
            for file, name in re.findall(r"`(?:(tests/[\w/]+\.py)|(test_\w+))`", line):
                if file:
                    path = ROOT / file
                    text = path.read_text() if path.exists() else ""
                if (file and not text) or (name and text and f"def {name}(" not in text):
                    missing.append((page.name, file or name))
    assert missing == []


def test_these_tests_are_hidden_by_no_package_of_that_name():
    """Children import from them; autorank and baycomp put a package `tests` beside the libraries."""
    found = subprocess.run(
        [sys.executable, "-c", "import tests; print(tests.__file__)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(found.stdout.strip()) == ROOT / "tests" / "__init__.py"
