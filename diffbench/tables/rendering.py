"""Tables as people read them: text cells, Markdown and LaTeX, from the long table alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from diffbench.records.outcome import OK
from diffbench.spec import Json, JsonObject
from diffbench.tables import markup
from diffbench.tables.comparison import ROW, row_order
from diffbench.tables.digits import deviations, number, within
from diffbench.tables.headlines import WAYS, first_of, named
from diffbench.tables.statistics import t_interval

_ACROSS = 8  # columns of numbers in one table


def notes(long: pd.DataFrame) -> list[str]:
    """Returns how to read rows that are well, each once, with the datasets that it is of."""
    said = long[(long["status"] == "ok") & (long["reason"] != "")]
    found = said.groupby("reason", sort=False)["dataset"].unique()
    return [f"{', '.join(map(str, datasets))}: {reason}" for reason, datasets in found.items()]


def failed_cells(long: pd.DataFrame) -> list[JsonObject]:
    """Returns the cells that are not ok, each once, with status and reason."""
    bad = long[long["status"] != OK].drop_duplicates(["dataset", *ROW, "seed"])
    return _records(bad)


def summary(
    long: pd.DataFrame,
    dataset: str,
    metrics: Sequence[str],
    over_floor: bool = False,
    censored: Collection[str] = (),
) -> list[list[str]]:
    """Returns the rows of one dataset for reading: labels, NFE, cells done, and columns.

    A value stands as `mean ± half interval (z)`, over seeds. With `over_floor` the columns of
    `in_z` stand as `z ± half interval`. A mean over seeds of which some are `censored` at n stands
    as `> mean`, and one that is not over all of the row's cells says over how many it is.
    """
    here = long[long["dataset"] == dataset]
    read_in_z = in_z(long, dataset) if over_floor else set()
    many = here["budget"].replace("", math.nan).dropna().nunique() > 1
    # As arrays: a table may have thousands of rows, and a frame for each column of each takes milliseconds.
    of, seeds = here["metric"].to_numpy(object), here["seed"].to_numpy(np.int64)
    well = (here["status"] == OK).to_numpy(bool)
    numbers = {c: here[c].to_numpy(np.float64, na_value=math.nan) for c in ("value", "z", "n_samples", "nfe")}
    rows = []
    groups: dict[Any, Any] = here.groupby(list(ROW), sort=False).indices
    for key in sorted(groups, key=row_order):
        at = np.asarray(groups[key])
        labels: dict[str, str] = dict(zip(ROW, key, strict=True))
        each, first = np.unique(seeds[at], return_index=True)
        done = len(each) - len(np.unique(seeds[at][~well[at]]))
        nfe = numbers["nfe"][at][first]
        nfe = nfe[np.isfinite(nfe)]
        name = f"{labels['family']} {labels['budget']}".strip() if many else labels["family"]
        row = [labels["score"], name, labels["sampler"], f"{nfe.mean():.0f}" if len(nfe) else "-"]
        row.append(f"{done}/{len(each)}")
        for metric in metrics:
            here_at = at[of[at] == metric]
            values = {column: numbers[column][here_at] for column in ("value", "z", "n_samples")}
            row.append(_shown(values, len(each), metric in read_in_z, metric in censored))
        rows.append(row)
    return rows


def in_z(long: pd.DataFrame, dataset: str) -> set[str]:
    """Returns the columns of a dataset that are read in floor deviations: some row has a z."""
    known = (long["dataset"] == dataset) & np.isfinite(long["z"].to_numpy(float))
    return set(long.loc[known, "metric"])


def _shown(values: Mapping[str, np.ndarray], seeds: int, over_floor: bool, censored: bool) -> str:
    """Returns a column of one row over its seeds, for reading; "(2 of 3)" where some have no value."""
    z, interval = t_interval(values["z"]), t_interval(values["value"])
    some = _of(interval.n, seeds)
    if censored and (values["value"] >= values["n_samples"]).any():
        return f"> {number(interval.mean)}{some}"
    if over_floor:
        return deviations(z.mean, z.half) + _of(z.n, seeds)
    text = within(interval.mean, interval.half) + some
    return f"{text} (z {deviations(z.mean)}{_of(z.n, interval.n)})" if z.n else text


def _of(n: int, seeds: int) -> str:
    """Returns over how many seeds a mean is, where that is not all; a mean over none is no number."""
    return "" if n in (0, seeds) else f" ({n} of {seeds})"


HEAD = ("score", "family", "sampler", "NFE", "cells")


CAPTION = (
    "Mean over seeds ± half of its 95% t interval; z is the mean distance from the noise floor in floor "
    "standard deviations (truth itself: about 0). Rows `truth` are fresh samples of the data, rows `exact` "
    "the same samplers on the exact score of each process."
)


def arrow(better: str) -> str:
    """Returns the sign of the better direction; of both, towards truth, where that is what is good."""
    return {"lower": "↓", "higher": "↑"}.get(better, "↔")


def _sections(long: pd.DataFrame, columns: Json) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Yields the tables of each dataset: its name, a head, and rows that hold a number."""
    flat = {column: about for metric in columns.values() for column, about in metric.items()}
    for dataset in long["dataset"].unique():
        present = set(long.loc[(long["dataset"] == dataset), "metric"])
        for metrics in _pages([[c for c in metric if c in present] for metric in columns.values()]):
            head = [*HEAD, *(f"{m} {arrow(flat[m]['better'])}" for m in metrics)]
            rows = summary(long, dataset, metrics, censored=censored_of(columns))
            yield dataset, head, [row for row in rows if {*row[len(HEAD) :]} != {"-"}]


