"""From stored records to tables: the long one, the comparison, and the times.

Nothing is run and nothing is drawn here: what is not in the store is a row that says so.
The same records give the same bytes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from diffbench import runs, spreadsheet
from diffbench.index import Index
from diffbench.statistics import t_interval
from diffbench.store import Store

LONG = (
    "dataset", "family", "score", "sampler", "seed", "metric", "value", "floor_mean", "floor_sd",
    "z", "p_value", "nfe", "n_samples", "status", "reason", "fit_id", "draw_id", "budget",
)  # fmt: skip
ROW = ("score", "family", "budget", "sampler")
SCORES = ("truth", "exact", "learned")  # the two bracket rows first


class Tables(NamedTuple):
    """The tables of a run.

    Attributes:
      long: One row per cell and metric column.
      comparison: One row per score, family, budget and sampler.
      times: One row per fit, draw, floor and measurement.
    """

    long: pd.DataFrame
    comparison: pd.DataFrame
    times: pd.DataFrame


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
    reader = Index(store)
    rows = [row for cell in run["cells"] for row in _long_rows(cell, run["columns"], reader)]
    long = pd.DataFrame(rows, columns=list(LONG))
    for column in ("value", "floor_mean", "floor_sd", "z", "p_value"):
        long[column] = long[column].astype("float64")
    for column in ("seed", "nfe", "n_samples"):
        long[column] = long[column].astype("Int64")
    made = Tables(long, compare(long, run["columns"]), _times(run, reader))
    reader.save()
    return made


def _long_rows(cell: Mapping[str, Any], columns: Mapping[str, Any], read: Index) -> Iterator[dict[str, Any]]:
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


def compare(long: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the comparison: a row per score, family, budget and sampler.

    For each dataset and metric column: mean over seeds, the ends of its 95% t interval,
    and the mean z. `completed` counts cells, not metrics.

    Args:
      long: The long table.
      columns: Columns of each metric, in order.
    """
    order = {column: i for i, column in enumerate(c for metric in columns.values() for c in metric)}
    # Plain lists: one pandas group a row and column would take most of a large table's time.
    numbers = {c: long[c].to_numpy(float, na_value=math.nan) for c in ("value", "z", "floor_sd", "nfe")}
    labels = zip(*(long[c].tolist() for c in (*ROW, "dataset", "metric", "seed", "status")), strict=True)
    groups: dict[tuple[str, ...], dict[tuple[str, str], list[int]]] = {}
    ok: dict[tuple[str, ...], dict[tuple[str, int], bool]] = {}
    nfes: dict[tuple[str, ...], dict[tuple[str, int], float]] = {}
    for i, (*here, dataset, metric, seed, status) in enumerate(labels):
        key, cell = tuple(here), (dataset, seed)
        groups.setdefault(key, {}).setdefault((dataset, metric), []).append(i)
        done = ok.setdefault(key, {})
        done[cell] = done.get(cell, True) and status == "ok"
        nfes.setdefault(key, {}).setdefault(cell, float(numbers["nfe"][i]))
    rows = []
    for key, columns_of in groups.items():
        row: dict[str, Any] = dict(zip(ROW, key, strict=True))
        row |= {"completed": sum(ok[key].values()), "cells": len(ok[key])}
        for (dataset, metric), at in columns_of.items():
            interval, z = t_interval(numbers["value"][at]), t_interval(numbers["z"][at])
            place = f"{dataset}:{metric}"
            row |= {place: interval.mean, f"{place}:low": interval.low, f"{place}:high": interval.high}
            if not all(math.isnan(numbers["floor_sd"][i]) for i in at):
                row[f"{place}:z"] = z.mean
        nfe = [value for value in nfes[key].values() if not math.isnan(value)]
        row["nfe"] = sum(nfe) / len(nfe) if nfe else math.nan
        rows.append(row)
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    fixed = [*ROW, "nfe", "completed", "cells"]
    places = sorted(
        (c for c in table.columns if c not in fixed),
        key=lambda c: (c.split(":")[0], order.get(c.split(":")[1], 0), len(c.split(":")), c),
    )
    table["_score"] = table["score"].map({score: i for i, score in enumerate(SCORES)}).fillna(len(SCORES))
    table = table.sort_values(["_score", *ROW[1:]], kind="stable")
    return table[[*fixed, *places]].reset_index(drop=True)


def _times(run: Mapping[str, Any], read: Index) -> pd.DataFrame:
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
        "comparison.md": markdown(tables.long, columns).encode(),
        "comparison.csv": spreadsheet.csv(tables.comparison),
        "comparison.tex": latex(tables.long, columns).encode(),
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


def number(value: float, digits: int = 3) -> str:
    """Returns a number for reading: three significant digits, empty where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"
    return f"{value:.{digits - 1}e}"


def failed_cells(long: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns the cells that are not ok, each once, with status and reason."""
    bad = long[long["status"] != "ok"].drop_duplicates(["dataset", *ROW, "seed"])
    return [{str(k): v for k, v in row.items()} for row in bad.to_dict("records")]


