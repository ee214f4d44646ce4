"""What a worker does: one task from its JSON to its record in the store.

Every input comes from the specification and the store, every key from names, so a task
gives the same bits wherever and whenever it runs. What each stage does is in `fit`, `draw`
and `measure`.
"""

from __future__ import annotations

import time
import traceback
from datetime import UTC, datetime
from typing import cast

from diffbench import plugins
from diffbench.programs import arithmetic, cache, sampling, training
from diffbench.records.outcome import OK, describe
from diffbench.records.provenance import provenance
from diffbench.records.specs import FitSpec, MeasureSpec
from diffbench.records.store import Store, is_final
from diffbench.spec import Json, JsonObject, Spec, identify
from diffbench.stages import draw as draws
from diffbench.stages import fit as fits
from diffbench.stages import flow as flows
from diffbench.stages import measure as measures
from diffbench.stages import replicas
from diffbench.stages.inputs import Blocked, Inputs, Made
from diffbench.workers.payload import Payload, Told

STAGES = {
    stage.name: stage
    for stage in (measures.REFERENCE, fits.FIT, flows.FLOW, draws.DRAW, measures.FLOOR, measures.MEASURE)
}
"""All stages by name, the most urgent first."""


@arithmetic.pinned()
def execute(content: Json) -> Told:
    """Runs one task and writes its record; module-level, so that a worker can import it.

    Args:
      content: A `Payload` as JSON.
    """
    payload = Payload.of(content)
    spec, store = payload.spec, Store(payload.root)
    found = _outcome(spec, store)
    missing = [one for one in payload.leads if _outcome(one, store) is None]
    if found is None:
        missing = [spec, *missing]
    if missing:
        for path in payload.plugins:
            plugins.load(path)
        made = _not_tried(payload, store) or _make(missing, store)
        return _told(found or made)
    told = _told(found or {})
    return told if payload.led else {**told, "found": True}


def _told(record: Json) -> Told:
    return {"status": record["status"], "reason": record["reason"], "seconds": record["seconds"]}


def _outcome(spec: Spec, store: Store) -> JsonObject | None:
    """Returns the record of a specification where it is final and whole."""
    record = store.read(spec["stage"], identify(spec), whole=True)
    return record if is_final(record) else None


def _not_tried(payload: Payload, store: Store) -> JsonObject | None:
    """Writes the failure that a fit shares with the one that leads it, where it does, and returns it."""
    failure = replicas.shared_failure(payload, store)
    if failure is None:
        return None
    about = {"seconds": 0.0, "compiled": False, "provenance": provenance()}
    record = {**failure, **about, "stage": "fit", "spec": payload.spec}
    store.write("fit", payload.name, record)
    return record


def _make(specs: list[Spec], store: Store) -> JsonObject:
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
    record: JsonObject = {}
    # The first is the last to be written: where it is, all are.
    for spec, (content, arrays) in reversed([*zip(specs, made, strict=False)]):
        record = {"status": OK, "reason": "", **content, "stage": spec["stage"], "spec": spec, **about}
        store.write(spec["stage"], identify(spec), record, arrays)
    return record


def _made(specs: list[Spec], store: Store) -> list[Made]:
    """Returns what the stage of a task makes of its specifications."""
    if len(specs) > 1:
        return fits.train(cast("list[FitSpec]", specs))
    return [STAGES[specs[0]["stage"]].run(specs[0], Inputs(store, lambda spec, store: _make([spec], store)))]


@arithmetic.pinned()
def measured_again(spec: MeasureSpec, store: Store) -> JsonObject:
    """Returns the record of a measurement of what is stored, without writing it.

    Args:
      spec: Its specification.
      store: The results folder, frozen.
    """
    try:
        record, _ = measures.measure(spec, Inputs(store))
    except Exception as error:
        return dict(describe(error))
    return {"status": OK, "reason": "", **record}


def _compiled() -> int:
    """Returns how many programs of the main loops this process has built."""
    return cache.built(training.KIND, sampling.KIND)
