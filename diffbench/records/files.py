"""Files written whole or not at all, inside one folder and nowhere else.

A file is written under another name in the same folder, flushed to the disk, and given
its name by a hard link, which never overwrites: of several writers one wins, and none is
ever half there. A kill at any point leaves at most a `.part` file that nothing reads.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from pathlib import Path

from diffbench.records import owner

# What is larger was not written here: a record has kilobytes, a run of 100,000 cells some 200 MB, and
# a million samples of 3,072 dimensions 12 GB.
RECORD_BYTES, RUN_BYTES, ARRAYS_BYTES = 1 << 26, 1 << 30, 1 << 35
_CHUNK = 1 << 20
# A pipe without a writer would not open, and would then never end.
_OPEN = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_SAFE = re.compile(r"[A-Za-z0-9_=+-][A-Za-z0-9_.=+-]*")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(10))}
# How file systems say that they have no such thing as bringing a file, or a folder, to the disk.
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class Unfit(ValueError):
    """What lies under a name cannot be a file of this package; the message says why."""


def is_plain(name: str) -> bool:
    """Returns whether a name stays in its folder on every system.

    Letters, digits and `_.=+-`, no leading or trailing dot, no name of a device, at most
    200 characters: neither a path, nor `..`, nor NUL.
    """
    short = len(name) <= 200 and not name.endswith(".")
    return short and _SAFE.fullmatch(name) is not None and name.split(".")[0].lower() not in _DEVICES


def inside(root: Path, path: Path) -> Path:
    """Returns a path below a folder, once it is sure that it lies where it says.

    Whatever is written, moved or deleted goes through here: behind a symbolic link are files of others.

    Raises:
      ValueError: If a part of it is no plain name, or the way to it has a symbolic link.
    """
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        parts = ()
    if not parts or not all(is_plain(part) for part in parts):
        raise ValueError(f"expected a plain file name inside {root}; got {str(path)!r}")
    if path.parent.resolve() != root.resolve().joinpath(*parts[:-1]):
        raise ValueError(f"{path.parent} leads out of its place in {root} by a symbolic link")
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
    temporary = path.with_name(owner.part())
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            _flush(file.fileno())
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
        _flush(handle)
    finally:
        os.close(handle)


def _flush(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def read(path: Path | str, most: int = RECORD_BYTES) -> bytes | None:
    """Returns what is in a file, or None where there is none.

    Raises:
      Unfit: If it is no regular file (a symbolic link is none), or has more than `most` bytes.
      OSError: If it is there and cannot be read.
    """
    found = _opened(path, most)
    if found is None:
        return None
    handle, size = found
    try:
        # Not one byte more than there were: a file that grows for ever has an end here.
        data = os.read(handle, size)
        while len(data) < size and (more := os.read(handle, size - len(data))):
            data += more
        return data
    finally:
        os.close(handle)


def digest_of(path: Path, most: int = ARRAYS_BYTES) -> str | None:
    """Returns the SHA-256 of a file without holding it in memory; otherwise as `read`."""
    opened = _opened(path, most)
    if opened is None:
        return None
    with os.fdopen(opened[0], "rb") as file:
        found = hashlib.sha256()
        while data := file.read(_CHUNK):
            found.update(data)
        return found.hexdigest()


def _opened(path: Path | str, most: int) -> tuple[int, int] | None:
    """Returns the handle of a regular file, to be closed, and its size."""
    try:
        handle = os.open(path, _OPEN)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a symbolic link; a socket
            raise Unfit("it is not a regular file") from error
        raise
    about = os.fstat(handle)
    if stat.S_ISREG(about.st_mode) and about.st_size <= most:
        return handle, about.st_size
    os.close(handle)
    if not stat.S_ISREG(about.st_mode):
        raise Unfit("it is not a regular file")
    raise Unfit(f"it has {about.st_size} bytes, and {most} are the most that is read")
