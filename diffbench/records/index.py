"""Digests of many records in one file, so that tables need not open each of them.

`index.cache` holds of every record what tables show, beside the size and the time of its file. It
is made again wherever it is missing, broken or behind; a record whose file is not the one it
saw is read anew. It is never a source: `verify` and every task read the records themselves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from diffbench.records.files import is_plain
from diffbench.records.seal import Broken, Foreign, seal, unseal
from diffbench.records.store import FAILED, FOLDERS, Store, StoreError, is_final

FILE = "index.cache"
# What made a record, and where its arrays are, is no business of a table.
LEFT_OUT = ("spec", "provenance", "arrays", "started", "ended")


class Index:
    """What tables show of each record of a folder as it is now."""

    def __init__(self, store: Store):
        """Looks at every folder once; records are read when they are asked for."""
        self._store = store
        self._files = {stage: _files(store, stage) for stage in FOLDERS}
        self._seen = _load(store)
        self._known = len(self._seen)
        self._read: set[str] = set()

    def __call__(self, stage: str, name: str | None) -> Mapping[str, Any] | None:
        """Returns a record without its specification and provenance, or None where there is none."""
        if name is None or not self._files[stage].get(name):
            return None
        # The last file of a name is the one that stands.
        file, about = self._files[stage][name][-1]
        key = f"{FOLDERS[stage]}/{file}"
        found = self._seen.get(key)
        if found is None or found[0] != about:
            record = self._store.read(stage, name)
            if record is None:
                self._files[stage][name] = []
                return None
            kept = {k: v for k, v in record.items() if k not in LEFT_OUT}
            found = self._seen[key] = [about, kept]
            self._read.add(key)
            if is_final(record) != (FAILED not in file):
                # It came, or went, since the folders were looked at: of no use next time.
                found[0] = []
        return found[1]

    def save(self) -> None:
        """Writes the index where it has changed and can be written."""
        now = {
            f"{FOLDERS[s]}/{file}" for s in FOLDERS for all_ in self._files[s].values() for file, _ in all_
        }
        kept = {key: value for key, value in self._seen.items() if key in now and value[0]}
        if not self._read and len(kept) == self._known:
            return
        try:
            self._store.replace(self._store.root / FILE, seal({"records": kept}, indent=None))
        except StoreError:
            return  # tables are made without it, as from a disk that can only be read


def _files(store: Store, stage: str) -> dict[str, list[tuple[str, list[int]]]]:
    """Returns the files of each record of a stage with size and time; the one that stands is last."""
    found: dict[str, list[tuple[str, list[int]]]] = {}
    try:
        with os.scandir(store.root / FOLDERS[stage]) as entries:
            for entry in entries:
                if entry.name.endswith(".json") and is_plain(entry.name):
                    about = entry.stat(follow_symlinks=False)
                    name = entry.name[:-5].partition(FAILED)[0]
                    found.setdefault(name, []).append((entry.name, [about.st_size, about.st_mtime_ns]))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for files in found.values():
        if len(files) > 1:
            files.sort(key=lambda file: _rank(file[0]))
    return found


def _rank(file: str) -> float:
    attempt = file[:-5].partition(FAILED)[2]
    return int(attempt) if attempt.isdigit() else float("inf")


def _load(store: Store) -> dict[str, Any]:
    """Returns the index as it is kept; empty where it is none."""
    try:
        data = (store.root / FILE).read_bytes()
        return dict(unseal(data)["records"])
    except (OSError, Broken, Foreign, KeyError):
        return {}
