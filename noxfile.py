"""Sessions of nox. Versions, groups and interpreters are those of pyproject.toml; none is repeated here.

    nox                        lint, smoke and the fast tests, on every interpreter found
    nox -s tests -- -k mmd2    what follows `--` goes to pytest
    nox -s slow                the tests that train models or draw many samples
    nox -s torch               scores in PyTorch under the samplers and metrics
    nox -s public_samplers     diffusers' schedulers beside ours; rewrites docs/public_samplers.md
    nox -s docs                the site, into .nox/docs/tmp/html; warnings are errors
    nox -s bench -- NAME       benchmarks/NAME.py, or all of them
    nox -s validity            every planted bug under every judge; rewrites docs/validity.md
    nox -s pins                resolves again and rewrites constraints.txt

With `CI` set, the newest word is wanted rather than the quickest: the tests include the slow ones.
"""

import csv
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

import nox
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
PYPROJECT = nox.project.load_toml("pyproject.toml")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
SUPPORTED = nox.project.python_versions(PYPROJECT)
if RUNNING not in SUPPORTED:
    raise SystemExit(f"nox must run on one of Python {', '.join(SUPPORTED)}; got {RUNNING}.")
# The running interpreter comes last: a run ends with its tests.
PYTHONS = sorted(SUPPORTED, key=lambda version: version == RUNNING)

# For the kernels of tutorials: one thread, and no look for accelerators.
QUIET = {"PJRT_NPROC": "1", "JAX_PLATFORMS": "cpu"}

ELSEWHERE = (
    "tests/test_cli.py",
    "tests/stages/test_harness.py",
    "tests/figures/test_figures.py",
    "tests/test_package.py",
)

# What the wheel holds beside code: suites, the fitted laws of images, and what pages are made of.
DATA = (".toml", ".safetensors", ".j2", ".css", ".js")

nox.options.sessions = ["lint", "smoke", "tests"]
nox.options.download_python = "never"
# nox says which interpreters it did not find and goes on; the one it runs on is always found.
nox.options.error_on_missing_interpreters = False


def install(session: nox.Session, *requirements: str, groups: tuple[str, ...] = ()) -> None:
    """Installs requirements and dependency groups at the versions of constraints.txt."""
    names = nox.project.dependency_groups(PYPROJECT, *groups) if groups else ()
    session.install("-c", str(CONSTRAINTS), *requirements, *names)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types and the direction of imports."""
    # mypy sees the types of what diffbench imports only where that is installed.
    install(session, "-e", ".", groups=("lint",))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


# Never in an old environment: pip does not replace a wheel by another of the same version.
@nox.session(reuse_venv=False)
def smoke(session: nox.Session) -> None:
    """The wheel alone, in another folder: run a two-cell suite, run it again, make its tables."""
    install(session, *PYPROJECT["build-system"]["requires"], groups=("dev",))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The wheel is built from the sdist, so both must be whole.
        session.run("python", "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"))
        (wheel,) = (folder / "dist").glob("*.whl")
        packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(DATA)}
        found = [path for path in ROOT.glob("diffbench/**/*") if path.name.endswith(DATA)]
        source = {path.relative_to(ROOT).as_posix() for path in found}
        if packed != source:
            session.error(f"the wheel holds the data {sorted(packed)}; expected {sorted(source)}.")
        install(session, str(wheel))
        session.chdir(folder)
        out = folder / "out"
        command = ("python", "-m", "diffbench", "run", str(ROOT / "tests" / "smoke.toml"), "--out", str(out))
        session.run(*command)
        table = out / "tables" / "measurements.csv"
        before, text = _records(out), table.read_text()
        scores = {row["score"] for row in csv.DictReader(text.splitlines()) if row["status"] == "ok"}
        if not before or not {"learned", "exact"} <= scores:
            session.error(f"expected records, and rows of learned and exact scores; got {sorted(scores)}.")
        session.run(*command)
        if _records(out) != before:
            session.error("the second run of the same suite wrote or changed records; expected none.")
        shutil.rmtree(table.parent)
        session.run("python", "-m", "diffbench", "tables", str(out))
        if table.read_text() != text:
            session.error("the tables made again differ from those of the run; expected the same bytes.")


def _records(out: Path) -> dict[Path, int]:
    """Returns the time of writing of each record; tables and figures may be made again at will."""
    kinds = ("fits", "draws", "measurements", "references", "floors")
    return {path: path.stat().st_mtime_ns for kind in kinds for path in (out / kind).rglob("*")}


@nox.session(python=PYTHONS, reuse_venv=True)
def tests(session: nox.Session) -> None:
    """The fast tests; in CI the slow ones too, on the running interpreter."""
    install(session, "-e", ".", groups=("test", "judges", "browser"))
    chosen = ["-m", "not slow"]
    if os.environ.get("CI"):
        # The whole once; elsewhere what an interpreter or another ArviZ and JAX could break.
        chosen = [] if session.python == RUNNING else [*chosen, *ELSEWHERE]
    # One process a core, each file in one process, for its fixtures, in the order of tests/conftest.py.
    spread = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")
    # pytest heeds the last -m, so that posargs may choose others.
    session.run("pytest", *spread, *chosen, *session.posargs)


@nox.session(python=False)
def slow(session: nox.Session) -> None:
    """The slow tests, in the environment of the fast ones."""
    session.notify(f"tests-{RUNNING}", posargs=["-m", "slow", *session.posargs])


@nox.session(reuse_venv=True)
def torch(session: nox.Session) -> None:
    """Scores in PyTorch, which is no dependency: an environment of its own with the processor's build."""
    install(session, "-e", ".", groups=("test",))
    # Not in constraints.txt, for nothing of the package needs it.
    session.install("torch==2.13.0")
    session.run("pytest", "tests/pytorch", *session.posargs)


