"""Whether every stored file is what was written: digests, shapes, names, and arrays."""

from __future__ import annotations

import dataclasses
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from diffbench.records import files, quarantine, runs, shapes
from diffbench.records.folder import Check
from diffbench.records.outcome import OK
from diffbench.records.seal import Broken, Foreign, seal, unseal
from diffbench.records.store import FAILED, FOLDERS, Store, StoreError
from diffbench.spec import JsonObject, identify

CHECK = "check"
"""The stage of a look at a file, for who hears how a check goes."""
_RECORD = re.compile(rf"([0-9a-f]{{16}})(?:{re.escape(FAILED)}\d+)?\.json")
_LOST = re.compile(rf"{runs.FOLDER}-(\d{{6,}})-[0-9a-f]{{16}}\.json-[0-9a-f]{{8}}")


class Fault(NamedTuple):
    """Something wrong.

    Attributes:
      where: The file, in the folder.
      what: What is wrong with it.
      spoilt: Files of ours that are of no use for it.
    """

    where: str
    what: str
    spoilt: tuple[str, ...] = ()


class Seen(NamedTuple):
    """What a look at a stored file found.

    Attributes:
      file: The file, in the folder.
      files: How many files were looked at: a record and its arrays are two.
      faults: What is wrong.
      program: Of a measurement that can be made again, what its kind shares, else None.
    """

    file: str
    files: int = 1
    faults: tuple[Fault, ...] = ()
    program: str | None = None


@dataclasses.dataclass
class Report:
    """What a check found.

    Attributes:
      files: Files looked at.
      measured: Measurements made again.
      missing: Rows that were asked for and have no record.
      skipped: Measurements not made again, by reason.
      wrong: (file, what is wrong with it).
      moved: Files that were moved to quarantine, to be made again.
    """

    files: int = 0
    measured: int = 0
    missing: int = 0
    skipped: Counter[str] = dataclasses.field(default_factory=Counter)
    wrong: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    moved: list[str] = dataclasses.field(default_factory=list)


def stored(store: Store) -> list[tuple[str, Path]]:
    """Returns every file that is sealed, with its stage; "" for what was asked for.

    Raises:
      StoreError: If there is no run in the folder.
    """
    asked = [*sorted((store.root / runs.FOLDER).glob("*.json")), *store.root.glob(runs.VIEW)]
    if not asked:
        raise StoreError(f"no run in {store.root}: it has no {runs.VIEW}")
    found = [("", path) for path in asked]
    for stage, name in FOLDERS.items():
        found += [(stage, path) for path in sorted((store.root / name).glob("*.json"))]
    return found


def look(store: Store, paths: list[tuple[str, Path]]) -> Iterator[Seen]:
    """Yields what a look at each file found, on as many threads as there are cores.

    Raises:
      StoreError: If one cannot be read.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from pool.map(lambda one: _seen(store, *one), paths)


def _seen(store: Store, stage: str, path: Path) -> Seen:
    where = path.relative_to(store.root).as_posix()
    check: Check = shapes.record(stage) if stage else shapes.run
    try:
        data = files.read(path, files.RECORD_BYTES if stage else files.RUN_BYTES) or b""
        content = unseal(data)
        check(content)
        if seal(content) != data:
            # JSON of another layout, or with a key twice, may read otherwise to another reader.
            raise Broken("it is not laid out as this package writes it")
    except (Broken, Foreign, files.Unfit) as error:
        spoilt = () if isinstance(error, Foreign) else (where,)
        return Seen(where, faults=(Fault(where, str(error), spoilt),))
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    return _record(store, stage, path, where, content) if stage else Seen(where)


def _record(store: Store, stage: str, path: Path, where: str, content: JsonObject) -> Seen:
    """Looks at the name of a record and at its arrays."""
    spec, about, name = content.get("spec"), content.get("arrays"), path.name.split(".")[0]
    if spec is None or identify(spec) != name:
        reason = "its name is not the hash of its specification"
        return Seen(where, faults=(Fault(where, reason, (where,)),))
    if about:
        try:
            store.check_arrays(stage, name, about, True)
        except (Broken, StoreError) as error:
            spoilt = (where, f"{FOLDERS[stage]}/{about['file']}")
            reason = f"its arrays {about['file']}: {error}"
            return Seen(where, 2, (Fault(where, reason, spoilt),))
    again = stage == "measure" and content["status"] == OK
    program = identify([spec.get("metric"), spec.get("reference")]) if again else None
    return Seen(where, 2 if about else 1, program=program)


def lost_runs(store: Store) -> list[Fault]:
    """Returns the runs that were broken and that nothing could stand for: their rows are in no table."""
    there = {path.name.split("-")[0] for path in (store.root / runs.FOLDER).glob("*.json")}
    found = (
        _LOST.fullmatch(path.name)
        for path in sorted((store.root / quarantine.FOLDER).glob(f"{runs.FOLDER}-*"))
    )
    what = "this run was broken, and run.json did not stand for it: run its suite again"
    faults = [Fault(f"{quarantine.FOLDER}/{m[0]}", what) for m in found if m and m[1] not in there]
    if count := runs.unasked(store):
        gone = f"it names {count} measurements that no file of {runs.FOLDER}/ asks for: a run is lost"
        faults.append(Fault(runs.VIEW, gone))
    return faults


def repair(store: Store, faults: list[Fault]) -> list[str]:
    """Moves what is spoilt to quarantine, so that the next run makes it again; returns what has gone.

    Args:
      store: The results folder, not frozen.
      faults: What is wrong.
    """
    moved = []
    for fault in faults:
        for name in fault.spoilt:
            path = store.root / name
            if is_ours(name) and path.exists():
                store.discard(path, fault.what, lambda now: False)
                moved += [] if path.exists() else [name]
    return moved


def is_ours(name: str) -> bool:
    """Returns whether a file of a folder has a name that the store gives."""
    folder, _, file = name.partition("/")
    if folder == runs.FOLDER:
        return runs.NAME.fullmatch(file) is not None
    arrays = re.fullmatch(r"[0-9a-f]{16}\.[0-9a-f]{12}\.safetensors", file)
    return folder in FOLDERS.values() and bool(arrays or _RECORD.fullmatch(file))
