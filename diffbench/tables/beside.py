"""What was asked for in one folder beside what another one holds of the same data."""

from __future__ import annotations

from collections.abc import Sequence

from diffbench.records.reader import Reader
from diffbench.records.store import Store, StoreError
from diffbench.records.together import together
from diffbench.spec import Json, JsonObject, canonical
from diffbench.tables.long import Read, read_run


def joined(mine: Sequence[Json], store: Store, against: Store | None = None) -> tuple[JsonObject, Read]:
    """Returns rows of one folder and those of another on the same data, and what reads their records.

    Rows that differ in their number of samples or in their floor are of another section, whose name says so.

    Args:
      mine: What was asked for, each in the form of `run.json`, the newest first.
      store: Its folder.
      against: The other folder, or None for no more than what was asked for.

    Raises:
      StoreError: If the other folder holds no run, or none on the same data.
    """
    if against is None:
        return together(mine), Reader(store)
    theirs = _on_the_same_data(read_run(against), mine, against)
    first, second = Reader(store), Reader(against)

    def read(stage: str, name: str | None) -> Json | None:
        found = first(stage, name)
        return second(stage, name) if found is None else found

    return together([*mine, theirs]), read


def _on_the_same_data(run: Json, mine: Sequence[Json], folder: Store) -> JsonObject:
    if "places" not in run:
        raise StoreError(f"{folder.root} is of an earlier version, which does not say what its rows are")
    wanted = {canonical(_data(one, cell)) for one in mine for cell in one["cells"]}
    cells = [cell for cell in run["cells"] if canonical(_data(run, cell)) in wanted]
    if not cells:
        names = sorted({_data(run, cell)["name"] for cell in run["cells"]})
        raise StoreError(f"{folder.root} holds no rows of the same data; it has: {', '.join(names)}")
    used = {cell["place"] for cell in cells}
    labels = {label for cell in cells for label in cell["measures"]}
    return {
        **run,
        "cells": cells,
        "places": {name: axes for name, axes in run["places"].items() if name in used},
        "metrics": {label: spec for label, spec in run["metrics"].items() if label in labels},
        "columns": {label: about for label, about in run["columns"].items() if label in labels},
        "truths": {},
    }


def _data(run: Json, cell: Json) -> Json:
    """Returns the specification of the dataset of a cell."""
    found: Json = run["specs"][run["places"][cell["place"]]["dataset"]]["dataset"]
    return found
