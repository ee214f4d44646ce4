"""What a worker does: one task from its JSON to its record in the store.

Every input comes from the specification and the store, every key from names, so a task
gives the same bits wherever and whenever it runs. What each stage does is in `fits`, `draws`
and `measures`.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from diffbench import plugins
from diffbench.programs import arithmetic, sampling, training
from diffbench.records.outcome import OUT_OF_MEMORY, TIMEOUT, describe
from diffbench.records.provenance import provenance
from diffbench.records.store import Store, is_final
from diffbench.spec import Spec, identify
from diffbench.stages import draw as draws
from diffbench.stages import fit as fits
from diffbench.stages import measure as measures
from diffbench.stages.inputs import Blocked, Inputs, Made

STAGES: dict[str, Callable[[Spec, Inputs], Made]] = {
    "fit": fits.fit,
    "draw": draws.draw,
    "reference": measures.reference,
    "floor": measures.floor,
    "measure": measures.measure,
}


@arithmetic.pinned()
def execute(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Runs one task and writes its record; module-level, so that a worker can import it.

    Args:
      payload: {"name", "spec", "root", "plugins"}, all JSON. A fit may lead others, "leads": their
        specifications, which it trains in the same program and whose records it writes too. Each of
        these is "led", by the name of that fit, and looks for its record before it does anything.

    Returns:
      The record's status, reason and seconds; "found" where an earlier run, or another one in the
      meantime, has made it.
    """
    spec, store = payload["spec"], Store(payload["root"])
    found = _outcome(spec, store)
    missing = [one for one in payload.get("leads", ()) if _outcome(one, store) is None]
    if found is None:
        missing = [spec, *missing]
    if missing:
        for path in payload["plugins"]:
            plugins.load(path)
        made = _shared_failure(payload, store) or _make(missing, store)
        return _told(found or made)
    return {**_told(found or {}), **({} if payload.get("led") else {"found": True})}


def _told(record: Mapping[str, Any]) -> dict[str, Any]:
    return {k: record[k] for k in ("status", "reason", "seconds")}


def _outcome(spec: Spec, store: Store) -> dict[str, Any] | None:
    """Returns the record of a specification where it is final and whole."""
    record = store.read(spec["stage"], identify(spec), whole=True)
    return record if is_final(record) else None


def _shared_failure(payload: Mapping[str, Any], store: Store) -> dict[str, Any] | None:
    """Writes the failure of the fit that leads this one, where it is this one's too; returns it.

    Alone a fit is trained by the same program, which takes as long and as much memory.
    """
    if not payload.get("led"):
        return None
    lead = store.read(payload["spec"]["stage"], payload["led"])
    if lead is None or lead["status"] not in (TIMEOUT, OUT_OF_MEMORY):
        return None
    failure = Blocked("fit", payload["led"], lead).failure
    about = {**failure, "seconds": 0.0, "compiled": False}
    record = {**about, "stage": "fit", "spec": payload["spec"], "provenance": provenance()}
    store.write("fit", payload["name"], record)
    return record


def _make(specs: list[Spec], store: Store) -> dict[str, Any]:
    """Does a task and returns the record of its first specification; writes one for each."""
    started, began, programs = datetime.now(UTC), time.perf_counter(), _compiled()
    try:
        made = _made(specs, store)
    except Blocked as blocked:
        made = [(blocked.failure, {})]
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        failure = describe(error)
        failure["reason"] += f" ({where.name}, line {where.lineno})"
        # Of the first alone: the others have not been tried without it.
        made = [(failure, {})]
    about = {
        # What a seed takes of a full program, whatever company it had.
        "seconds": (time.perf_counter() - began) / specs[0].get("replicas", 1),
        "compiled": _compiled() > programs,
        "started": started.isoformat(timespec="milliseconds"),
        "ended": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "provenance": provenance(),
    }
    record: dict[str, Any] = {}
    # The first is the last to be written: where it is, all are.
    for spec, (content, arrays) in reversed([*zip(specs, made, strict=False)]):
        record = {"status": "ok", "reason": "", **content, "stage": spec["stage"], "spec": spec, **about}
        store.write(spec["stage"], identify(spec), record, arrays)
    return record


def _made(specs: list[Spec], store: Store) -> list[Made]:
    """Returns what the stage of a task makes of its specifications."""
    if len(specs) > 1:
        return fits.train(specs)
    return [STAGES[specs[0]["stage"]](specs[0], Inputs(store, lambda spec, store: _make([spec], store)))]


@arithmetic.pinned()
def measured_again(spec: Spec, store: Store) -> dict[str, Any]:
    """Returns the record of a measurement of what is stored, without writing it.

    Args:
      spec: Its specification.
      store: The results folder, frozen.

    Raises:
      Exception: Whatever the measurement raises, such as where what it needs is not there.
    """
    record, _ = measures.measure(spec, Inputs(store))
    return {"status": "ok", "reason": "", **record}


def _compiled() -> int:
    """Returns how many programs of the main loops this process has built."""
    return training._program.cache_info().misses + sampling._program.cache_info().misses
