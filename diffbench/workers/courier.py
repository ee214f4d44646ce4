"""Files between a results folder and a worker that does not see it: a courier carries them, unread.

Such a worker gets the records that its task builds on as bytes, works in a folder of its
own, and gives back the bytes of the record it made. Content is not looked into, so what
is stored is the same bytes wherever it was made.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from diffbench.records import files as records
from diffbench.records import shapes
from diffbench.records.seal import Broken
from diffbench.records.store import FAILED, FOLDERS, Store
from diffbench.spec import Json, JsonObject, identify
from diffbench.workers.payload import Payload

Files = dict[str, bytes]


def inputs(content: Json) -> Files:
    """Returns the stored files that a task builds on, by their path in the results folder.

    Where fits are trained together their own records go too: a fit that is led looks for its own,
    which may be there, and for that of the one that leads it; and that one for those it leads.

    Args:
      content: A `Payload` as JSON.
    """
    payload = Payload.of(content)
    needed = [(one["stage"], identify(one)) for one in (*_built_on(payload.spec), *payload.leads)]
    if payload.led:
        needed += [("fit", payload.name), ("fit", payload.led)]
    store = Store(payload.root, frozen=True)
    found = (one for stage, name in needed for one in _files(store, stage, name))
    return {path.relative_to(store.root).as_posix(): _content(store, path, most) for path, most in found}


def _content(store: Store, path: Path, most: int) -> bytes:
    """Returns the bytes of a stored file; none of what is no bounded file, which then is broken there too."""
    try:
        return store.read_bytes(path, most) or b""
    except Broken:
        return b""


def _built_on(spec: object) -> Iterator[Json]:
    """Yields the specifications inside one: each is of a stage, and its record an input."""
    for inner in spec.values() if isinstance(spec, Mapping) else ():
        if isinstance(inner, Mapping) and "stage" in inner:
            yield inner
        yield from _built_on(inner)


def _files(store: Store, stage: str, name: str) -> list[tuple[Path, int]]:
    """Returns the files of a record that are there, each looked for by its name, and their most bytes.

    A stage's folder holds as many files as a sweep has cells, so it is not listed.
    """
    found = []
    failures = (store.path(stage, name, f"{FAILED}{attempt}.json") for attempt in itertools.count(1))
    there = itertools.takewhile(lambda path: path.exists(), failures)
    for path in (store.path(stage, name), *there):
        if not path.exists():
            continue
        found.append((path, records.RECORD_BYTES))
        # One that is broken goes as it is: the worker sees that, and makes it again.
        arrays = (store.load(path, check=shapes.record(stage)) or {}).get("arrays") or {}
        if "file" in arrays and (file := store.path(stage, arrays["file"], "")).exists():
            found.append((file, arrays["bytes"]))
    return found


@functools.cache
def _scratch() -> Path:
    """Returns this worker's own folder, which goes when the process does.

    It lies in the folder that Dask gave the worker. That is locked while the worker lives, and the
    next one on the machine takes away those whose worker was killed.
    """
    from distributed import get_worker

    try:
        where = get_worker().local_directory
    except ValueError:  # this is no worker
        where = None
    here = tempfile.TemporaryDirectory(prefix="diffbench-", dir=where)
    atexit.register(here.cleanup)
    return Path(here.name)


def unpacked(payload: Json, files: Files) -> JsonObject:
    """Writes a task's inputs into this worker's folder and returns a payload that looks there."""
    store = Store(_scratch())
    for path, content in files.items():
        store.replace(store.root / path, content)
    return {**payload, "root": str(store.root)}


def packed(payload: Json, files: Files) -> Files:
    """Takes what a task made out of this worker's folder, and empties that.

    An input that was broken and was made again on the way is of what it made.

    Args:
      payload: As `unpacked` returned it.
      files: The inputs.
    """
    root = Path(payload["root"])
    made = {}
    for folder in FOLDERS.values():
        for path in sorted((root / folder).glob("[!.]*")):
            name, content = path.relative_to(root).as_posix(), path.read_bytes()
            if files.get(name) != content:
                made[name] = content
    for one in root.iterdir():
        shutil.rmtree(one) if one.is_dir() else one.unlink()
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
