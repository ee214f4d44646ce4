"""Two runs row by row, for reading: lines of a terminal, and Markdown for a comment on a change."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from diffbench.spec import Json
from diffbench.tables import markup
from diffbench.tables.against import ONLY_A, ONLY_B, VERDICTS, Against
from diffbench.tables.change import BETTER, EQUAL, IDENTICAL, UNKNOWN, WORSE
from diffbench.tables.digits import deviations, number, within

MOST = 100
"""Rows of one verdict that a page holds; the frame has all of them."""
HEAD = ("dataset", "score", "family", "sampler", "metric", "A", "B", "change", "seeds", "note")
CAPTION = (
    "`change` is B - A, the mean over the seeds that both have ± half of its 95% t interval, in deviations "
    "of the noise floor (sd) where the metric has one. `worse` and `better`: the interval leaves out 0, the "
    "change exceeds one floor deviation (one deviation over the seeds where there is no floor), and Holm's "
    "steps keep it at 5% among all numbers that changed; `perhaps` are those that they do not. One seed has "
    "no interval and is judged by the floor's law of the difference of two draws, four times as wide where "
    "the row was trained."
)


def counts(found: Against) -> str:
    """Returns the line that says what it comes to."""
    verdicts = found.rows["verdict"].value_counts()
    said = ", ".join(f"{name}: {int(verdicts.get(name, 0))}" for name in VERDICTS)
    same = int((found.rows["note"] == IDENTICAL).sum())
    return f"{said} (unchanged: {same})" if same else said


def first_lines(found: Against) -> Iterator[str]:
    """Yields what is to be known before the rows: what differs in versions, and hints."""
    yield from (f"differs: {line}" for line in found.versions)
    yield from found.hints


def rows_of(rows: pd.DataFrame) -> list[list[str]]:
    """Returns the cells of rows of one verdict, as `HEAD` has them, `MOST` at the most."""
    many = rows.loc[rows["budget"] != "", "budget"].nunique() > 1
    return [_row({str(k): v for k, v in row.items()}, many) for row in rows.head(MOST).to_dict("records")]


def _row(row: Json, many: bool) -> list[str]:
    family = f"{row['family']} {row['budget']}".strip() if many else str(row["family"])
    labels = [str(row["dataset"]), str(row["score"]), family, str(row["sampler"]), str(row["metric"])]
    numbers = [number(row["a"]), number(row["b"]), _change(row), str(row["seeds"] or "-")]
    return [*labels, *numbers, str(row["note"])]


def _change(row: Json) -> str:
    half = (row["high"] - row["low"]) / 2
    if row["floor_sd"] > 0.0 and math.isfinite(row["difference"]):
        return f"{deviations(row['difference'] / row['floor_sd'], half / row['floor_sd'])} sd"
    return within(row["difference"], half)


def shown(found: Against) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yields the rows that a reader looks for, by their verdict: all but those that are equal."""
    for verdict in (WORSE, BETTER, UNKNOWN):
        rows = found.rows[found.rows["verdict"] == verdict]
        if len(rows):
            yield verdict, rows
    suspect = found.rows[(found.rows["verdict"] == EQUAL) & found.rows["note"].str.contains("by itself")]
    if len(suspect):
        yield "perhaps", suspect


def lonely(found: Against) -> Iterator[str]:
    """Yields a line for each row that is in one of the runs only, `MOST` of each at the most."""
    for verdict in (ONLY_A, ONLY_B):
        rows = found.rows[found.rows["verdict"] == verdict]
        groups = list(rows.groupby(["dataset", "score", "family", "budget", "sampler"], sort=False))
        for labels, group in groups[:MOST]:
            where = " / ".join(str(label) for label in labels if label)
            yield f"{verdict}: {where} ({', '.join(map(str, group['metric']))})"
        if len(groups) > MOST:
            yield f"{verdict}: {len(groups) - MOST} rows more"


def markdown(found: Against, a: str, b: str) -> str:
    """Returns the page as Markdown of GitHub.

    Args:
      found: Two runs row by row.
      a: What the first is called.
      b: What the second is called.
    """
    lines = [f"# {markup.markdown(b)} against {markup.markdown(a)}", ""]
    first = [f"- {markup.markdown(line, opening=True)}" for line in first_lines(found)]
    lines += [*first, ""] if first else []
    lines += [f"A is {markup.markdown(a)}, B is {markup.markdown(b)}. **{counts(found)}**", ""]
    for verdict, rows in shown(found):
        lines += [f"## {verdict.capitalize()}", "", *_table(rows), ""]
    alone = list(lonely(found))
    if alone:
        lines += ["## In one only", "", *(f"- {markup.markdown(line, opening=True)}" for line in alone), ""]
    told = [rows.index for _, rows in shown(found)]
    equal = found.rows[found.rows["verdict"] == EQUAL].drop(
        index=[i for each in told for i in each], errors="ignore"
    )
    if len(equal):
        # GitHub shows Markdown within, where a blank line is before it.
        lines += [
            f"<details><summary>Equal ({len(equal)})</summary>",
            "",
            *_table(equal),
            "",
            "</details>",
            "",
        ]
    return "\n".join([*lines, CAPTION, ""])


def _table(rows: pd.DataFrame) -> list[str]:
    cells = rows_of(rows)
    # A column that is empty all the way says nothing.
    kept = [i for i in range(len(HEAD)) if any(row[i] for row in cells)]
    more = ["", f"{len(rows) - MOST} more"] if len(rows) > MOST else []
    return [*markup.table(_of(HEAD, kept), [_of(row, kept) for row in cells]), *more]


def _of(row: Sequence[str], kept: Sequence[int]) -> list[str]:
    return [row[i] for i in kept]
