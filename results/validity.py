"""Writes a table of docs/validity.md: calibration, power, split, planted or images; `--write` measures first.

    python results/validity.py calibration --write

What is measured stands in `tests/validity`, where the tests find it too.
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WRITERS = ("calibration", "power", "split", "planted", "images")


def main(arguments: list[str]) -> None:
    """Runs the writer that the first argument names, with the others."""
    if not arguments or arguments[0] not in WRITERS:
        got = f"got {arguments[0]}" if arguments else "got none"
        raise SystemExit(f"validity.py takes the table to write, one of {', '.join(WRITERS)}; {got}")
    rooms = sorted(path for path in (ROOT / "tests" / "validity").iterdir() if path.is_dir())
    sys.path[:0] = [str(ROOT), *map(str, rooms)]
    importlib.import_module(f"{arguments[0]}_table").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
