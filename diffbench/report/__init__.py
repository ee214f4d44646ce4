"""The report: one HTML file that a group opens together, made from stored records alone.

`write` makes the page of a run into its folder, `page.made` that of one or several runs. Nothing is trained,
drawn or measured, and no JAX is imported.
"""

from __future__ import annotations

from pathlib import Path

from diffbench.records.seal import Broken
from diffbench.records.store import Store, StoreError
from diffbench.tables.long import Tables

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
    if _mark(store, path) != page.fingerprint(found):
        store.replace(path, page.made(found))
    return path


def _mark(store: Store, path: Path) -> str:
    from diffbench.report import page

    try:
        return page.read_mark(store.read_bytes(path, LARGEST) or b"")
    except (Broken, StoreError):
        return ""
