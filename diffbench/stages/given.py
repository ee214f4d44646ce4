"""Samples that came in files or arrays, kept as draws, so that everything else can be measured as ever."""

from __future__ import annotations

from collections.abc import Iterable

from diffbench.records.outcome import OK
from diffbench.records.provenance import provenance
from diffbench.records.store import Store
from diffbench.spec import JsonObject, identify
from diffbench.suites.given import Kept


def keep(store: Store, kept: Iterable[Kept]) -> None:
    """Writes the record of each draw; what stands already is left as it is.

    Raises:
      StoreError: If it cannot be written.
    """
    store.prepare()
    for spec, samples in kept:
        about: JsonObject = {"status": OK, "reason": "", "seconds": 0.0, "compiled": False}
        if "nfe" in spec:
            about["nfe"] = spec["nfe"]
        record = {**about, "stage": "draw", "spec": spec, "provenance": provenance()}
        store.write("draw", identify(spec), record, {"samples": samples})
