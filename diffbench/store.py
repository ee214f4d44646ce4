"""The results folder: records as JSON, arrays as safetensors, each written whole.

A record is named by the hash of the specification that made it, so what exists need not
be made again, and a part's new version makes a new record beside the old one. Arrays
are written before the record that names them: a record that can be read is complete.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

SCHEMA = 1
FOLDERS = {
    "fit": "fits",
    "draw": "draws",
    "measure": "measurements",
    "reference": "references",
    "floor": "floors",
}


class StoreError(ValueError):
    """The results folder cannot be used; the message says why."""


def finite_or_none(value: Any) -> Any:
    """Replaces numbers that JSON cannot hold by None, at any depth."""
    if isinstance(value, Mapping):
        return {key: finite_or_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite_or_none(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


class Store:
    """One run's folder; see `docs/architecture.md` for what lies where."""

    def __init__(self, root: Path | str):
        """Opens a folder, which need not exist yet."""
        self.root = Path(root)

    def prepare(self) -> None:
        """Makes the folders.

        Raises:
          StoreError: If the folder cannot be made or written to.
        """
        try:
            for folder in FOLDERS.values():
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise StoreError(f"cannot write to the results folder {self.root}: {error.strerror}") from error

    def _path(self, stage: str, name: str, suffix: str) -> Path:
        return self.root / FOLDERS[stage] / f"{name}{suffix}"

    def has(self, stage: str, name: str) -> bool:
        """Returns whether a record is there."""
        return self._path(stage, name, ".json").exists()

    def read(self, stage: str, name: str) -> dict[str, Any] | None:
        """Returns a record, or None where there is none."""
        try:
            return json.loads(self._path(stage, name, ".json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def arrays(self, stage: str, name: str) -> dict[str, np.ndarray]:
        """Returns the arrays beside a record; none where it has none."""
        from safetensors import numpy as safetensors

        path = self._path(stage, name, ".safetensors")
        return safetensors.load_file(path) if path.exists() else {}

    def write(
        self,
        stage: str,
        name: str,
        record: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Writes a record and its arrays, arrays first, each whole or not at all."""
        from safetensors import numpy as safetensors

        if arrays:
            tensors = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
            self.replace(self._path(stage, name, ".safetensors"), safetensors.save(tensors))
        text = json.dumps(
            {"schema": SCHEMA, **finite_or_none(record)}, indent=1, sort_keys=True, allow_nan=False
        )
        self.replace(self._path(stage, name, ".json"), text.encode() + b"\n")

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes a JSON file at the top of the folder."""
        text = json.dumps(finite_or_none(content), indent=1, sort_keys=True, allow_nan=False)
        self.replace(self.root / name, text.encode() + b"\n")

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Returns a JSON file from the top of the folder, or None."""
        try:
            return json.loads((self.root / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def replace(self, path: Path, content: bytes) -> None:
        """Writes a file whole: under another name in the same folder, then renamed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
