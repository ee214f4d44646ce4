"""Which files in `figures/` are ours, and what they were made from.

`made_from.txt` holds the digest of the rows on its first line, then the digest and name of each file
that was drawn. Only such a file, as it was drawn, is ever removed: others may lie beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from diffbench.records import files
from diffbench.records.seal import Broken
from diffbench.records.store import Store, StoreError

FOLDER, MARK = "figures", "made_from.txt"
STYLES = SCREEN, PAPER = "screen", "paper"
"""How figures may look: letters without serifs, or with them."""
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


class Drawn(NamedTuple):
    """What was drawn.

    Attributes:
      rows: Digest of the rows, empty where it is not known.
      files: Digest of each file, by name.
    """

    rows: str
    files: Mapping[str, str]


def read(store: Store) -> Drawn:
    """Returns what was drawn into a folder; nothing where its list is missing or is no such list."""
    try:
        text = (store.read_bytes(store.root / FOLDER / MARK) or b"").decode("ascii")
    except (Broken, StoreError, UnicodeDecodeError):
        return Drawn("", {})
    rows, *lines = text.splitlines() or [""]
    found = (_LINE.fullmatch(line) for line in lines)
    return Drawn(rows.strip(), {match[2]: match[1] for match in found if match and files.is_plain(match[2])})


def note(store: Store, rows: str, names: Iterable[str]) -> None:
    """Keeps which files were drawn, and takes away those of earlier rows that were not drawn again.

    Args:
      store: The results folder.
      rows: Digest of the rows.
      names: Names of the files.

    Raises:
      StoreError: If it cannot be written.
    """
    folder = store.root / FOLDER
    made = {name: files.digest_of(folder / name) for name in sorted(names)}
    for name, digest in read(store).files.items():
        if name not in made and is_as_drawn(store, name, digest):
            files.inside(store.root, folder / name).unlink(missing_ok=True)
    lines = [rows, *(f"{digest}  {name}" for name, digest in made.items())]
    store.replace(folder / MARK, "".join(f"{line}\n" for line in lines).encode())


def is_as_drawn(store: Store, name: str, digest: str) -> bool:
    """Returns whether a file is there and what was drawn."""
    try:
        return files.digest_of(store.root / FOLDER / name, files.RECORD_BYTES) == digest
    except (OSError, files.Unfit):
        return False
