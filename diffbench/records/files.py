"""Files written whole or not at all, inside one folder and nowhere else.

A file is written under another name in the same folder, flushed to the disk, and given
its name by a hard link, which never overwrites: of several writers one wins, and none is
ever half there. A kill at any point leaves at most a `.part` file that nothing reads.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from pathlib import Path

PART = ".part"
# A write takes seconds; what has been under way for longer has lost its writer.
ABANDONED_SECONDS = 3600.0
_SAFE = re.compile(r"[A-Za-z0-9_=+-][A-Za-z0-9_.=+-]*")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(10))}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def is_plain(name: str) -> bool:
    """Returns whether a name stays in its folder on every system.

    Letters, digits and `_.=+-`, no leading or trailing dot, no name of a device, at most
    200 characters: neither a path, nor `..`, nor NUL.
    """
    short = len(name) <= 200 and not name.endswith(".")
    return short and _SAFE.fullmatch(name) is not None and name.split(".")[0].lower() not in _DEVICES


def inside(root: Path, path: Path) -> Path:
    """Returns a path below a folder, once it is sure that writing to it stays there.

    Raises:
      ValueError: If a part of it is no plain name, or a symbolic link leads out.
    """
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        parts = ()
    if not parts or not all(is_plain(part) for part in parts):
        raise ValueError(f"expected a plain file name inside {root}; got {str(path)!r}")
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{path.parent} leads out of {root} by a symbolic link")
    return path


def create(path: Path, content: bytes) -> bool:
    """Writes a file unless one of its name is there; returns whether this call made it."""
    temporary = _written(path, content)
    try:
        made = give_name(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    return made


def replace(path: Path, content: bytes) -> None:
    """Writes a file in the place of what is there: for what can be made again at will."""
    temporary = _written(path, content)
    try:
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def _written(path: Path, content: bytes) -> Path:
    """Writes a file under a name of its own beside `path`, down to the disk."""
    temporary = path.with_name(f".{secrets.token_hex(8)}{PART}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def give_name(temporary: Path, path: Path) -> bool:
    """Gives a file a second name unless that is taken; returns whether it was free."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A disk without hard links. The look before the renaming leaves a moment for another
        # writer, who writes the same record.
        if path.exists():
            return False
        os.rename(temporary, path)
    return True


def sync(folder: Path) -> None:
    """Brings the names in a folder to the disk."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # some systems do not open folders
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def read(path: Path) -> bytes | None:
    """Returns what is in a file, or None where there is none; a symbolic link is no file.

    Raises:
      OSError: If it is there and cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return b""
        raise
    with os.fdopen(handle, "rb") as file:
        # A pipe would never end.
        return file.read() if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""


def clear(folder: Path) -> None:
    """Removes what killed writers left in a folder, once it is too old to be in use."""
    for path in folder.glob(f".*{PART}"):
        try:
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue  # its writer is done
