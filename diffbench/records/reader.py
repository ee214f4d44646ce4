"""Records as tables want them: many, each read once, without what made them.

Each number comes from its record, whose digest is checked. There is no second copy of what records say: one
that could be trusted would have to be held against them, and reading a record takes no longer than that.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator

from diffbench.records import files, shapes
from diffbench.records.seal import Broken, Foreign, unseal
from diffbench.records.store import FAILED, FOLDERS, Store, StoreError, is_final
from diffbench.spec import Json

# What made a record is most of its text, and no business of a table.
LEFT_OUT = ("provenance", "spec")


@contextlib.contextmanager
def many() -> Iterator[None]:
    """Keeps the search for cycles from running: among a million records, which hold none, it takes a third.

    Also a decorator, `@many()`.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Reader:
    """The records of a folder as it is now."""

    def __init__(self, store: Store):
        """Lists every folder once; records are read when they are asked for."""
        self._store = store
        self._folders = {stage: store.root / folder for stage, folder in FOLDERS.items()}
        self._listed = {stage: _listed(store, stage) for stage in FOLDERS}
        self._failed = {
            stage: {name.partition(FAILED)[0] for name in names if FAILED in name}
            for stage, names in self._listed.items()
        }
        self._read: dict[tuple[str, str], Json | None] = {}

    def __call__(self, stage: str, name: str | None) -> Json | None:
        """Returns a record, perhaps without its specification and provenance, or None where there is none.

        Raises:
          StoreError: If it is there and cannot be read, or a later version wrote it.
        """
        if name is None:
            return None
        key = stage, name
        if key not in self._read:
            self._read[key] = self.once(stage, name)
        return self._read[key]

    def once(self, stage: str, name: str) -> Json | None:
        """Returns what a call does, and does not keep it: of a sweep's records there may be a million."""
        return self._outcome(stage, name) or self._other(stage, name)

    def _outcome(self, stage: str, name: str) -> Json | None:
        """Returns an outcome that is as it should be: nearly all are."""
        if f"{name}.json" not in self._listed[stage]:
            return None
        try:
            # It was listed there, so its name leads nowhere else.
            record = unseal(files.read(f"{self._folders[stage]}/{name}.json") or b"", LEFT_OUT)
            shapes.record(stage)(record)
            if record.get("arrays"):
                self._store.check_arrays(stage, name, record["arrays"], False)
        except (Broken, Foreign, files.Unfit, OSError):
            return None
        return record if is_final(record) else None

    def _other(self, stage: str, name: str) -> Json | None:
        """Returns a failure, or None; what is broken is moved away."""
        there = f"{name}.json" in self._listed[stage] or name in self._failed[stage]
        return self._store.read(stage, name) if there else None


def _listed(store: Store, stage: str) -> set[str]:
    try:
        return {name for name in os.listdir(store.root / FOLDERS[stage]) if name.endswith(".json")}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise StoreError(f"cannot read {store.root / FOLDERS[stage]}: {error.strerror}") from error
