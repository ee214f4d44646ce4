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
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffbench.records import files, quarantine
from diffbench.records.folder import Folder, StoreError, is_sealed
from diffbench.records.outcome import FINAL
from diffbench.records.seal import UNSEALED, Broken, digest, seal, unseal

__all__ = ["FAILED", "FOLDERS", "Store", "StoreError", "is_final"]

FOLDERS = {
    "fit": "fits",
    "draw": "draws",
    "measure": "measurements",
    "reference": "references",
    "floor": "floors",
}


FAILED = ".failed-"


def is_final(record: Mapping[str, Any] | None) -> bool:
    """Returns whether a record is an outcome, and no failure that may pass."""
    return record is not None and record.get("status", "ok") in FINAL


class Store(Folder):
    """One run's folder; see `docs/architecture.md` for what lies where."""

    def __init__(self, root: Path | str, *, frozen: bool = False):
        """Opens a folder, which need not exist yet; see `Folder`."""
        super().__init__(root, frozen=frozen)
        self._folders = {stage: self.root / folder for stage, folder in FOLDERS.items()}

    def prepare(self) -> None:
        """Makes the folders and clears what killed writers left.

        Raises:
          StoreError: If the folder cannot be made or written to.
        """
        try:
            for folder in FOLDERS.values():
                (self.root / folder).mkdir(parents=True, exist_ok=True)
                files.inside(self.root, self.root / folder / "x")
                files.clear(self.root / folder)
            probe = self.root / f".{secrets.token_hex(8)}{files.PART}"
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

    def read(self, stage: str, name: str, *, whole: bool = False) -> dict[str, Any] | None:
        """Returns a record that can be built on, or None where there is none.

        Args:
          stage: Its stage.
          name: Its name.
          whole: Whether to check the digest of its arrays, and not their size alone.

        Raises:
          StoreError: If it is there and cannot be read, or a later version wrote it.
        """
        path = self.path(stage, name)
        record = self.load(path)
        if not is_final(record):
            for attempt in itertools.count(1):
                failure = self.load(self._failure(stage, name, attempt))
                if failure is None:
                    break
                record, path = failure, self._failure(stage, name, attempt)
        if record is None or not record.get("arrays"):
            return record
        try:
            self.arrays_file(stage, record["arrays"], whole)
        except Broken as error:
            self._put_away(stage, path, record["arrays"], str(error))
            return None
        return record

    def arrays(self, stage: str, name: str) -> dict[str, np.ndarray]:
        """Returns the arrays of a record; none where it has none."""
        from safetensors import SafetensorError
        from safetensors import numpy as safetensors

        record = self.read(stage, name)
        if record is None or (record["schema"] != UNSEALED and not record.get("arrays")):
            return {}
        # Before there were digests the arrays had the record's own name.
        about = record.get("arrays") or {"file": f"{name}.safetensors"}
        path = self.path(stage, about["file"], "")
        if record["schema"] == UNSEALED and not path.exists():
            return {}
        try:
            data = self.arrays_file(stage, about, True) if record.get("arrays") else self.read_bytes(path)
            return safetensors.load(data or b"")
        except (Broken, SafetensorError) as error:
            self._put_away(stage, self.path(stage, name), about, str(error))
            return {}

    def arrays_file(self, stage: str, about: Mapping[str, Any], whole: bool) -> bytes:
        """Returns the file of a record's arrays; only its size is looked at unless asked.

        Raises:
          Broken: If it is not what the record names.
        """
        if not isinstance(about, Mapping) or not {"file", "bytes", "sha256"} <= about.keys():
            raise Broken("its record does not say what they are")
        path = self.path(stage, str(about["file"]), "")
        try:
            size = path.lstat().st_size
        except FileNotFoundError:
            raise Broken("it is missing") from None
        except OSError as error:
            raise self.trouble("read", error) from error
        if size != about["bytes"]:
            raise Broken(f"it has {size} bytes where {about['bytes']} were written")
        data = (self.read_bytes(path) or b"") if whole else b""
        if whole and digest(data) != about["sha256"]:
            raise Broken("its content does not have the digest that its record names")
        return data

    def _put_away(self, stage: str, path: Path, about: Mapping[str, Any], reason: str) -> None:
        """Moves a record away whose arrays are broken, and them."""

        def is_complete(data: bytes) -> bool:
            with contextlib.suppress(Broken):
                self.arrays_file(stage, unseal(data)["arrays"], True)
                return True
            return False

        self.discard(path, f"its arrays: {reason}", is_complete)
        if isinstance(about, Mapping) and "file" in about:
            file = self.path(stage, str(about["file"]), "")
            self.discard(file, reason, lambda data: digest(data) == about.get("sha256"))

    def write(
        self,
        stage: str,
        name: str,
        record: Mapping[str, Any],
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
        aside = path.with_name(f".{secrets.token_hex(8)}{files.PART}")
        with contextlib.suppress(FileNotFoundError):
            if quarantine.take(path, aside, lambda data: is_sealed(data) and is_final(unseal(data))):
                attempts = (self._failure(stage, name, attempt) for attempt in itertools.count(1))
                next(failure for failure in attempts if files.give_name(aside, failure))
                aside.unlink()
        return False

    def names(self, stage: str) -> Iterator[str]:
        """Yields the names of the records of a stage, outcomes and failures, each once."""
        folder = self.root / FOLDERS[stage]
        found = {path.name[:-5].split(FAILED)[0] for path in folder.glob("*.json")}
        yield from sorted(name for name in found if files.is_plain(name))
