"""Whether the program that starts workers can be imported by them.

A spawned process imports the main module of its parent first. A program that starts its work
outside `if __name__ == "__main__":` would start it again in each worker, and one that is read from
standard input cannot be imported at all: either way no worker ever becomes ready.
"""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from types import FrameType, ModuleType

REMEDY = 'call it below `if __name__ == "__main__":` in a file, or use no workers (workers=0)'


def check(main: ModuleType | None = None) -> None:
    """Checks the program that runs now.

    Args:
      main: Its main module; that of this process by default.

    Raises:
      RuntimeError: If a worker that imports it would fail, or start it again.
    """
    main = sys.modules["__main__"] if main is None else main
    name, file = getattr(getattr(main, "__spec__", None), "name", None), getattr(main, "__file__", None)
    # Neither a package's `__main__` nor what has no file is imported again.
    if file is None or str(name).endswith("__main__"):
        return
    if not Path(file).is_file():
        if str(file).startswith("<"):
            raise RuntimeError(
                f"workers import the program that starts them, and {file} is no file: {REMEDY}"
            )
        return
    line = _running_line(main)
    if line is not None and not _guarded(Path(file), line):
        raise RuntimeError(
            f"workers import the program that starts them, and line {line} of {file} would run again in "
            f"each: {REMEDY}"
        )


def _running_line(main: ModuleType) -> int | None:
    """Returns the line of the main module's own code that runs now, or None where none does."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if frame.f_globals is vars(main) and frame.f_code.co_name == "<module>":
            return int(frame.f_lineno)
        frame = frame.f_back
    return None


def _guarded(file: Path, line: int) -> bool:
    """Returns whether a line of a program stands below a main guard, or no Python can be read there."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True
    guards = (
        node
        for node in tree.body
        if isinstance(node, ast.If)
        and any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test))
    )
    return any(node.lineno <= line <= (node.end_lineno or node.lineno) for node in guards)
