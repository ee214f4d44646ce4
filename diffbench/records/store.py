"""The results folder: sealed JSON records with safetensors beside them, never changed.

A record is named by the hash of the specification that made it, so what exists need not
be made again, and a part's new version makes a new record beside the old one. Arrays
are written first, under a name with their digest; the record that names them comes last.

An outcome (`ok`, `diverged`) is final: `<name>.json`. A failure is a file of its own,
`<name>.failed-<k>.json`, which stands for the record until an outcome does. A file that is not
what was written moves to `quarantine/`, and its record counts as missing.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from diffbench.records import files, owner, quarantine, shapes
from diffbench.records.folder import Folder, StoreError
from diffbench.records.outcome import FINAL, OK
from diffbench.records.seal import Broken, Foreign, digest, seal, unseal
from diffbench.spec import Json, JsonObject

__all__ = ["FAILED", "FOLDERS", "Store", "StoreError", "is_final"]

FOLDERS = {
    "fit": "fits",
    "draw": "draws",
    "measure": "measurements",
    "reference": "references",
    "floor": "floors",
    "flow": "flows",
}
# Folders beside those of the records, and whether they are there or not.
MADE = ("runs", "tables", "figures", quarantine.FOLDER)

FAILED = ".failed-"


def is_final(record: Json | None) -> bool:
    """Returns whether a record is an outcome, and no failure that may pass."""
    return record is not None and record.get("status", OK) in FINAL


def _is_outcome(path: Path, stage: str) -> bool:
    try:
        found = unseal(files.read(path) or b"")
        shapes.record(stage)(found)
    except (Broken, Foreign, files.Unfit):
        return False
    return is_final(found)


class Store(Folder):
    """One run's folder; see `docs/architecture.md` for what lies where."""

    def __init__(self, root: Path | str, *, frozen: bool = False):
        """Opens a folder, which need not exist yet; see `Folder`."""
        super().__init__(root, frozen=frozen)
        self._folders = {stage: self.root / folder for stage, folder in FOLDERS.items()}

    def prepare(self) -> None:
        """Makes the folders and clears what killed processes left.

        Raises:
          StoreError: If the folder cannot be made or written to, or one of its own lies elsewhere.
        """
        try:
            for folder in FOLDERS.values():
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            for folder in (*FOLDERS.values(), *MADE):
                files.inside(self.root, self.root / folder / "x")
                owner.clear(self.root / folder)
            owner.clear(self.root)
            probe = self.root / owner.part()
            probe.write_bytes(b"x")
            probe.unlink()
        except (OSError, ValueError) as error:
            raise self.trouble("write to", error) from error

    def path(self, stage: str, name: str, suffix: str = ".json") -> Path:
        """Returns where a file of a record lies.

        Raises:
          StoreError: If the name is not plain: it comes from files that anyone may have written.
        """
        if not files.is_plain(f"{name}{suffix}"):
            raise StoreError(f"expected the name of a record; got {name!r}")
        return self._folders[stage] / f"{name}{suffix}"

    def has(self, stage: str, name: str) -> bool:
        """Returns whether a record is there, be it an outcome or a failure."""
        return self.path(stage, name).exists() or self._failure(stage, name, 1).exists()

    def was_broken(self, stage: str, name: str) -> bool:
        """Returns whether a record of this name was moved away, so that it may be made again."""
        folder = self.root / quarantine.FOLDER
        return not self.frozen and any(folder.glob(f"{FOLDERS[stage]}-{name}.*"))

    def _failure(self, stage: str, name: str, attempt: int) -> Path:
        return self.path(stage, name, f"{FAILED}{attempt}.json")

    def read(self, stage: str, name: str, *, whole: bool = False) -> JsonObject | None:
        """Returns a record that can be built on, or None where there is none.

        Args:
          stage: Its stage.
          name: Its name.
          whole: Whether to check the digest of its arrays, and not their size alone.

        Raises:
          StoreError: If it is there and cannot be read, or a later version wrote it.
        """
        path = self.path(stage, name)
        record = self._load(stage, path)
        if not is_final(record):
            for attempt in itertools.count(1):
                failure = self._load(stage, self._failure(stage, name, attempt))
                if failure is None:
                    break
                record, path = failure, self._failure(stage, name, attempt)
        if record is None or not record.get("arrays"):
            return record
        try:
            self.check_arrays(stage, name, record["arrays"], whole)
        except Broken as error:
            self._put_away(stage, name, path, record["arrays"], str(error))
            return None
        return record

    def _load(self, stage: str, path: Path) -> JsonObject | None:
        return self.load(path, check=shapes.record(stage))

    def arrays(self, stage: str, name: str) -> dict[str, np.ndarray]:
        """Returns the arrays of a record; none where it has none."""
        from safetensors import SafetensorError
        from safetensors import numpy as safetensors

        record = self.read(stage, name)
        if record is None or not record.get("arrays"):
            return {}
        about = record["arrays"]
        path = self.path(stage, about["file"], "")
        try:
            self.check_arrays(stage, name, about, True)
            return safetensors.load(self.read_bytes(path, files.ARRAYS_BYTES) or b"")
        except (Broken, SafetensorError) as error:
            self._put_away(stage, name, self.path(stage, name), about, str(error))
            return {}

    def check_arrays(self, stage: str, name: str, about: Json, whole: bool) -> None:
        """Looks at the file of a record's arrays: its size, and its digest too if asked.

        Raises:
          Broken: If it is not what the record names.
        """
        if about["file"] != f"{name}.{about['sha256'][:12]}.safetensors":
            raise Broken("its record does not name arrays of its own")
        path = self.path(stage, about["file"], "")
        try:
            size = path.lstat().st_size
            if size != about["bytes"]:
                raise Broken(f"it has {size} bytes where {about['bytes']} were written")
            if whole and files.digest_of(path) != about["sha256"]:
                raise Broken("its content does not have the digest that its record names")
        except FileNotFoundError:
            raise Broken("it is missing") from None
        except files.Unfit as error:
            raise Broken(str(error)) from error
        except OSError as error:
            raise self.trouble("read", error) from error

    def _put_away(self, stage: str, name: str, path: Path, about: Json, reason: str) -> None:
        """Moves a record away whose arrays are broken, and them."""

        def is_complete(now: Path) -> bool:
            with contextlib.suppress(Broken, files.Unfit):
                self.check_arrays(stage, name, unseal(files.read(now) or b"")["arrays"], True)
                return True
            return False

        def is_whole(now: Path) -> bool:
            with contextlib.suppress(files.Unfit):
                # What is longer than was written is another file; it is not read to see that.
                return files.digest_of(now, about.get("bytes", files.ARRAYS_BYTES)) == about.get("sha256")
            return False

        self.discard(path, f"its arrays: {reason}", is_complete)
        if about["file"].startswith(f"{name}.") and files.is_plain(about["file"]):
            file = self.path(stage, about["file"], "")
            self.discard(file, reason, is_whole)

    def write(
        self,
        stage: str,
        name: str,
        record: Json,
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Writes a record and its arrays, arrays first; what stands already is left as it is.

        Raises:
          StoreError: If it cannot be written. What was there before is untouched.
        """
        from safetensors import numpy as safetensors

        content = dict(record)
        if arrays:
            tensors = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
            data = safetensors.save(tensors)
            sha256 = digest(data)
            file = self.path(stage, name, f".{sha256[:12]}.safetensors")
            content["arrays"] = {"file": file.name, "sha256": sha256, "bytes": len(data)}
            self.create(file, data)
        text = seal(content)
        if is_final(content):
            # Twice, where what stood there was broken; more only where others break it anew.
            for _ in range(5):
                if self.create(self.path(stage, name), text) or self._stands(stage, name):
                    return
            raise StoreError(f"{self.path(stage, name)} is broken and cannot be moved away")
        else:
            attempts = (self._failure(stage, name, attempt) for attempt in itertools.count(1))
            next(path for path in attempts if self.create(path, text))

    def _stands(self, stage: str, name: str) -> bool:
        """Returns whether an outcome is there, once what only takes its place is out of it."""
        path = self.path(stage, name)
        if is_final(self.read(stage, name, whole=True)):
            return True
        # Before failures had files of their own, they took the place of the outcome.
        aside = path.with_name(owner.part())
        with contextlib.suppress(FileNotFoundError):
            if quarantine.take(path, aside, lambda now: _is_outcome(now, stage)):
                attempts = (self._failure(stage, name, attempt) for attempt in itertools.count(1))
                next(failure for failure in attempts if files.give_name(aside, failure))
                aside.unlink()
        return False

    def names(self, stage: str) -> Iterator[str]:
        """Yields the names of the records of a stage, outcomes and failures, each once."""
        folder = self.root / FOLDERS[stage]
        found = {path.name[:-5].split(FAILED)[0] for path in folder.glob("*.json")}
        yield from sorted(name for name in found if files.is_plain(name))
