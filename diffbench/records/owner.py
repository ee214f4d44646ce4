"""Whose an unfinished file is: the machine, the process and its start, in the file's own name.

A process that was killed takes nothing away. A later one may, once it knows that the first is
gone: on one machine, by its number and its start (numbers are given out again); of another
machine it cannot know, so only age tells.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import secrets
import time
from pathlib import Path

PART = ".part"
# A write takes seconds; what has been under way for longer has lost its writer.
PART_SECONDS = 3600.0
_MINE = re.compile(r"\.(?:([0-9a-f]{8})-(\d{1,10})-(\d{1,20})-)?[0-9a-f]{16}\.part")


def part() -> str:
    """Returns a name for a file of this process that is being written."""
    return f".{_me(os.getpid())}-{secrets.token_hex(8)}{PART}"


def clear(folder: Path) -> None:
    """Removes the unfinished files in a folder whose process is gone.

    Only files with names of this module's making are looked at; where the process cannot be asked for,
    they go when they are too old to be in use.
    """
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        match = _MINE.fullmatch(name)
        if match is None:
            continue
        try:
            if _is_left(folder / name, match):
                (folder / name).unlink()
        except FileNotFoundError:
            continue  # its writer is done


def _is_left(path: Path, match: re.Match[str]) -> bool:
    machine, pid, start = match.groups()
    if machine == _machine():
        return _is_gone(int(pid), int(start))
    return time.time() - path.stat().st_mtime > PART_SECONDS


def _is_gone(pid: int, start: int) -> bool:
    """Returns whether a process has ended, be it that another has its number now."""
    import psutil

    now = _start(pid)
    # One that is another user's may be hidden: it is there all the same.
    return now != start if now is not None else not psutil.pid_exists(pid)


@functools.lru_cache(maxsize=1)
def _me(pid: int) -> str:
    """Returns the mark of this process; by its number, for a fork is another process."""
    return f"{_machine()}-{pid}-{_start(pid) or 0}"


@functools.lru_cache(maxsize=1)
def _machine() -> str:
    """Returns what tells machines, their boots and their containers apart, 8 digits."""
    told = [platform.node()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            told.append(os.readlink(path) if path.endswith("pid") else Path(path).read_text())
        except OSError:
            continue  # no Linux: the name has to do
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]


def _start(pid: int) -> int | None:
    """Returns when a process started, or None where that cannot be seen; 0 for one that waits to be buried.

    In the kernel's own ticks where there are any, for seconds since 1970 move when the clock is set.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return 0 if fields[0] in "ZX" else int(fields[19])
    except OSError:
        pass
    import psutil

    try:
        return round(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
