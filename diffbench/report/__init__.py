"""The report: one HTML file that a group opens together, made from stored records alone.

`write` makes the page of a run into its folder, `save` that of one or several runs, wherever it is asked for,
`page.made` its bytes. Nothing is trained, drawn or measured, and no JAX is imported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diffbench.records import files
from diffbench.records.store import Store, StoreError
from diffbench.tables.long import Tables

if TYPE_CHECKING:
    from diffbench.report.gathered import Gathered

FILE = "report.html"
LARGEST = 64_000_000
"""Bytes of a page that is looked at before it is made again."""


def write(store: Store, made: Tables) -> Path:
    """Writes the page of a run into its folder, unless the one that is there says the same.

    Args:
      store: The results folder.
      made: Its tables.

    Raises:
      StoreError: If it holds no run, or the page cannot be written.
    """
    from diffbench.report import page
    from diffbench.report.gathered import gather

    found, path = [gather(store, made)], store.root / FILE
    if _ours(path) != page.fingerprint(found):
        store.replace(path, page.made(found))
    return path


def save(found: Sequence[Gathered], path: Path | None = None, figures: bool = True) -> Path:
    """Writes the page of one or several runs and returns where it is.

    Args:
      found: The runs; the first is the measure of the others.
      path: The file, which is written over; `report.html` by default, in the folder of one run, else here.
      figures: Whether to draw into their folders the figures that are not there yet.

    Raises:
      StoreError: If the page cannot be written, or what is in its place is no report.
      ValueError: If it can be no file there.
    """
    from diffbench.report import drawing, page

    home = found[0].root if len(found) == 1 else Path()
    to = home / FILE if path is None else path
    # Before any work: pictures take minutes.
    if not to.parent.is_dir() or (to.exists() and not to.is_file()):
        raise ValueError(f"the page must be a file in a folder that is there; got {to}")
    if path is None:
        _ours(to)
    for each in found if figures else ():
        with contextlib.suppress(StoreError):  # a folder that cannot be written keeps what it has
            drawing.draw(Store(each.root), each.tables)
    # Records are linked to from a page that lies beside them alone.
    beside = len(found) == 1 and to.resolve().parent == home.resolve()
    try:
        files.replace(to, page.made(found, "" if beside else None))
    except OSError as error:
        raise StoreError(f"cannot write {to}: {error.strerror or error}") from error
    return to


def _ours(path: Path) -> str:
    """Returns what the page that is there was made from, empty where none is.

    Raises:
      StoreError: If it is no page of this program's: it is somebody's, and stays.
    """
    from diffbench.report import page

    try:
        there = files.read(path, LARGEST)
    except files.Unfit:
        there = b"what is no page"
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from error
    mark = page.read_mark(there) if there else ""
    if there and not mark:
        raise StoreError(f"{path} is there and no report of diffbench; move it, or name another file")
    return mark
