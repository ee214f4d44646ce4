"""The command line end to end: in processes of its own, as a user has it, and where that adds nothing, in this one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import diffbench as diffbench_package
from diffbench.suites.suite import SuiteError

ROOT = Path(__file__).resolve().parent.parent


def diffbench(*args, cwd, **env):
    return subprocess.run(
        [sys.executable, "-m", "diffbench", *map(str, args)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def suite_file(tmp_path_factory):
    from tiny_suite import TINY, as_toml

    path = tmp_path_factory.mktemp("suite") / "tiny.toml"
    path.write_text(as_toml(TINY))
    return path


@pytest.fixture(scope="module")
def local(suite_file):
    """A run on two workers, with figures."""
    out = suite_file.parent / "local"
    result = diffbench("run", suite_file, "--out", out, "--workers", 2, cwd=suite_file.parent)
    assert result.returncode == 0, result.stderr
    return out, result


@pytest.mark.slow
def test_a_run_ends_with_tables_figures_and_where_they_are(local):
    out, result = local
    assert "nine_gaussians" in result.stdout
    assert max(map(len, result.stdout.splitlines()[:12])) <= 100
    for row in ("truth", "exact", "learned"):
        assert row in result.stdout
    assert f"tables: {out}/tables/" in result.stdout
    assert f"figures: {out}/figures/" in result.stdout
    assert (out / "figures" / "loss.png").read_bytes()[:4] == b"\x89PNG"
    assert result.stdout.splitlines()[-1] == f"report: {out}/report.html"
    page = (out / "report.html").read_bytes()
    assert b"data:image/webp;base64," in page
    assert len(page) < 4_000_000
    # Told once where there is no terminal: what there is to do, and each stage as it ends.
    assert result.stderr.splitlines()[0].startswith("to do: ")
    assert all(
        re.fullmatch(r"(to do: .*|[a-z ]+: \d+ (of \d+ )?done.*)", line)
        for line in result.stderr.splitlines()
    )


@pytest.mark.slow
def test_a_second_run_does_nothing_and_says_so(local, suite_file, command):
    out, _ = local
    before = (out / "tables" / "measurements.csv").read_bytes()
    result = command("run", suite_file, "--out", out, cwd=suite_file.parent)
    assert result.returncode == 0
    assert "nothing to do" in result.stdout
    assert (out / "tables" / "measurements.csv").read_bytes() == before


@pytest.mark.slow
def test_tables_are_rebuilt_byte_for_byte(local):
    out, _ = local
    before = {path.name: path.read_bytes() for path in (out / "tables").iterdir()}
    for path in (out / "tables").iterdir():
        path.unlink()
    result = diffbench("tables", out, cwd=out)
    assert result.returncode == 0
    assert {path.name: path.read_bytes() for path in (out / "tables").iterdir()} == before


@pytest.mark.slow
def test_verify_finds_nothing_wrong_and_writes_nothing(local, command):
    out, _ = local
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    result = command("verify", out, cwd=out)
    assert result.returncode == 0, result.stderr
    assert "nothing is wrong" in result.stdout
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.slow
def test_no_workers_gives_the_same_measurements(local, suite_file, command):
    out = suite_file.parent / "here"
    result = command("run", suite_file, "--out", out, "--workers", 0, "--no-figures", cwd=suite_file.parent)
    assert result.returncode == 0, result.stderr
    there = (local[0] / "tables" / "measurements.csv").read_bytes()
    assert (out / "tables" / "measurements.csv").read_bytes() == there


@pytest.mark.slow
def test_no_variable_changes_the_measurements(local, suite_file):
    out = suite_file.parent / "told"
    told = {
        "JAX_ENABLE_X64": "1",
        "JAX_DEFAULT_PRNG_IMPL": "rbg",
        "JAX_THREEFRY_PARTITIONABLE": "0",
        "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
    }
    result = diffbench("run", suite_file, "--out", out, "--no-figures", cwd=suite_file.parent, **told)
    assert result.returncode == 0, result.stderr
    said = [line for line in result.stderr.splitlines() if line.startswith("left out: ")]
    assert said == [f"left out: {k}={v}, which changes bits" for k, v in told.items()]
    there = (local[0] / "tables" / "measurements.csv").read_bytes()
    assert (out / "tables" / "measurements.csv").read_bytes() == there


def test_a_dry_run_writes_nothing(suite_file, command):
    out = suite_file.parent / "dry"
    result = command("run", suite_file, "--out", out, "--dry-run", cwd=suite_file.parent)
    assert result.returncode == 0
    assert "fitting: 1" in result.stdout
    assert not out.exists()


@pytest.mark.slow
def test_failed_cells_are_rows_and_exit_code_1(tmp_path, command):
    from tiny_suite import TINY, as_toml

    training = {"steps": 20, "batch": 16, "learning_rate": 1e30, "clip": 1e30, "warm_up": 0}
    (tmp_path / "s.toml").write_text(as_toml({**TINY, "training": training}))
    result = command("run", "s.toml", "--workers", 0, "--no-figures", cwd=tmp_path)
    assert result.returncode == 1
    assert "not ok: nine_gaussians / learned / ddpm / ancestral(steps=5), seed 0: diverged" in result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("not ok: ")]
    assert "the loss is not finite at step" in line


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["run", "qick"], "no suite 'qick': shipped are"),
        (["run", "--families", "dpm"], "unknown family 'dpm'; known: ddpm"),
        (["run", "--datasets", "nope"], "unknown dataset 'nope'"),
        (["run", "--seeds", "0"], "--seeds must be at least 1; got 0"),
        (["run", "--replicas", "0"], "replicas: input should be greater than or equal to 1; got 0"),
        (["run", "--workers", "-1"], "--workers must be 0 or more; got -1"),
        (["run", "--workers", "0", "--cell-timeout", "5"], "with --workers 0 there is none"),
        (
            ["run", "--scheduler-file", "none.json"],
            "--scheduler-file none.json: cannot be read: No such file",
        ),
        (["run", "--plugin", "none.py"], "no plug-in file 'none.py'"),
        (["run", "--out", "file/x"], "cannot write to the results folder"),
        (["run", "--sedes", "3"], "--sedes"),
        (["tables", "nowhere"], "no run in nowhere"),
        (["verify", "nowhere"], "no run in nowhere"),
        (["verify", "nowhere", "--tolerance", "0"], "tolerance must be positive"),
        (["tabels"], "tabels"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(args, text, tmp_path, command):
    (tmp_path / "file").write_text("")
    result = command(*args, cwd=tmp_path)
    assert result.returncode == 2
    assert text in result.stderr
    assert re.fullmatch(r"diffbench: [^\n]+\n", result.stderr)


@pytest.mark.slow
def test_a_wrong_request_prints_nothing_else_in_a_process_of_its_own(tmp_path):
    result = diffbench("run", "qick", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_python_without_what_it_needs_is_one_line(monkeypatch, capsys):
    from diffbench.__main__ import main

    monkeypatch.delitem(sys.modules, "diffbench.cli", raising=False)
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" has no typer; use the Python of its environment, such as .venv/bin/python")


@pytest.mark.slow
def test_a_folder_that_is_gone_is_said(tmp_path):
    (tmp_path / "gone").mkdir()
    code = "import os, runpy; os.rmdir(os.getcwd()); runpy.run_module('diffbench', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "quick", "--dry-run"], cwd=tmp_path / "gone",
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "diffbench: the folder that this was started in is gone; change to one that is there\n"
    )


def test_an_error_of_encoding_is_no_wrong_request(tmp_path, command, monkeypatch):
    from diffbench import application

    monkeypatch.setattr(application, "list_parts", lambda *a: "\udcff".encode())
    with pytest.raises(UnicodeEncodeError):
        command("list", cwd=tmp_path)


def test_control_characters_of_a_request_are_text(tmp_path, command):
    assert command("run", "\x1b[2J", cwd=tmp_path).stderr.startswith(r"diffbench: no suite '\x1b[2J'")
    assert command("run", "--plugin", "\x9b2J", cwd=tmp_path).stderr.startswith("diffbench: no plug-in file")


def test_the_version_is_said(tmp_path, command):
    result = command("--version", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, f"diffbench {diffbench_package.__version__}\n")


def test_alone_it_says_what_help_says(tmp_path, command):
    alone, helped = command(cwd=tmp_path), command("--help", cwd=tmp_path)
    assert (alone.returncode, alone.stdout) == (helped.returncode, helped.stdout) == (0, helped.stdout)
    assert "Commands:" in alone.stdout


def test_debug_lets_the_exception_through(tmp_path, command):
    with pytest.raises(SuiteError, match="no suite 'qick'"):
        command("run", "qick", "--debug", cwd=tmp_path)


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from diffbench.cli import main\n"
        "sys.argv = ['diffbench', 'run', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'jax', 'numpy', 'pandas', 'matplotlib', 'distributed', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--plugin" in result.stdout


@pytest.mark.slow
def test_list_names_every_part_with_its_parameters(tmp_path, command):
    result = command("list", cwd=tmp_path)
    assert result.returncode == 0
    for text in (
        "ddpm",
        "weighting = 'simple'",
        "ancestral",
        "steps = None",
        "truths: density and score, modes",
        "quick",
    ):
        assert text in result.stdout
