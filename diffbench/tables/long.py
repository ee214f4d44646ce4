"""From stored records to tables: the long one, the comparison, and the times.

Nothing is run and nothing is drawn here: what is not in the store is a row that says so.
The same records give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pandas as pd

from diffbench.records import runs
from diffbench.records.outcome import ERROR, OK, ending
from diffbench.records.reader import Reader, many
from diffbench.records.store import Store
from diffbench.spec import Json, JsonObject
from diffbench.tables import orders, ranking_page, rendering, spreadsheet
from diffbench.tables.comparison import ROW, compare
from diffbench.tables.ranking import ranking
from diffbench.tables.split import error_split

Read = Callable[[str, str | None], Json | None]
"""(stage, name) -> its record, or None where there is none."""

FOLDER = "tables"
LONG = (
    "dataset", "family", "score", "sampler", "seed", "metric", "value", "floor_mean", "floor_sd",
    "z", "p_value", "nfe", "n_samples", "status", "reason", "fit_id", "draw_id", "budget", "against",
)  # fmt: skip


class Tables(NamedTuple):
    """The tables of a run.

    Attributes:
      long: One row per cell and metric column.
      comparison: One row per score, family, budget and sampler.
      split: One row per learned row and metric: what its error is made of.
      times: One row per fit, draw, floor and measurement.
      leading: Metrics that go first wherever some are chosen.
      measured: Name of the measurement behind each row of the long table.
      orders: One row per solver, grid, score and process: errors against the exact flow, slope, regret.
    """

    long: pd.DataFrame
    comparison: pd.DataFrame
    split: pd.DataFrame
    times: pd.DataFrame
    leading: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    orders: pd.DataFrame = pd.DataFrame()


def read_run(store: Store) -> JsonObject:
    """Returns what the runs of a folder come to, as `run.json` has it.

    Raises:
      StoreError: If the folder holds no run.
    """
    return runs.cells_of(store)


@many()
def build(store: Store) -> Tables:
    """Builds every table of a run from its records.

    Raises:
      StoreError: If the folder holds no run.
    """
    return built(read_run(store), Reader(store))


def built(run: Json, reader: Read) -> Tables:
    """Builds every table of what was asked for, in the form of `run.json`, from what reads its records."""
    # Tuples: a dictionary for each of a million rows takes longer than reading its record.
    rows = [row for cell in run["cells"] for row in _long_rows(cell, run["columns"], reader)]
    long = pd.DataFrame(rows, columns=[*LONG, "measure_id"])
    measured = tuple(long.pop("measure_id"))
    for column in ("value", "floor_mean", "floor_sd", "z", "p_value"):
        long[column] = long[column].astype("float64")
    for column in ("seed", "nfe", "n_samples"):
        long[column] = long[column].astype("Int64")
    split = error_split(long, processes_of(run["cells"]), run["columns"])
    leading = tuple(run.get("leading", ()))
    times, solvers = _times(run, reader), orders.orders(long, run)
    return Tables(long, compare(long, run["columns"]), split, times, leading, measured, solvers)


def processes_of(cells: Iterable[Json]) -> dict[str, str]:
    """Returns by the label of each family what rows without a fit on its process are called."""
    return {cell["family"]: cell["process"] for cell in cells if cell["fit_id"]}


def _long_rows(cell: Json, columns: Json, read: Read) -> Iterator[tuple[object, ...]]:
    """Yields the long rows of a cell, one for each column of each of its metrics: `LONG`, and the record."""
    fit, draw = read("fit", cell["fit_id"]), read("draw", cell["draw_id"])
    begin = tuple(cell[key] for key in LONG[:5])
    nfe = (draw or {}).get("nfe")
    fitted = [("fit", fit)] if cell["fit_id"] else []
    for metric, name in cell["measures"].items():
        record = read("measure", name)
        ended = ending([*fitted, ("draw", draw), ("measure", record)])
        found: Json = record or {}
        values, floors = found.get("values", {}), found.get("floor", {})
        # A metric may take fewer of them than were drawn.
        n = found.get("n_samples", cell["n_samples"])
        end = (cell["fit_id"], cell["draw_id"], cell["budget"], against_of(found), name)
        for column, about in columns[metric].items():
            plain = about.get("column") or column
            value, floor = values.get(plain), floors.get(plain, {})
            z = (floor.get("mean"), floor.get("sd"), floor.get("z"), floor.get("p_value"))
            told = (ended.status, ended.told)
            if value is None and ended.status == OK and not about.get("optional"):
                # Nothing may be left out of a mean in silence.
                told = (ERROR, f"measure: its record has no value of {plain}")
            yield (*begin, column, value, *z, nfe, n, *told, *end)


def against_of(record: Json) -> str:
    """Returns what stood for the truth in a measurement: as it says, or as it was asked to be measured."""
    told = record.get("against")
    if told is not None:
        return str(told)
    # Records of before they said it.
    spec = record.get("spec", {})
    asked = spec.get("metric", {}).get("params", {}).get("against", "")
    return f"reference of {spec['reference']['m']}" if asked == "reference" else str(asked)


def _times(run: Json, read: Read) -> pd.DataFrame:
    """Returns the seconds of every stage; machines differ here and nowhere else.

    A record is there once, beside the first row that needed it; what is of the truth stands beside
    its dataset alone.
    """
    rows, seen = [], set()
    for stage, name, labels, metric in _stages(run):
        if name is None or (stage, name) in seen:
            continue
        seen.add((stage, name))
        record = read(stage, name)
        if record is not None:
            took = (record.get("seconds"), record.get("compiled"))
            rows.append((stage, name, *labels, *took, metric))
    if not rows:
        return pd.DataFrame()
    heads = ("stage", "id", *_WHERE, "seconds", "compiled", "metric")
    return pd.DataFrame(rows, columns=list(heads)).astype({"seed": "Int64"})


_WHERE = ("dataset", *ROW, "seed")


def _stages(run: Json) -> Iterator[tuple[str, str | None, tuple[object, ...], str]]:
    """Yields stage, record, labels and metric of all that a run names, some of it again and again."""
    told = set()
    for cell in run["cells"]:
        section = run["places"][cell["place"]]["dataset"]
        truth = run["truths"].get(section)
        if truth is not None and section not in told:
            told.add(section)
            of_truth = (cell["dataset"], *(None for _ in _WHERE[1:]))
            yield "reference", truth["reference"], of_truth, ""
            for metric, name in truth["floors"].items():
                yield "floor", name, of_truth, metric
        labels = tuple(cell[key] for key in _WHERE)
        yield "fit", cell["fit_id"], labels, ""
        yield "draw", cell["draw_id"], labels, ""
        for metric, name in cell["measures"].items():
            yield "measure", name, labels, metric


def contents(tables: Tables, columns: Json) -> dict[str, bytes]:
    """Returns the file of every table, the comparison first."""
    flown = {} if tables.orders.empty else {
        "orders.md": orders.markdown(tables.orders).encode(),
        "orders.csv": spreadsheet.csv(tables.orders),
    }  # fmt: skip
    return {
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
        **flown,
        **_ranked(tables.long, columns),
    }


def _ranked(long: pd.DataFrame, columns: Json) -> dict[str, bytes]:
    """Returns the files of the ranking, none where no metric has a common scale."""
    found = ranking(long, columns)
    return {} if found.rows.empty else {
        "ranking.md": ranking_page.markdown(found).encode(),
        "ranking.csv": spreadsheet.csv(found.rows),
        "ranking_pairs.csv": spreadsheet.csv(found.pairs),
        "ranking_differences.csv": spreadsheet.csv(found.apart),
    }  # fmt: skip


def write(store: Store, tables: Tables, columns: Json) -> list[str]:
    """Writes every table under `tables/` and returns the paths, the comparison first."""
    made = contents(tables, columns)
    for name, data in made.items():
        store.replace(store.root / FOLDER / name, data)
    return [str(store.root / FOLDER / name) for name in made]


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
