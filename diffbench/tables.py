"""From stored records to tables: the long one, the comparison, and the times.

Nothing is run and nothing is drawn here: what is not in the store is a row that says so.
The same records give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from diffbench import rendering
from diffbench.comparison import compare
from diffbench.split import error_split
from diffbench.store import Store, StoreError

LONG = (
    "dataset", "family", "score", "sampler", "seed", "metric", "value", "floor_mean", "floor_sd",
    "z", "p_value", "nfe", "n_samples", "status", "reason", "fit_id", "draw_id", "budget",
)  # fmt: skip


class Tables(NamedTuple):
    """The tables of a run.

    Attributes:
      long: One row per cell and metric column.
      comparison: One row per score, family, budget and sampler.
      split: One row per learned row and metric: what its error is made of.
      times: One row per fit, draw, floor and measurement.
    """

    long: pd.DataFrame
    comparison: pd.DataFrame
    split: pd.DataFrame
    times: pd.DataFrame


def read_run(store: Store) -> dict[str, Any]:
    """Returns `run.json`.

    Raises:
      StoreError: If the folder holds no run.
    """
    run = store.read_json("run.json")
    if run is None:
        raise StoreError(f"no run in {store.root}: it has no run.json; run a suite with --out {store.root}")
    return run


def build(store: Store) -> Tables:
    """Builds every table of a run from its records.

    Raises:
      StoreError: If the folder holds no run.
    """
    run = read_run(store)
    reader = _Reader(store)
    rows = [row for cell in run["cells"] for row in _long_rows(cell, run["columns"], reader)]
    long = pd.DataFrame(rows, columns=list(LONG))
    for column in ("value", "floor_mean", "floor_sd", "z", "p_value"):
        long[column] = long[column].astype("float64")
    for column in ("seed", "nfe", "n_samples"):
        long[column] = long[column].astype("Int64")
    processes = {cell["family"]: cell["process"] for cell in run["cells"] if cell.get("process")}
    split = error_split(long, processes)
    return Tables(long, compare(long, run["columns"]), split, _times(run, reader))


class _Reader:
    """Reads each record once."""

    def __init__(self, store: Store):
        self._store = store
        self._seen: dict[tuple[str, str], Mapping[str, Any] | None] = {}

    def __call__(self, stage: str, name: str | None) -> Mapping[str, Any] | None:
        if name is None:
            return None
        if (stage, name) not in self._seen:
            record = self._store.read(stage, name)
            if record is not None:
                record = {k: v for k, v in record.items() if k not in ("spec", "provenance")}
            self._seen[stage, name] = record
        return self._seen[stage, name]


def _long_rows(
    cell: Mapping[str, Any], columns: Mapping[str, Any], read: _Reader
) -> Iterator[dict[str, Any]]:
    """Yields the long rows of a cell: one for each column of each of its metrics."""
    fit, draw = read("fit", cell["fit_id"]), read("draw", cell["draw_id"])
    for metric, name in cell["measures"].items():
        record = read("measure", name)
        status, reason = _status(cell, fit, draw, record)
        for column in columns[metric]:
            found = record or {}
            floor = found.get("floor", {}).get(column, {})
            yield {
                **{k: cell[k] for k in ("dataset", "family", "score", "sampler", "seed", "n_samples")},
                "metric": column,
                "value": found.get("values", {}).get(column),
                "floor_mean": floor.get("mean"),
                "floor_sd": floor.get("sd"),
                "z": floor.get("z"),
                "p_value": floor.get("p_value"),
                "nfe": (draw or {}).get("nfe"),
                "status": status,
                "reason": reason,
                "fit_id": cell["fit_id"],
                "draw_id": cell["draw_id"],
                "budget": cell["budget"],
            }


def _status(cell: Mapping[str, Any], fit: Any, draw: Any, record: Any) -> tuple[str, str]:
    """Returns the first failure on a measurement's way, or that it is not done yet."""
    for stage, found in (
        ("fit", fit if cell["fit_id"] else {"status": "ok"}),
        ("draw", draw),
        ("measure", record),
    ):
        if found is None:
            return "missing", f"the {stage} has not run"
        if found["status"] != "ok":
            reason = found["reason"]
            return found["status"], reason if reason.startswith(("fit: ", "draw: ")) else f"{stage}: {reason}"
    return "ok", ""


def _times(run: Mapping[str, Any], read: _Reader) -> pd.DataFrame:
    """Returns the seconds of every stage; machines differ here and nowhere else."""
    rows = []
    for cell in run["cells"]:
        stages = [("fit", cell["fit_id"]), ("draw", cell["draw_id"])]
        stages += [("measure", name) for name in cell["measures"].values()]
        for stage, name in stages:
            record = read(stage, name)
            if record is not None:
                labels = {k: cell[k] for k in ("dataset", "score", "family", "budget", "sampler", "seed")}
                rows.append({"stage": stage, "id": name, **labels, "seconds": record.get("seconds"),
                             "compiled": record.get("compiled")})  # fmt: skip
    table = pd.DataFrame(rows)
    return table.drop_duplicates(["stage", "id"]) if rows else table


def write(store: Store, tables: Tables, columns: Mapping[str, Any]) -> list[str]:
    """Writes every table under `tables/` and returns the paths, the comparison first."""
    folder = store.root / "tables"
    content = {
        "comparison.md": rendering.markdown(tables.long, columns).encode(),
        "comparison.csv": tables.comparison.to_csv(index=False).encode(),
        "error_split.md": rendering.split_markdown(tables.long, tables.split).encode(),
        "error_split.csv": tables.split.to_csv(index=False).encode(),
        "comparison.tex": rendering.latex(tables.long, columns).encode(),
        "measurements.csv": tables.long.to_csv(index=False).encode(),
        "measurements.parquet": _parquet(tables.long),
        "times.csv": tables.times.to_csv(index=False).encode(),
    }
    for name, data in content.items():
        store.replace(folder / name, data)
    return [str(folder / name) for name in content]


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
