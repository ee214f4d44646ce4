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

from diffbench import draws, fits, measures, plugins, sampling, training
from diffbench.failures import describe
from diffbench.inputs import Blocked, Inputs, Made
from diffbench.provenance import provenance
from diffbench.spec import Spec, identify
from diffbench.store import Store, is_final

STAGES: dict[str, Callable[[Spec, Inputs], Made]] = {
    "fit": fits.fit,
    "draw": draws.draw,
    "reference": measures.reference,
    "floor": measures.floor,
    "measure": measures.measure,
}


def execute(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Runs one task and writes its record; module-level, so that a worker can import it.

    Args:
      payload: {"name", "spec", "root", "plugins"}, all JSON. A fit may lead others, "leads": their
        specifications, which it trains in the same program and whose records it writes too;
        these are "led", and look for their record before they do anything.

    Returns:
      The record's status, reason and seconds; "found" where an earlier run, or another one in the
      meantime, has made it.
    """
    spec, store = payload["spec"], Store(payload["root"])
    found = store.read(spec["stage"], payload["name"], whole=True)
    if found is not None and is_final(found):
        return {**_told(found), **({} if payload.get("led") else {"found": True})}
    for path in payload["plugins"]:
        plugins.load(path)
    others = [one for one in payload.get("leads", ()) if not _is_there(one, store)]
    return _told(_make([spec, *others], store)[0])


def _told(record: Mapping[str, Any]) -> dict[str, Any]:
    return {k: record[k] for k in ("status", "reason", "seconds")}


def _is_there(spec: Spec, store: Store) -> bool:
    return is_final(store.read(spec["stage"], identify(spec), whole=True))


def _make(specs: list[Spec], store: Store) -> list[dict[str, Any]]:
    """Does a task and returns the records that it wrote, one for each specification."""
    started, began, programs = datetime.now(UTC), time.perf_counter(), _compiled()
    try:
        made = _made(specs, store)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        failure = describe(error)
        failure["reason"] += f" ({where.name}, line {where.lineno})"
        blocked = {"blocked": True} if isinstance(error, Blocked) else {}
        made = [({**failure, **blocked}, {})] * len(specs)
    about = {
        "seconds": (time.perf_counter() - began) / len(specs),
        "compiled": _compiled() > programs,
        "started": started.isoformat(timespec="milliseconds"),
        "ended": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "provenance": provenance(),
    }
    records = []
    for spec, (content, arrays) in zip(specs, made, strict=True):
        record = {"status": "ok", "reason": "", **content, "stage": spec["stage"], "spec": spec, **about}
        store.write(spec["stage"], identify(spec), record, arrays)
        records.append(record)
    return records


def _made(specs: list[Spec], store: Store) -> list[Made]:
    """Returns what the stage of a task makes of its specifications."""
    if len(specs) > 1:
        return fits.train(specs)
    return [STAGES[specs[0]["stage"]](specs[0], Inputs(store, lambda spec, store: _make([spec], store)[0]))]


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
