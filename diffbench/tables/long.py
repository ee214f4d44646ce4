"""From stored records to tables: the long one, the comparison, and the times.

Nothing is run and nothing is drawn here: what is not in the store is a row that says so.
The same records give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from diffbench.records import runs
from diffbench.records.reader import Reader
from diffbench.records.store import Store
from diffbench.tables import rendering, spreadsheet
from diffbench.tables.comparison import compare
from diffbench.tables.split import error_split

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
      leading: Metrics that go first wherever some are chosen.
    """

    long: pd.DataFrame
    comparison: pd.DataFrame
    split: pd.DataFrame
    times: pd.DataFrame
    leading: tuple[str, ...] = ()


def read_run(store: Store) -> dict[str, Any]:
    """Returns what the runs of a folder come to, as `run.json` has it.

    Raises:
      StoreError: If the folder holds no run.
    """
    return runs.cells_of(store)


def build(store: Store) -> Tables:
    """Builds every table of a run from its records.

    Raises:
      StoreError: If the folder holds no run.
    """
    run = read_run(store)
    reader = Reader(store)
    rows = [row for cell in run["cells"] for row in _long_rows(cell, run["columns"], reader)]
    long = pd.DataFrame(rows, columns=list(LONG))
    for column in ("value", "floor_mean", "floor_sd", "z", "p_value"):
        long[column] = long[column].astype("float64")
    for column in ("seed", "nfe", "n_samples"):
        long[column] = long[column].astype("Int64")
    processes = {cell["family"]: cell["process"] for cell in run["cells"] if cell.get("process")}
    split = error_split(long, processes, run["columns"])
    leading = tuple(run.get("leading", ()))
    made = Tables(long, compare(long, run["columns"]), split, _times(run, reader), leading)
    return made


def _long_rows(cell: Mapping[str, Any], columns: Mapping[str, Any], read: Reader) -> Iterator[dict[str, Any]]:
    """Yields the long rows of a cell: one for each column of each of its metrics."""
    fit, draw = read("fit", cell["fit_id"]), read("draw", cell["draw_id"])
    for metric, name in cell["measures"].items():
        record = read("measure", name)
        status, reason = _status(cell, fit, draw, record)
        for column in columns[metric]:
            found = record or {}
            floor = found.get("floor", {}).get(column, {})
            yield {
                **{k: cell[k] for k in ("dataset", "family", "score", "sampler", "seed")},
                # A metric may take fewer of them than were drawn.
                "n_samples": found.get("n_samples", cell["n_samples"]),
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
    way: list[tuple[str, Any]] = [("draw", draw), ("measure", record)]
    for stage, found in [("fit", fit), *way] if cell["fit_id"] else way:
        if found is None:
            return "missing", f"the {stage} has not run"
        if found["status"] != "ok":
            first = (found.get("inherited") or {}).get("stage", stage)
            return found["status"], f"{first}: {found['reason']}"
    return "ok", ""


def _times(run: Mapping[str, Any], read: Reader) -> pd.DataFrame:
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
        "comparison.csv": spreadsheet.csv(tables.comparison),
        "error_split.md": rendering.split_markdown(
            tables.long, tables.split, columns, tables.leading
        ).encode(),
        "error_split.csv": spreadsheet.csv(tables.split),
        "comparison.tex": rendering.latex(tables.long, columns).encode(),
        "measurements.csv": spreadsheet.csv(tables.long),
        "measurements.parquet": _parquet(tables.long),
        "times.csv": spreadsheet.csv(tables.times),
    }
    for name, data in content.items():
        store.replace(folder / name, data)
    return [str(folder / name) for name in content]


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