def summary(
    long: pd.DataFrame, dataset: str, metrics: Sequence[str], over_floor: bool = False
) -> list[list[str]]:
    """Returns the rows of one dataset for reading: labels, NFE, cells done, and columns.

    A value stands as `mean ± half interval (z)`, over seeds. With `over_floor` its z stands
    alone, as `z ± half interval`, where the metric has a floor.
    """
    here = long[long["dataset"] == dataset]
    rows = []
    rank = {score: i for i, score in enumerate(SCORES)}
    groups: list[tuple[Any, pd.DataFrame]] = sorted(
        here.groupby(list(ROW), sort=False), key=lambda item: (rank.get(str(item[0][0]), 9), *item[0][1:])
    )
    many = here["budget"].replace("", math.nan).dropna().nunique() > 1
    for key, group in groups:
        labels: dict[str, str] = dict(zip(ROW, key, strict=True))
        done = group.groupby("seed")["status"].agg(lambda s: bool((s == "ok").all()))
        nfe = group.drop_duplicates("seed")["nfe"].dropna()
        name = f"{labels['family']} {labels['budget']}".strip() if many else labels["family"]
        row = [labels["score"], name, labels["sampler"], f"{nfe.mean():.0f}" if len(nfe) else "-"]
        row.append(f"{int(done.sum())}/{len(done)}")
        for metric in metrics:
            row.append(_shown(group[group["metric"] == metric], over_floor))
        rows.append(row)
    return rows


def _shown(values: pd.DataFrame, over_floor: bool) -> str:
    """Returns a column of one row over its seeds, for reading."""
    z = t_interval(values["z"])
    if over_floor and z.n:
        digits = 0 if abs(z.mean) >= 10 else 1
        half = f" ± {z.half:.{digits}f}" if math.isfinite(z.half) else ""
        return f"{z.mean:.{digits}f}{half}"
    interval = t_interval(values["value"])
    if interval.n == 0:
        return "-"
    text = number(interval.mean, 2 if over_floor else 3)
    if math.isfinite(interval.half):
        text += f" ± {number(interval.half, 2)}"
    return f"{text} (z {z.mean:.1f})" if z.n else text


HEAD = ("score", "family", "sampler", "NFE", "cells")
CAPTION = (
    "Mean over seeds ± half of its 95% t interval; z is the mean distance from the noise floor in floor "
    "standard deviations (truth itself: about 0). Rows `truth` are fresh samples of the data, rows `exact` "
    "the same samplers on the exact score of each process."
)


def arrow(better: str) -> str:
    """Returns the sign of the better direction."""
    return "↓" if better == "lower" else "↑"


def _sections(
    long: pd.DataFrame, columns: Mapping[str, Any]
) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Yields each dataset with the head and the rows of its table."""
    flat = {column: about for metric in columns.values() for column, about in metric.items()}
    for dataset in sorted(long["dataset"].unique()):
        present = set(long.loc[(long["dataset"] == dataset), "metric"])
        metrics = [column for column in flat if column in present]
        head = [*HEAD, *(f"{m} {arrow(flat[m]['better'])}" for m in metrics)]
        yield dataset, head, summary(long, dataset, metrics)


def markdown(long: pd.DataFrame, columns: Mapping[str, Any]) -> str:
    """Returns the comparison as Markdown, a table for each dataset."""
    lines = ["# Comparison", "", CAPTION, ""]
    for dataset, head, rows in _sections(long, columns):
        lines += [f"## {dataset}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
        lines.append("")
    failed = failed_cells(long)
    if failed:
        lines += ["## Cells that are not ok", ""]
        for cell in failed:
            where = " / ".join(str(cell[k]) for k in ("dataset", *ROW) if cell[k])
            lines.append(f"- {where}, seed {cell['seed']}: {cell['status']} ({cell['reason']})")
        lines.append("")
    return "\n".join(lines)


def latex(long: pd.DataFrame, columns: Mapping[str, Any]) -> str:
    """Returns the comparison as LaTeX (booktabs), a table for each dataset."""
    lines = ["% needs the package booktabs"]
    for dataset, head, rows in _sections(long, columns):
        lines += [
            r"\begin{table}",
            rf"\caption{{{_escape(dataset)}. {_escape(CAPTION.replace('`', ''))}}}",
            rf"\begin{{tabular}}{{{'l' * 3}{'r' * (len(head) - 3)}}}",
            r"\toprule",
            " & ".join(_escape(h) for h in head) + r" \\",
            r"\midrule",
        ]
        lines += [" & ".join(_escape(cell) for cell in row) + r" \\" for row in rows]
        lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


# What stands for itself in text and not in LaTeX.
_LATEX = {
    **{letter: f"\\{letter}" for letter in "_%&#${}"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "±": r"$\pm$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
}


def _escape(text: str) -> str:
    """Returns text as LaTeX shows it."""
    return "".join(_LATEX.get(letter, letter) for letter in text)
