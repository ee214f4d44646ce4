"""What rows of two runs are, so that they can be paired: specifications without versions, never labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from diffbench.records.outcome import MISSING
from diffbench.records.places import AXES, unversioned
from diffbench.spec import Json, JsonObject, identify
from diffbench.tables.comparison import ROW

LABELS = ("dataset", *ROW)
Key = tuple[str, str]
"""A row without its seed and versions, and a column of a metric without its version."""
Reading = JsonObject
"""A row of the long table."""


def lasting(run_a: Json, run_b: Json) -> list[dict[str, str]]:
    """Returns what `ageless` does of two runs; equal where rows of both are to be paired."""
    found = [ageless(run) for run in (run_a, run_b)]
    # Several files of samples on the same data are told apart by what is in them.
    many = {key for one in found for key, count in Counter(one.values()).items() if count > 1}
    return [{place: f"{key} {place}" if key in many else key for place, key in one.items()} for one in found]


def ageless(run: Json) -> dict[str, str]:
    """Returns by each place of a run what its rows are, versions and digests left out."""
    specs = {name: identify(_nameless(unversioned(spec))) for name, spec in run["specs"].items()}
    return {
        place: identify([specs.get(axes[axis], "") for axis in AXES]) for place, axes in run["places"].items()
    }


def _nameless(spec: Json) -> Json:
    """Returns a specification without the digests of files of samples."""
    return {key: value for key, value in spec.items() if key not in ("samples", "train")}


def metrics_of(run: Json) -> dict[str, str]:
    """Returns by each column what it is, versions left out."""
    specs = run.get("metrics", {})
    return {
        column: identify([unversioned(specs.get(label, {"name": label})), about.get("column") or column])
        for label, columns in run["columns"].items()
        for column, about in columns.items()
    }


def cells_of(run: Json, table: pd.DataFrame, lasting: Mapping[str, str]) -> dict[Key, dict[int, Reading]]:
    """Returns the rows of a long table by what they are and by seed; what has not run is not there.

    Args:
      run: What the runs of a folder come to.
      table: Its long table, or some rows of it.
      lasting: What the rows of each place are.
    """
    places = {tuple(cell[key] for key in LABELS): cell["place"] for cell in run["cells"]}
    metrics = metrics_of(run)
    there = table[table["status"] != MISSING]
    found: dict[Key, dict[int, Reading]] = {}
    for row in there.to_dict("records"):
        key = lasting[places[tuple(row[label] for label in LABELS)]], metrics[row["metric"]]
        found.setdefault(key, {})[int(row["seed"])] = {str(k): v for k, v in row.items()}
    return found


def other_instruments(run_a: Json, run_b: Json, lasting: Sequence[Mapping[str, str]]) -> set[Key]:
    """Returns what is read by other versions of a metric, or of data that are of other versions."""
    data, metrics = [], []
    for run, places in zip((run_a, run_b), lasting, strict=True):
        specs = {place: run["specs"].get(run["places"][place]["dataset"], {}) for place in places}
        data.append({key: identify(specs[place].get("dataset", {})) for place, key in places.items()})
        exact = {label: identify(spec) for label, spec in run.get("metrics", {}).items()}
        of_column = {c: exact.get(label, "") for label, columns in run["columns"].items() for c in columns}
        metrics.append({key: of_column[column] for column, key in metrics_of(run).items()})
    rows, columns = ({k for k in a.keys() & b.keys() if a[k] != b[k]} for a, b in (data, metrics))
    return {
        (row, column)
        for row in data[0]
        for column in metrics[0]
        if row in rows or column in columns
    }  # fmt: skip
