"""What was asked of a results folder: its runs, in order, and the cells they come to.

Each run is a sealed file `runs/<number>-<hash>.json` with its suite, columns and cells, and with
the specifications that say what its cells are. Runs at the same time write files of their own, so no
run's cells are lost; where two take one number the hash tells which counts as the later. `run.json` is
what all of them come to (see `together`), for people and other programs: no part of the package reads
it where there are runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from diffbench.records.places import AXES
from diffbench.records.seal import finite_or_none
from diffbench.records.store import Store, StoreError
from diffbench.records.together import together
from diffbench.spec import identify

FOLDER = "runs"
VIEW = "run.json"
# What tables ask of every cell.
NAMES = {*AXES, "seed", "place", "fit_id", "draw_id", "measures"}
NAME = re.compile(r"(\d{6,})-([0-9a-f]{16})\.json")


def note(store: Store, content: Mapping[str, Any]) -> None:
    """Keeps a run: the newest word on its settings, and its cells beside those of earlier runs.

    Args:
      store: The results folder.
      content: {"suite", "settings", "columns", "cells", ...}, JSON.

    Raises:
      StoreError: If it cannot be written.
    """
    content = finite_or_none(content)
    name = identify(content)
    if not _listed(store) and (old := store.read_json(VIEW)) is not None:
        # A folder from before there were runs: what it was asked is its first.
        store.add(_file(0, identify(old)), old)
    while True:
        before = _listed(store)
        if before and before[-1][1] == name and store.read_json(_file(*before[-1])) is not None:
            break
        number = before[-1][0] + 1 if before else 1
        if store.add(_file(number, name), content):
            for old_number, same in before:
                if same == name:
                    # What it says stands under the new number.
                    (store.root / _file(old_number, same)).unlink(missing_ok=True)
            break
    # A view that another run wrote over before it saw this one is written again by that run.
    while True:
        seen = _listed(store)
        view = read(store)
        if view is not None:
            store.write_json(VIEW, view)
        if _listed(store) == seen:
            return


def _file(number: int, name: str) -> str:
    return f"{FOLDER}/{number:06d}-{name}.json"


def _listed(store: Store) -> list[tuple[int, str]]:
    """Returns the runs of a folder, oldest first."""
    try:
        names = [path.name for path in (store.root / FOLDER).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = (NAME.fullmatch(name) for name in names)
    return sorted((int(match[1]), match[2]) for match in found if match)


def read(store: Store) -> dict[str, Any] | None:
    """Returns what the runs of a folder come to, in the form of `run.json`, or None; see `together`."""
    while True:
        seen = _listed(store)
        entries = [store.read_json(_file(*one)) for one in reversed(seen)]
        if None not in entries or _listed(store) == seen:
            break
    known = [entry for entry in entries if entry is not None]
    if not known:
        view = store.read_json(VIEW)
        known = [] if view is None else [view]
    return together(known) if known else None


def cells_of(store: Store) -> dict[str, Any]:
    """Returns what `read` returns.

    Raises:
      StoreError: If the folder holds no run, or one that cannot be read as such.
    """
    run = read(store)
    if run is None:
        raise StoreError(f"no run in {store.root}: it has no {VIEW}; run a suite with --out {store.root}")
    if not all(isinstance(run.get(key), kind) for key, kind in (("cells", list), ("columns", dict))):
        raise StoreError(f"no run in {store.root}: its {VIEW} names no cells")
    if not all(isinstance(row, Mapping) and row.keys() >= NAMES for row in run["cells"]):
        raise StoreError(
            f"no run in {store.root}: a cell of its {VIEW} lacks one of {', '.join(sorted(NAMES))}"
        )
    return run
