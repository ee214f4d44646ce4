"""What was asked of a results folder: its runs, in order, and the cells they come to.

Each run is a sealed file `runs/<number>-<hash>.json` with its suite, settings, columns and
cells. Runs at the same time write files of their own, so no run's cells are lost; where two take
one number the hash tells which counts as the later. `run.json` is what all of them come to, for
people and other programs: no part of the package reads it where there are runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from diffbench.records.seal import SCHEMA, finite_or_none
from diffbench.records.store import Store, StoreError
from diffbench.spec import identify

FOLDER = "runs"
VIEW = "run.json"
PLACE = ("dataset", "score", "family", "budget", "sampler", "seed")
# What tables ask of every cell.
NAMES = {*PLACE, "fit_id", "draw_id", "measures"}
NAME = re.compile(r"(\d{6,})-([0-9a-f]{16})\.json")
Spec = Mapping[str, Any]


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
    """Returns what the runs of a folder come to, in the form of `run.json`, or None.

    The newest run is the one whose settings count. Cells of an earlier run stay where both runs
    share their settings, unless a newer run has a cell of their place or another version of
    one of their parts: one table would then mix what cannot be compared. Their records stay in
    any case.
    """
    while True:
        seen = _listed(store)
        entries = [store.read_json(_file(*one)) for one in reversed(seen)]
        if None not in entries or _listed(store) == seen:
            break
    known = [entry for entry in entries if entry is not None]
    if not known:
        return store.read_json(VIEW)
    newest, *older = known
    cells = {place(row): row for row in newest["cells"]}
    versions = _versions(newest["cells"])
    columns = dict(newest["columns"])
    for entry in older:
        if entry.get("settings") != newest.get("settings"):
            continue
        fit = [row for row in entry["cells"] if place(row) not in cells and _agrees(row, versions)]
        cells |= {place(row): row for row in fit}
        versions |= _versions(fit)
        columns = {**(entry["columns"] if fit else {}), **columns}
    return {**newest, "schema": SCHEMA, "columns": columns, "cells": [cells[key] for key in sorted(cells)]}


def place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Returns where a cell stands in the comparison; cells sort and match by it."""
    return tuple(row[k] for k in PLACE)


def versions_of(specs: Iterable[Spec]) -> dict[str, str]:
    """Returns the version of every part that specifications name, by kind and name.

    A part of a plug-in file has that file's digest in its version.
    """
    found: dict[str, str] = {}

    def look(kind: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            return
        if "version" in value:
            name = value.get("name", "")
            found[f"{kind} {name}".strip()] = f"{value['version']} {value.get('plugin', '')}".strip()
        for key, inner in value.items():
            if key != "params":
                look(key, inner)

    for spec in specs:
        look(str(spec.get("stage", "")), spec)
    return found


def _versions(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {part: version for row in rows for part, version in row.get("versions", {}).items()}


def _agrees(row: Mapping[str, Any], versions: Mapping[str, str]) -> bool:
    """Returns whether a cell has no part of which the table has another version.

    A cell that does not say its versions is one of before they were kept: it stands alone.
    """
    if "versions" not in row:
        return not versions
    return all(versions.get(part, version) == version for part, version in row["versions"].items())


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
