"""Files between a results folder and a worker that does not see it.

Such a worker gets the records that its task builds on as bytes, works in a folder of its
own, and gives back the bytes of the record it made. Content is not looked into, so what
is stored is the same bytes wherever it was made.
"""

from __future__ import annotations

import functools
import itertools
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diffbench.records.store import FAILED, FOLDERS, Store
from diffbench.spec import identify

Files = dict[str, bytes]


def inputs(payload: Mapping[str, Any]) -> Files:
    """Returns the stored files that a task builds on, by their path in the results folder.

    Where fits are trained together their own records go too: a fit that is led looks for its own,
    which may be there, and for that of the one that leads it; and that one for those it leads.
    """
    root, spec = Path(payload["root"]), payload["spec"]
    needed = [(one["stage"], identify(one)) for one in (*_built_on(spec), *payload.get("leads", ()))]
    if payload.get("led"):
        needed += [("fit", payload["name"]), ("fit", payload["led"])]
    return {path: (root / path).read_bytes() for stage, name in needed for path in _paths(root, stage, name)}


def _built_on(spec: Any) -> Iterator[Mapping[str, Any]]:
    """Yields the specifications inside one: each is of a stage, and its record an input."""
    for inner in spec.values() if isinstance(spec, Mapping) else ():
        if isinstance(inner, Mapping) and "stage" in inner:
            yield inner
        yield from _built_on(inner)


def _paths(root: Path, stage: str, name: str) -> list[str]:
    found = (root / FOLDERS[stage]).glob(f"{name}.*")
    return sorted(path.relative_to(root).as_posix() for path in found)


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Returns this worker's own folder, which goes when the process does."""
    return tempfile.TemporaryDirectory(prefix="diffbench-")


def unpacked(payload: Mapping[str, Any], files: Files) -> dict[str, Any]:
    """Writes a task's inputs into this worker's folder and returns a payload that looks there."""
    store = Store(_scratch().name)
    for path, content in files.items():
        store.replace(store.root / path, content)
    return {**payload, "root": str(store.root)}


def packed(payload: Mapping[str, Any], files: Files) -> Files:
    """Takes what a task made out of this worker's folder, and drops its inputs.

    Args:
      payload: As `unpacked` returned it.
      files: The inputs.
    """
    root = Path(payload["root"])
    specs = [payload["spec"], *payload.get("leads", ())]
    there = {path for spec in specs for path in _paths(root, spec["stage"], identify(spec))}
    made = {path: (root / path).read_bytes() for path in sorted(there - files.keys())}
    for path in {*files, *there}:
        (root / path).unlink(missing_ok=True)
    return made


def keep(root: Path, files: Files) -> None:
    """Writes files that came back into the results folder, records last, and none over another."""
    store = Store(root)
    for path in sorted(files, key=lambda path: path.endswith(".json")):
        name, failed, _ = path.partition(FAILED)
        if failed:
            # The worker counts from 1, for it does not see earlier failures.
            attempts = (root / f"{name}{FAILED}{k}.json" for k in itertools.count(1))
            next(one for one in attempts if store.create(one, files[path]))
        elif not store.create(root / path, files[path]) and store.load(root / path) is None:
            store.create(root / path, files[path])  # what stood there was broken, and is moved away
