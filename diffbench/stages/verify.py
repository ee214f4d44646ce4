"""Whether a results folder still is what was measured: digests, names and values.

Every stored file is held against its digest and its name against its specification; then every
measurement is made again from the stored samples and parameters, and compared. Nothing is
written, and no part is built but the package's own and those of plug-ins that were loaded before
by the user's word.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from diffbench import checks
from diffbench.contracts import DATASETS, FAMILIES, METRICS
from diffbench.networks.base import NETWORKS
from diffbench.networks.base import VERSION as NETWORK_VERSION
from diffbench.process import PROCESSES
from diffbench.process import VERSION as PROCESS_VERSION
from diffbench.records import files, runs, shapes
from diffbench.records.folder import Check
from diffbench.records.seal import UNSEALED, Broken, Foreign, unseal
from diffbench.records.store import FOLDERS, Store, StoreError
from diffbench.registry import Entry, Registry
from diffbench.spec import Spec, identify
from diffbench.stages import work
from diffbench.suites.parts import part

# Added to the relative tolerance: below it float32 sums of standardised points are noise.
ABSOLUTE = 1e-6


def _of_class(family: Any) -> int:
    return family.version


# The parts that a measurement builds: all but the sampler.
PARTS: Mapping[str, tuple[Registry[Any], Callable[[Entry[Any], Mapping[str, Any]], int]]] = {
    "dataset": (DATASETS, lambda entry, params: entry.build(**params).version),
    "metric": (METRICS, lambda entry, params: entry.build(**params).version),
    "family": (FAMILIES, lambda entry, params: _of_class(entry.build)),
    "network": (NETWORKS, lambda entry, params: NETWORK_VERSION),
    "process": (PROCESSES, lambda entry, params: PROCESS_VERSION),
}


@dataclasses.dataclass
class Report:
    """What a check found.

    Attributes:
      files: Files looked at.
      unsealed: Of these, files from before there were digests.
      measured: Measurements made again.
      skipped: Measurements not made again, by reason.
      wrong: (file, what is wrong with it).
    """

    files: int = 0
    unsealed: int = 0
    measured: int = 0
    skipped: Counter[str] = dataclasses.field(default_factory=Counter)
    wrong: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def check(folder: Path | str, tolerance: float = 1e-4) -> Report:
    """Checks a results folder.

    Args:
      folder: The folder.
      tolerance: Relative difference of values that counts as none.

    Raises:
      StoreError: If there is no run in the folder, or it cannot be read.
      ValueError: If the tolerance is not positive.
    """
    checks.positive(tolerance=tolerance)
    store, report = Store(folder, frozen=True), Report()
    runs_found = sorted((store.root / runs.FOLDER).glob("*.json"))
    if not runs_found and not (store.root / runs.VIEW).exists():
        raise StoreError(f"no run in {store.root}: it has no {runs.VIEW}")
    for path in (*runs_found, *store.root.glob(runs.VIEW)):
        _content(store, path, report, shapes.run, files.RUN_BYTES)
    again = []
    for stage, name in FOLDERS.items():
        for path in sorted((store.root / name).glob("*.json")):
            record = _content(store, path, report, shapes.record(stage), files.RECORD_BYTES)
            if record is not None and _is_whole(store, stage, path, record, report) and stage == "measure":
                again.append((path, record))
    for path, record in again:
        if record.get("status") == "ok":
            _measure_again(store, path, record, tolerance, report)
    return report


def _shown(store: Store, path: Path) -> str:
    return path.relative_to(store.root).as_posix()


def _content(store: Store, path: Path, report: Report, check: Check, most: int) -> dict[str, Any] | None:
    """Returns what is in a sealed file, or None and a fault in the report."""
    report.files += 1
    try:
        content = unseal(files.read(path, most) or b"")
        check(content)
    except (Broken, Foreign, files.Unfit) as error:
        report.wrong.append((_shown(store, path), str(error)))
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    report.unsealed += content["schema"] == UNSEALED
    return content


def _is_whole(store: Store, stage: str, path: Path, record: Mapping[str, Any], report: Report) -> bool:
    """Returns whether a record has its own name and its arrays; a fault enters the report."""
    spec, about = record.get("spec"), record.get("arrays")
    reason = ""
    if not isinstance(spec, Mapping) or identify(spec) != path.name.split(".")[0]:
        reason = "its name is not the hash of its specification"
    elif about:
        report.files += 1
        try:
            store.check_arrays(stage, path.name.split(".")[0], about, True)
        except (Broken, StoreError) as error:
            reason = f"its arrays {about['file']}: {error}"
    if reason:
        report.wrong.append((_shown(store, path), reason))
    return not reason


def _measure_again(
    store: Store, path: Path, record: Mapping[str, Any], tolerance: float, report: Report
) -> None:
    spec = record["spec"]
    reason = next((why for kind, one in _parts(spec) if (why := _differs(kind, one))), None)
    if reason is not None:
        report.skipped[reason] += 1
        return
    where = _shown(store, path)
    try:
        again = work.measured_again(spec, store)
    except Exception as error:
        report.wrong.append((where, f"it cannot be measured again: {type(error).__name__}: {error}"))
        return
    if again["status"] != "ok":
        report.wrong.append((where, f"it cannot be measured again: {again['reason']}"))
        return
    report.measured += 1
    old, new = _numbers(record), _numbers(again)
    for label in sorted({*old, *new}):
        if not _same(old.get(label), new.get(label), tolerance):
            told = f"{label} was stored as {old.get(label)} and is now {new.get(label)}"
            report.wrong.append((where, f"{spec['metric']['name']}: {told}"))


def _parts(spec: Any) -> Iterator[tuple[str, Spec]]:
    """Yields the parts that a measurement builds, with their kinds."""
    for key, value in spec.items() if isinstance(spec, Mapping) else ():
        if key in PARTS and isinstance(value, Mapping):
            yield key, value
        elif key != "sampler":
            yield from _parts(value)


def _differs(kind: str, stored: Spec) -> str | None:
    """Returns why a part cannot be built as it was, or None."""
    registry, version = PARTS[kind]
    name = stored["name"]
    who = f"{kind} {name!r}"
    if name not in registry.loaded():
        return f"{who} is a plug-in's: give its file with --plugin"
    entry = registry.entry(name)
    if entry.digest != stored.get("plugin"):
        return f"{who} was made by another text of its plug-in"
    try:
        now = version(entry, stored["params"])
        built = part(registry, name, stored["params"], now)
    except (ValueError, TypeError) as error:
        return f"{who} cannot be built any more: {error}"
    if now != stored.get("version") or built["params"] != stored["params"]:
        return f"{who} has version {now} here and had {stored.get('version')}"
    return None


def _numbers(record: Mapping[str, Any]) -> dict[str, float | None]:
    """Returns the values of a measurement, and how far each is from its floor."""
    floors = {f"z of {column}": reading.get("z") for column, reading in record.get("floor", {}).items()}
    return {**record.get("values", {}), **floors}


def _same(old: float | None, new: float | None, tolerance: float) -> bool:
    a, b = (math.nan if value is None or not math.isfinite(value) else float(value) for value in (old, new))
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return abs(a - b) <= tolerance * max(abs(a), abs(b)) + ABSOLUTE
