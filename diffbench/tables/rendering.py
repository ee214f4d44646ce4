"""Tables as people read them: text cells, Markdown and LaTeX, from the long table alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from diffbench.tables.comparison import ROW, rank
from diffbench.tables.statistics import t_interval

HEADLINES = ("energy", "mmd2_local", "mode_tv", "manifold_distance", "ct", "score_error")
"""The columns that a first look needs: global, local, on the data's own structure, copies, the score."""


_ACROSS = 8  # columns of numbers in one table


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
    return _records(bad)


def summary(
    long: pd.DataFrame,
    dataset: str,
    metrics: Sequence[str],
    over_floor: bool = False,
    censored: Collection[str] = (),
) -> list[list[str]]:
    """Returns the rows of one dataset for reading: labels, NFE, cells done, and columns.

    A value stands as `mean ± half interval (z)`, over seeds. With `over_floor` its z stands
    alone, as `z ± half interval`, where the metric has a floor. A mean over seeds of which some
    are `censored` at n stands as `> mean`.
    """
    here = long[long["dataset"] == dataset]
    rows = []
    groups: list[tuple[Any, pd.DataFrame]] = sorted(
        here.groupby(list(ROW), sort=False), key=lambda item: (rank(str(item[0][0])), *item[0])
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
            row.append(_shown(group[group["metric"] == metric], over_floor, metric in censored))
        rows.append(row)
    return rows


def _shown(values: pd.DataFrame, over_floor: bool, censored: bool) -> str:
    """Returns a column of one row over its seeds, for reading."""
    if censored and (values["value"] >= values["n_samples"]).any():
        return f"> {number(values['value'].mean())}"
    z = t_interval(values["z"])
    if over_floor and z.n:
        return _in_deviations(z.mean, z.half)
    interval = t_interval(values["value"])
    if interval.n == 0:
        return "-"
    text = number(interval.mean, 2 if over_floor else 3)
    if math.isfinite(interval.half):
        text += f" ± {number(interval.half, 2)}"
    return f"{text} (z {z.mean:.1f})" if z.n else text


def _in_deviations(mean: float, half: float) -> str:
    """Returns a number of floor deviations and half its interval, for reading."""
    if not math.isfinite(mean):
        return "-"

    def text(value: float) -> str:
        size = abs(value)
        return f"{value:.0e}" if size >= 1e4 else f"{value:.0f}" if abs(mean) >= 10 else f"{value:.1f}"

    return text(mean) + (f" ± {text(half)}" if math.isfinite(half) else "")


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
    """Yields the tables of each dataset: its name, a head, and rows that hold a number."""
    flat = {column: about for metric in columns.values() for column, about in metric.items()}
    for dataset in sorted(long["dataset"].unique()):
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


def censored_of(columns: Mapping[str, Any]) -> set[str]:
    """Returns the columns in which a value of n, the number of samples, means "more than n"."""
    return {c for metric in columns.values() for c, about in metric.items() if about.get("censored")}


def markdown(long: pd.DataFrame, columns: Mapping[str, Any]) -> str:
    """Returns the comparison as Markdown, a section for each dataset."""
    lines = ["# Comparison", "", CAPTION, ""]
    before = None
    for dataset, head, rows in _sections(long, columns):
        title = [] if dataset == before else [f"## {dataset}", ""]
        lines += [*title, *_table(head, rows), ""]
        before = dataset
    failed = failed_cells(long)
    if failed:
        lines += ["## Cells that are not ok", ""]
        for cell in failed:
            where = " / ".join(str(cell[k]) for k in ("dataset", *ROW) if cell[k])
            lines.append(f"- {where}, seed {cell['seed']}: {cell['status']} ({cell['reason']})")
        lines.append("")
    return "\n".join(lines)


_PARTS = {
    "total": "total",
    "solver": "solver",
    "learning": "learning",
    "finite_data": "finite data",
}
SPLIT_CAPTION = (
    "Error over the noise floor in floor standard deviations: mean over seeds ± half of its 95% t interval. "
    "`total` is the learned score's, `solver` the same sampler's on the exact score of the same process, "
    "`learning` the difference, seed by seed. With a finite training set, `finite data` is what the exact "
    "score of that set (empirical) adds to the exact score of the data. The last column names the parts "
    "whose intervals lie above zero and whose means exceed two floor deviations over the root of the number "
    "of seeds, the largest first."
)
SCORE_CAPTION = (
    "What is wrong with the scores themselves: `score_error` relative to the exact score's size; `score_kl`, "
    "its g^2-weighted integral, in nats, beside the measured `kl` of the ODE's density (the first bounds the "
    "KL of the SDE's, not of the ODE's); `prior_kl`, how far the process ends from the prior that samplers "
    "start from."
)
_SCORE_COLUMNS = ("score_error", "score_kl", "kl", "prior_kl")


def split_markdown(long: pd.DataFrame, split: pd.DataFrame) -> str:
    """Returns the error split as Markdown: a table for each headline metric, then the scores.

    Args:
      long: The long table.
      split: The table of `diffbench.split.error_split`.
    """
    lines = ["# Where the error comes from", "", SPLIT_CAPTION, ""]
    shown = [metric for metric in HEADLINES if metric in set(split["metric"])]
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
        lines += [f"## {metric}", "", *_table(head, rows), ""]
    if not shown:
        lines += ["No learned rows with exact rows of the same process and sampler beside them.", ""]
    scores = [column for column in _SCORE_COLUMNS if column in set(long["metric"])]
    rows = list(_score_rows(long, scores))
    if rows:
        lines += [
            "## Scores",
            "",
            SCORE_CAPTION,
            "",
            *_table(["dataset", "score", "family", *scores], rows),
            "",
        ]
    return "\n".join(lines)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns the rows of a table by column."""
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _named(row: Mapping[str, Any], split: pd.DataFrame) -> str:
    many = split["budget"].nunique() > 1
    return f"{row['family']} {row['budget']}" if many else str(row["family"])


def _in_floors(row: Mapping[str, Any], part: str) -> str:
    """Returns a part of an error in floor standard deviations, with half its interval."""
    mean = row[part] / row["floor_sd"]
    half = 0.5 * (row[f"{part}_high"] - row[f"{part}_low"]) / row["floor_sd"]
    return _in_deviations(mean, half)


def _score_rows(long: pd.DataFrame, columns: Sequence[str]) -> Iterator[list[str]]:
    """Yields a row of text for each score that was judged, whatever the sampler."""
    here = long[long["metric"].isin(columns) & long["value"].notna()]
    keys = ["dataset", "score", "family", "budget"]
    many = here.loc[here["budget"] != "", "budget"].nunique() > 1
    groups: list[tuple[Any, pd.DataFrame]] = sorted(
        here.groupby(keys, sort=False), key=lambda item: (item[0][0], rank(str(item[0][1])), *item[0][1:])
    )
    for (dataset, score, family, budget), group in groups:
        once = group.drop_duplicates(["metric", "seed"])
        name = f"{family} {budget}".strip() if many else family
        shown = []
        for column in columns:
            interval = t_interval(once.loc[once["metric"] == column, "value"])
            half = f" ± {number(interval.half, 2)}" if math.isfinite(interval.half) else ""
            shown.append(number(interval.mean) + half if interval.n else "-")
        yield [str(dataset), str(score), str(name), *shown]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the lines of a Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]


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
