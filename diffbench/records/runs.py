"""What was asked of a results folder: its runs, in order, and the cells they come to.

Each run is a sealed file `runs/<number>-<hash>.json` with its suite, columns and cells, and with
the specifications that say what its cells are. Runs at the same time write files of their own, so no
run's cells are lost; where two take one number the hash tells which counts as the later. `run.json` is
what all of them come to (see `together`), for people and other programs, and stands for a run whose
file is broken; else no part of the package reads
it where there are runs.
"""

from __future__ import annotations

import re

from diffbench.records import files, shapes
from diffbench.records.seal import finite_or_none
from diffbench.records.store import Store, StoreError
from diffbench.records.together import together
from diffbench.spec import Json, JsonObject, identify

FOLDER = "runs"
VIEW = "run.json"
NAME = re.compile(r"(\d{6,})-([0-9a-f]{16})\.json")


def note(store: Store, content: Json) -> None:
    """Keeps a run: the newest word on its settings, and its cells beside those of earlier runs.

    Args:
      store: The results folder.
      content: {"suite", "settings", "columns", "cells", ...}, JSON.

    Raises:
      StoreError: If it cannot be written.
    """
    content = finite_or_none(content)
    name = identify(content)
    if not _listed(store) and (old := _load(store, VIEW)) is not None:
        # Its runs were lost: what stands for all of them is the first.
        store.add(_file(0, identify(old)), old)
    while True:
        before = _listed(store)
        if before and before[-1][1] == name and _load(store, _file(*before[-1])) is not None:
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


def _load(store: Store, name: str) -> JsonObject | None:
    return store.load(store.root / name, files.RUN_BYTES, shapes.run)


def _entries(store: Store) -> list[JsonObject]:
    """Returns what each run asked for, the newest first; `run.json` stands for those that are broken."""
    left_alone = Store(store.root, frozen=True)
    while True:
        seen = _listed(store)
        found = {one: _load(left_alone, _file(*one)) for one in seen}
        lost = [one for one in seen if found[one] is None]
        if not lost or _listed(store) == seen:
            break
    view = _load(left_alone, VIEW) if lost else None
    if view is not None:
        stands = lost[-1][0], identify(view)
        found[stands] = view
    if not store.frozen:
        # It must be there before they go, or whoever reads next finds neither; and after, where it has
        # the name of one of them.
        for one in lost:
            if view is not None:
                store.add(_file(*stands), view)
            _load(store, _file(*one))
        if view is not None:
            store.add(_file(*stands), view)
    return [entry for _, entry in sorted(found.items(), reverse=True) if entry is not None]


def count(store: Store) -> int:
    """Returns how many runs a folder holds."""
    return len(_listed(store))


def unasked(store: Store) -> int:
    """Returns how many measurements `run.json` names that no run asks for: a run was lost.

    Args:
      store: The results folder, frozen.
    """
    view = _load(store, VIEW)
    if view is None:
        return 0
    asked = {
        name for entry in _entries(store) for cell in entry["cells"] for name in cell["measures"].values()
    }
    return len({name for cell in view["cells"] for name in cell["measures"].values()} - asked) if asked else 0


def read(store: Store) -> JsonObject | None:
    """Returns what the runs of a folder come to, in the form of `run.json`, or None; see `together`."""
    known = _entries(store)
    if not known:
        view = _load(store, VIEW)
        known = [] if view is None else [view]
    return together(known) if known else None


def cells_of(store: Store) -> JsonObject:
    """Returns what `read` returns.

    Raises:
      StoreError: If the folder holds no run.
    """
    run = read(store)
    if run is None:
        raise StoreError(f"no run in {store.root}: it has no {VIEW}; run a suite into that folder")
    return run