@nox.session(reuse_venv=True)
def public_samplers(session: nox.Session) -> None:
    """Schedulers of diffusers on exact scores, ours beside them; rewrites docs/public_samplers.md."""
    install(session, "-e", ".")
    # Neither is in constraints.txt, for nothing of the package needs them; torch in the processor's build.
    session.install("diffusers==0.42.*", "torch==2.13.0")
    session.run("python", "benchmarks/public_samplers.py", *session.posargs)


@nox.session(reuse_venv=True)
def docs(session: nox.Session) -> None:
    """Builds the site from docs/, and runs its tutorials; a warning is an error."""
    install(session, "-e", ".", groups=("docs",))
    folder = Path(session.create_tmp()) / "html"
    # Every page anew, and all warnings before it fails. No jobs: JAX's threads do not survive a fork.
    strict = ("--fresh-env", "--nitpicky", "--fail-on-warning", "--keep-going")
    session.run("sphinx-build", *strict, *session.posargs, "docs", str(folder), env=QUIET)
    session.log(f"the site is {folder / 'index.html'}")


@nox.session(reuse_venv=True)
def bench(session: nox.Session) -> None:
    """Measures speed: the scripts of benchmarks/, or the one that is named first."""
    install(session, "-e", ".", groups=("judges",))
    names, arguments = session.posargs[:1], session.posargs[1:]
    for path in sorted((ROOT / "benchmarks").glob(f"{names[0] if names else '*'}.py")):
        # Those without are imported by the others; public_samplers has a session of its own.
        if "__main__" in path.read_text() and path.stem != "public_samplers":
            session.run("python", str(path), *arguments)


@nox.session(reuse_venv=True)
def validity(session: nox.Session) -> None:
    """Runs the planted bugs at the size of the published table, writes the page, and tests both."""
    install(session, "-e", ".", groups=("test", "judges"))
    for page in ("calibration", "power", "split", "planted", "images"):
        posargs = session.posargs if page == "planted" else ()
        session.run("python", "results/validity.py", page, "--write", *posargs)
    session.run("pytest", "tests/validity")


@nox.session(python=PYTHONS)
def pins(session: nox.Session) -> None:
    """Resolves all that pyproject.toml names; rewrites this interpreter's share of constraints.txt."""
    wanted = [
        *PYPROJECT["project"]["dependencies"],
        *PYPROJECT["build-system"]["requires"],
        *nox.project.dependency_groups(PYPROJECT, *PYPROJECT["dependency-groups"]),
    ]
    answer = Path(session.create_tmp()) / "resolved.json"
    # The flags resolve as if the environment were empty, and install nothing.
    flags = ("--dry-run", "--ignore-installed", "--quiet", "--report", str(answer))
    session.run("python", "-m", "pip", "install", *flags, *wanted)
    found = [item["metadata"] for item in json.loads(answer.read_text())["install"]]
    pinned = {version: _pinned(version) for version in SUPPORTED}
    pinned[str(session.python)] = {canonicalize_name(item["name"]): item["version"] for item in found}
    CONSTRAINTS.write_text("".join(f"{line}\n" for line in _merged(pinned)))


def _pinned(python: str) -> dict[str, str]:
    """Returns the versions that constraints.txt gives to one interpreter."""
    lines = CONSTRAINTS.read_text().splitlines() if CONSTRAINTS.exists() else []
    pins = [Requirement(line) for line in lines]
    return {
        pin.name: next(iter(pin.specifier)).version
        for pin in pins
        if pin.marker is None or pin.marker.evaluate({"python_version": python})
    }


def _merged(pinned: dict[str, dict[str, str]]) -> list[str]:
    """Returns one line where all interpreters agree, else a line with a marker for each version."""
    lines = []
    # Distrax brings tfp-nightly, of which an index may hold a single version: a pin would soon name none.
    for name in sorted({name for versions in pinned.values() for name in versions} - {"tfp-nightly"}):
        pythons = defaultdict(list)
        for python, versions in pinned.items():
            if name in versions:
                pythons[versions[name]].append(f'python_version == "{python}"')
        for version, markers in pythons.items():
            everywhere = len(markers) == len(pinned)
            lines.append(f"{name}=={version}" + ("" if everywhere else "; " + " or ".join(markers)))
    return lines
