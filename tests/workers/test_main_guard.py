"""A program whose workers would run it again is refused before it starts any."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALL = "main_guard.check()\nprint('fine')\n"
IMPORT = "from diffbench.workers import main_guard\n"


def told(*words, program=None, cwd):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *words], input=program, env={**os.environ, "PYTHONPATH": path},
        cwd=cwd, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def indented(text):
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_a_program_on_standard_input_is_refused(tmp_path):
    said = told(program=IMPORT + CALL, cwd=tmp_path)
    assert said.startswith(
        "RuntimeError: workers import the program that starts them, and <stdin> is no file"
    )
    assert said.endswith("or use no workers (workers=0)")


@pytest.mark.parametrize("module", [False, True])
def test_a_program_without_a_main_guard_is_refused_by_its_line(module, tmp_path):
    (tmp_path / "bare.py").write_text(IMPORT + "if True:\n" + indented(CALL))
    said = told(*(["-m", "bare"] if module else ["bare.py"]), cwd=tmp_path)
    assert "and line 3 of " in said
    assert "bare.py would run again in each" in said


@pytest.mark.parametrize(
    "program",
    [
        IMPORT + "def main():\n" + indented(CALL) + "if __name__ == '__main__':\n    main()\n",
        IMPORT + "if '__main__' == __name__ and True:\n" + indented(CALL),
    ],
)
def test_a_program_with_a_main_guard_is_fine(program, tmp_path):
    (tmp_path / "guarded.py").write_text(program)
    assert told("guarded.py", cwd=tmp_path) == "fine"
    assert told("-m", "guarded", cwd=tmp_path) == "fine"


def test_a_command_and_a_package_are_fine(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(IMPORT + CALL)
    assert told("-c", IMPORT + CALL, cwd=tmp_path) == "fine"
    assert told("-m", "package", cwd=tmp_path) == "fine"
