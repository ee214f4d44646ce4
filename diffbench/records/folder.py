"""A folder of sealed files: each read whole or moved away, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from diffbench.records import files, quarantine
from diffbench.records.seal import Broken, Foreign, seal, unseal
from diffbench.spec import Json, JsonObject


class StoreError(ValueError):
    """The results folder cannot be used; the message says why."""


Check = Callable[[Json], None]
"""Raises `Broken` for a content that is whole and not of the right shape."""


def _any(content: Json) -> None:
    """Takes every shape."""


class Folder:
    """A results folder, without knowledge of what its files are.

    Attributes:
      root: The folder.
      frozen: Whether it is left as it is.
    """

    def __init__(self, root: Path | str, *, frozen: bool = False):
        """Opens a folder, which need not exist yet.

        Args:
          root: The folder.
          frozen: Whether to leave it as it is: nothing is written, and what is broken counts
            as missing without being moved.
        """
        self.root = Path(root)
        self.frozen = frozen

    def create(self, path: Path, content: bytes) -> bool:
        """Writes a file that is not there; one that is there and not the same is no obstacle."""
        self._writable()
        try:
            path.parent.mkdir(exist_ok=True)
            if files.create(files.inside(self.root, path), content):
                return True
            if path.suffix == ".safetensors" and not self._holds(path, content):
                broken = "its content does not have the digest in its name"
                self.discard(path, broken, lambda now: self._holds(now, content))
                return files.create(path, content)
        except (OSError, ValueError) as error:
            raise self.trouble("write to", error) from error
        return False

    def _holds(self, path: Path, content: bytes) -> bool:
        try:
            return files.read(path, len(content)) == content
        except files.Unfit:
            return False

    def write_json(self, name: str, content: Json) -> None:
        """Writes a sealed JSON file at the top of the folder, over what is there."""
        self.replace(self.root / name, seal(content))

    def read_json(self, name: str) -> JsonObject | None:
        """Returns a JSON file from the top of the folder, or None."""
        return self.load(self.root / name, files.RUN_BYTES)

    def add(self, name: str, content: Json) -> bool:
        """Writes a sealed JSON file unless one of its name is there; returns whether it did."""
        return self.create(self.root / name, seal(content))

    def replace(self, path: Path, content: bytes) -> None:
        """Writes a file whole, over what is there: for what can be made again at will.

        Raises:
          StoreError: If it cannot be written, or would lie outside the folder.
        """
        self._writable()
        try:
            path.parent.mkdir(exist_ok=True)
            files.replace(files.inside(self.root, path), content)
        except (OSError, ValueError) as error:
            raise self.trouble("write to", error) from error

    def read_bytes(self, path: Path, most: int = files.RECORD_BYTES) -> bytes | None:
        """Returns what is in a file, or None where there is none.

        Raises:
          Broken: If it is no regular file, or has more than `most` bytes.
          StoreError: If it is there and cannot be read.
        """
        try:
            return files.read(path, most)
        except files.Unfit as error:
            raise Broken(str(error)) from error
        except OSError as error:
            raise self.trouble("read", error) from error

    def load(self, path: Path, most: int = files.RECORD_BYTES, check: Check = _any) -> JsonObject | None:
        """Returns a sealed file, or None where there is none or it had to be moved away.

        Args:
          path: The file.
          most: Bytes that it may have.
          check: Whether its content has the right shape.
        """

        def content(data: bytes) -> JsonObject:
            found = unseal(data)
            check(found)
            return found

        def is_good(now: Path) -> bool:
            try:
                content(files.read(now, most) or b"")
            except (Broken, files.Unfit):
                return False
            except Foreign:
                return True
            return True

        try:
            data = self.read_bytes(path, most)
            return None if data is None else content(data)
        except Broken as error:
            self.discard(path, str(error), is_good)
            return None
        except Foreign as error:
            raise StoreError(f"{path}: {error}") from error

    def discard(self, path: Path, reason: str, is_whole: Callable[[Path], bool]) -> None:
        """Moves a broken file away; see `quarantine.put_away`."""
        if not self.frozen:
            quarantine.put_away(self.root, path, reason, is_whole)

    def _writable(self) -> None:
        if self.frozen:
            raise StoreError(f"the results folder {self.root} is only read here")
        if not self.root.is_dir():
            raise StoreError(f"cannot write to the results folder {self.root}: it has gone")

    def trouble(self, what: str, error: Exception) -> StoreError:
        """Returns the one line that says what could not be done to the folder."""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return StoreError(f"cannot {what} the results folder {self.root}: {reason}")
