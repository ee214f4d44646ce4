"""Whether a results folder still is what was measured: digests, names and values.

Every stored file is held against its digest and its name against its specification; then every
measurement is made again from the stored samples and parameters, and compared. Nothing is
written, and no part is built but the package's own and those of plug-ins that were loaded before
by the user's word.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from diffbench import checks
from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS
from diffbench.networks.base import NETWORKS
from diffbench.plugins import load
from diffbench.process import PROCESSES
from diffbench.programs import arithmetic
from diffbench.records.outcome import ERROR, OK
from diffbench.records.store import FOLDERS, Store
from diffbench.registry import Registry
from diffbench.sources.base import SOURCES
from diffbench.spec import Json, JsonObject, Spec, identify
from diffbench.stages import intact, work
from diffbench.stages.harness import Listener
from diffbench.stages.planning import Plan
from diffbench.workers import engine
from diffbench.workers.tasks import Ended, Task

# Added to the relative tolerance: below it float32 sums of standardised points are noise.
ABSOLUTE = 1e-6
# Seconds after which measuring goes on on workers, which take about ten to start.
PATIENCE = 20.0


# The parts that a measurement builds.
PARTS: Mapping[str, Registry[object]] = {
    registry.kind: registry
    for registry in (DATASETS, METRICS, FAMILIES, NETWORKS, PROCESSES, SAMPLERS, SOURCES)
}


def _nobody() -> AbstractContextManager[Listener]:
    return nullcontext(Listener())


def check(
    folder: Path | str,
    tolerance: float = 1e-4,
    *,
    workers: int | None = 0,
    plugins: Sequence[str] = (),
    repair: bool = False,
    watch: Callable[[], AbstractContextManager[Listener]] = _nobody,
) -> intact.Report:
    """Checks a results folder.

    Args:
      folder: The folder.
      tolerance: Relative difference of values that counts as none.
      workers: Processes that measure; 0 for none, None for one a core once it takes long.
      plugins: Plug-in files that they load.
      repair: Whether to move what is broken to quarantine; else nothing is written.
      watch: Makes who hears how far it is, of the files and then of the measurements.

    Raises:
      StoreError: If there is no run in the folder, or it cannot be read.
      ValueError: If the tolerance is not positive.
    """
    checks.positive(tolerance=tolerance)
    store, report = Store(folder, frozen=True), intact.Report()
    faults: list[intact.Fault] = []
    payload = {"root": str(store.root.resolve()), "plugins": [*plugins], "tolerance": tolerance}
    again = []
    with watch() as shown:
        paths = intact.stored(store)
        tasks = [Task(path.name, intact.CHECK, {}) for _, path in paths]
        shown.begin(Plan(tasks, 0, []))
        for task, seen in zip(tasks, intact.look(store, paths), strict=True):
            report.files += seen.files
            faults += seen.faults
            if seen.program is not None:
                name = seen.file
                again.append(Task(name, "measure", {**payload, "file": name}, (), seen.program))
            shown.advance(task, _outcome(len(seen.faults), "broken"))
    faults += intact.lost_runs(store)
    with watch() as shown:
        shown.begin(Plan(again, 0, []))
        for ended in _measured(again, workers):
            result = ended.result
            found = [intact.Fault(*fault) for fault in result.get("faults", ())]
            if result["status"] != OK:
                found = [intact.Fault(ended.task.name, f"it cannot be measured again: {result['reason']}")]
            if result.get("skipped"):
                report.skipped[result["skipped"]] += 1
            report.measured += bool(result.get("measured"))
            faults += found
            shown.advance(ended.task, _outcome(len(found), "wrong"))
    report.wrong = sorted((fault.where, fault.what) for fault in faults)
    if repair:
        report.moved = intact.repair(Store(folder), faults)
    return report


def _outcome(faults: int, reason: str) -> dict[str, str]:
    return {"status": ERROR, "reason": reason} if faults else {"status": OK, "reason": ""}


def _measured(tasks: list[Task], workers: int | None) -> Iterator[Ended]:
    """Yields each measurement made again: here, then, if that takes long, on workers."""
    began, cores = time.monotonic(), os.cpu_count() or 1
    done = 0
    if not workers:
        for ended in engine.run(tasks, judged, 0):
            yield ended
            done += 1
            if workers is None and cores > 1 and time.monotonic() - began > PATIENCE:
                break
    # They see the folder, for they are of this machine: without it, nothing is written for them to find.
    yield from engine.run(tasks[done:], judged, workers or cores)


@arithmetic.pinned()
def judged(payload: Json) -> JsonObject:
    """Makes a stored measurement again and compares; module-level, so that a worker can import it.

    Args:
      payload: {"file", "root", "plugins", "tolerance"}, all JSON.

    Returns:
      "status" and "reason"; "faults", each as `intact.Fault` has it; whether it was "measured", or why
      it was "skipped".
    """
    for path in payload["plugins"]:
        load(path)
    store, where = Store(payload["root"], frozen=True), payload["file"]
    record = store.load(store.root / where) or {}
    spec = record.get("spec", {})
    fine: JsonObject = {"status": OK, "reason": ""}
    reason = next((why for kind, one in _parts(spec) if (why := _differs(kind, one))), None)
    if reason is not None:
        return {**fine, "skipped": reason}
    again = work.measured_again(spec, store)
    if again["status"] != OK:
        return again
    old, new = _numbers(record), _numbers(again)
    # Which of the two is wrong cannot be seen, so the samples go too.
    drawn = spec.get("draw")
    spoilt = [where, *([f"{FOLDERS['draw']}/{identify(drawn)}.json"] if drawn is not None else [])]
    faults = [
        (
            where,
            f"{spec['metric']['name']}: {label} was stored as {old.get(label)} and is now {new.get(label)}",
            spoilt,
        )
        for label in sorted({*old, *new})
        if not _same(old.get(label), new.get(label), payload["tolerance"])
    ]
    return {**fine, "measured": True, "faults": faults}


def _parts(spec: object) -> Iterator[tuple[str, Spec]]:
    """Yields the parts that a measurement builds, with their kinds."""
    for key, value in spec.items() if isinstance(spec, Mapping) else ():
        if key in PARTS and isinstance(value, Mapping):
            yield key, value
        elif key == "draw":  # whose samples are stored
            yield from _parts({k: v for k, v in value.items() if k != "sampler"})
        else:
            yield from _parts(value)


def _differs(kind: str, stored: Spec) -> str | None:
    """Returns why a part cannot be built as it was, or None."""
    registry = PARTS[kind]
    name = stored["name"]
    who = f"{kind} {name!r}"
    if name not in registry.loaded():
        return f"{who} is a plug-in's: give the plug-in's file too"
    entry = registry.entry(name)
    if entry.digest != stored.get("plugin"):
        return f"{who} was made by another text of its plug-in"
    try:
        now = registry.spec_of(name, stored["params"])
    except (ValueError, TypeError) as error:
        return f"{who} cannot be built any more: {error}"
    if any(now[key] != stored.get(key) for key in ("version", "params")):
        return f"{who} has version {now['version']} here and had {stored.get('version')}"
    return None


def _numbers(record: Json) -> dict[str, float | None]:
    """Returns the values of a measurement, and how far each is from its floor."""
    floors = {f"z of {column}": reading.get("z") for column, reading in record.get("floor", {}).items()}
    return {**record.get("values", {}), **floors}


def _same(old: float | None, new: float | None, tolerance: float) -> bool:
    a, b = (math.nan if value is None or not math.isfinite(value) else float(value) for value in (old, new))
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return abs(a - b) <= tolerance * max(abs(a), abs(b)) + ABSOLUTE
