"""Broken files, moved out of the way and kept, each with the reason beside it.

Several processes may see the same broken file, and one may have moved it and made it again
before another moves. So a file is judged once more after it moved: a whole one goes back.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from diffbench.records import files
from diffbench.signs import plain

FOLDER = "quarantine"
_log = logging.getLogger("diffbench")


def put_away(root: Path, path: Path, reason: str, is_whole: Callable[[Path], bool]) -> None:
    """Moves a broken file below a results folder to its `quarantine/`, and says so.

    Where it cannot be moved, as from a read-only disk or from behind a symbolic link, it stays; nobody
    uses it all the same.

    Args:
      root: The results folder.
      path: The file.
      reason: How it shows that it is broken.
      is_whole: Whether a file that was moved is no broken one after all.
    """
    name = path.relative_to(root).as_posix()
    told = f"{name}: {reason}"
    target = root / FOLDER / f"{name.replace('/', '-')}-{secrets.token_hex(4)}"
    try:
        files.inside(root, path)
        target.parent.mkdir(exist_ok=True)
        if not take(path, files.inside(root, target), is_whole):
            return
        note = {"file": name, "reason": reason}
        files.replace(target.with_name(f"{target.name}.reason.json"), json.dumps(note).encode() + b"\n")
    except FileNotFoundError:
        return  # another process was first, or the file was never there
    except (OSError, ValueError) as error:
        told = f"{told} (left where it is: {error})"
    # What a file of others holds may be in the reason.
    _log.warning("broken, and not used: %s", plain(told))


def take(path: Path, target: Path, stays: Callable[[Path], bool]) -> bool:
    """Moves a file unless it, seen after it moved, is to stay; returns whether it went.

    Raises:
      OSError: If it is not there, or cannot be moved.
    """
    os.rename(path, target)
    if not stays(target):
        return True
    files.give_name(target, path)
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    return False