def _pages(groups: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Yields columns for one table after another; those of one metric stay together."""
    page: list[str] = []
    for group in groups:
        if page and len(page) + len(group) > _ACROSS:
            yield page
            page = []
        page = [*page, *group]
    if page:
        yield page


def censored_of(columns: Json) -> set[str]:
    """Returns the columns in which a value of n, the number of samples, means "more than n"."""
    return {c for metric in columns.values() for c, about in metric.items() if about.get("censored")}


def against(rows: pd.DataFrame, by: str) -> list[str]:
    """Returns a paragraph of Markdown on what stood for the truth, empty where no row tells.

    Args:
      rows: Rows of the long table.
      by: The column of which the paragraph names what has each form: "metric" or "dataset".
    """
    if "against" not in rows:  # tables of before rows told
        return []
    told = rows[rows["against"] != ""].groupby("against", sort=False)[by].unique()
    forms = (f"{form} ({', '.join(map(markup.markdown, names))})" for form, names in told.items())
    said = "; ".join(forms)
    return [f"What stands for the truth: {said}.", ""] if said else []


def markdown(long: pd.DataFrame, columns: Json) -> str:
    """Returns the comparison as Markdown, a section for each dataset."""
    lines = ["# Comparison", "", CAPTION, ""]
    before = None
    for dataset, head, rows in _sections(long, columns):
        told = against(long[long["dataset"] == dataset], "metric")
        title = [] if dataset == before else [f"## {markup.markdown(dataset)}", "", *told]
        lines += [*title, *markup.table(head, rows), ""]
        before = dataset
    lines += [line for note in notes(long) for line in (markup.markdown(note) + ".", "")]
    failed = failed_cells(long)
    if failed:
        lines += ["## Cells that are not ok", ""]
        for cell in failed:
            where = " / ".join(str(cell[k]) for k in ("dataset", *ROW) if cell[k])
            what = f"{where}, seed {cell['seed']}: {cell['status']} ({cell['reason']})"
            lines.append(f"- {markup.markdown(what, opening=True)}")
        lines.append("")
    return "\n".join(lines)


_PARTS = {
    "total": "total",
    "solver": "solver",
    "learning": "learning",
    "finite_data": "finite data",
}
SPLIT_CAPTION = (
    "Error over the noise floor in floor standard deviations, more being worse: mean over seeds ± half of "
    "its 95% t interval. `total` is the learned score's, `solver` the same sampler's on the exact score of "
    "the same process, `learning` the difference, seed by seed. With a finite training set, `finite data` "
    "is what the exact score of that set (empirical) adds to the exact score of the data. All parts of a "
    "row are over the same seeds, those in which every score that is compared has a value. `errs in` names "
    "what *these* models err in, the largest part first, with how many seeds show it alone: each seed has a "
    "p-value against the floor, Fisher's method combines them, Holm's steps keep all rows of a dataset under "
    "one metric at 5% together, and a part below 0.005 in units of u is not named. The intervals answer "
    "another question: how much another training would differ. "
    "Where the good value is truth itself, parts have the sign of what is measured, and those below zero "
    "count too."
)
SCORE_CAPTION = (
    "What is wrong with the scores themselves: `score_error` relative to the exact score's size; `score_kl`, "
    "its g^2-weighted integral, in nats, beside the measured `kl` of the ODE's density (the first bounds the "
    "KL of the SDE's, not of the ODE's); `prior_kl`, how far the process ends from the prior that samplers "
    "start from."
)
_PATHS = (
    " `trajectory_error` is how far the score's flow strays from the exact one on the way from noise to data."
)
_SCORE_COLUMNS = ("score_error", "score_kl", "trajectory_error", "kl", "prior_kl")


def split_markdown(
    long: pd.DataFrame,
    split: pd.DataFrame,
    columns: Json | None = None,
    leading: Sequence[str] = (),
) -> str:
    """Returns the error split as Markdown: a table for each metric with a floor, then the scores.

    Args:
      long: The long table.
      split: The table of `diffbench.tables.split.error_split`.
      columns: Columns of each metric, in order.
      leading: Metrics whose tables go first.
    """
    lines = ["# Where the error comes from", "", SPLIT_CAPTION, ""]
    shown = split_order(split, columns or {}, leading)
    for metric in shown:
        here = split[split["metric"] == metric]
        parts = [part for part in _PARTS if here[part].notna().any()]
        head = ["dataset", "family", "sampler", "seeds", *(_PARTS[part] for part in parts), "errs in"]
        rows = [
            [row["dataset"], _named(row, split), row["sampler"], str(row["seeds"])]
            + [_in_floors(row, part) for part in parts]
            + [row["errs_in"]]
            for row in _records(here)
        ]
        told = against(long[long["metric"] == metric], "dataset")
        lines += [f"## {markup.markdown(metric)}", "", *told, *markup.table(head, rows), ""]
    if not shown:
        lines += ["No learned rows with exact rows of the same process and sampler beside them.", ""]
    scores = named(_SCORE_COLUMNS, long["metric"].unique())
    rows = list(_score_rows(long, scores))
    if rows:
        lines += [
            "## Scores",
            "",
            SCORE_CAPTION + (_PATHS if "trajectory_error" in scores else ""),
            "",
            *markup.table(["dataset", "score", "family", *scores], rows),
            "",
        ]
    return "\n".join(lines)


def split_order(split: pd.DataFrame, columns: Json, leading: Sequence[str] = ()) -> list[str]:
    """Returns the columns of an error split: those that lead, the house's ways to err, the others."""
    there = list(dict.fromkeys(split["metric"]))
    ways = [c for way in WAYS for c in named(way.columns, there)]
    ordered = [*first_of(columns, leading, there), *ways, *there]
    return list(dict.fromkeys(ordered))


def _records(table: pd.DataFrame) -> list[JsonObject]:
    """Returns the rows of a table by column."""
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _named(row: Json, split: pd.DataFrame) -> str:
    many = split["budget"].nunique() > 1
    return f"{row['family']} {row['budget']}" if many else str(row["family"])


def _in_floors(row: Json, part: str) -> str:
    """Returns a part of an error in floor standard deviations, with half its interval."""
    mean = row[part] / row["floor_sd"]
    half = 0.5 * (row[f"{part}_high"] - row[f"{part}_low"]) / row["floor_sd"]
    return deviations(mean, half)


def _score_rows(long: pd.DataFrame, columns: Sequence[str]) -> Iterator[list[str]]:
    """Yields a row of text for each score that was judged, whatever the sampler."""
    here = long[long["metric"].isin(columns)]
    here = here.loc[here["value"].isna().sort_values(kind="stable").index]  # what has a value goes first
    keys = ["dataset", "score", "family", "budget"]
    many = here.loc[here["budget"] != "", "budget"].nunique() > 1
    datasets = {dataset: i for i, dataset in enumerate(long["dataset"].unique())}
    groups: list[tuple[Any, pd.DataFrame]] = sorted(
        here.groupby(keys, sort=False), key=lambda item: (datasets[item[0][0]], *row_order(item[0][1:]))
    )
    for (dataset, score, family, budget), group in groups:
        once = group.drop_duplicates(["metric", "seed"])
        name = f"{family} {budget}".strip() if many else family
        shown = []
        for column in columns:
            interval = t_interval(once.loc[once["metric"] == column, "value"])
            seeds = int(once.loc[once["metric"] == column, "seed"].nunique())
            shown.append(within(interval.mean, interval.half) + _of(interval.n, seeds))
        if {*shown} != {"-"}:
            yield [str(dataset), str(score), str(name), *shown]


def latex(long: pd.DataFrame, columns: Json) -> str:
    """Returns the comparison as LaTeX (booktabs), a table for each dataset."""
    lines = ["% needs the package booktabs", markup.SIGN]
    for dataset, head, rows in _sections(long, columns):
        # Escaped here: the styler's own escape leaves line ends and signs that Latin fonts lack.
        cells = [[markup.latex(cell) for cell in row] for row in rows]
        frame = pd.DataFrame(cells, columns=[markup.latex(title) for title in head])
        lines.append(
            frame.style.hide(axis="index").to_latex(
                hrules=True,
                environment="table",
                caption=f"{markup.latex(dataset)}. {markup.latex(CAPTION.replace('`', ''))}",
                column_format="l" * 3 + "r" * (len(head) - 3),
            )
        )
    return "\n".join(lines)
