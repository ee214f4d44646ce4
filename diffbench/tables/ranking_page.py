"""Rows over all datasets, for reading: a section for each metric, a table for each kind of score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from diffbench.spec import Json
from diffbench.tables import markup, signed_rank
from diffbench.tables.comparison import ROW
from diffbench.tables.digits import number, within
from diffbench.tables.ranking import ENOUGH_SEEDS, MOST, Ranking

SHOWN = 8
"""Rows of which a page compares each two; the files have more."""
CAPTION = (
    "Rows of one kind of score are ranked among themselves. "
    "u is 1 for truth and 0 for the Gaussian of the data's moments. `u` here is the interquartile mean over "
    "datasets and seeds, with the 95% interval of a bootstrap that draws seeds anew within each dataset. "
    "The first of a table is **bold** where it beats every other row of it: its `lead`, the mean difference "
    "over datasets seed by seed with Student's 95% interval over seeds, is above 0, and it wins more than "
    "half of the pairs of seeds. Of equal rows one table in twenty has a bold one by chance, at the most; "
    "nothing is corrected for many tables. Of two rows: `improvement`, the chance that a seed of the first "
    "beats one of the second (ties one half); `better`, `equal`, `worse`, the posterior of the Bayesian "
    f"signed-rank over datasets with {signed_rank.ROPE:g} in u as good as equal; `chance` (94% interval) "
    "that a dataset favours the first by more than that; `Wilcoxon`, p by Holm. Differences on each dataset: "
    "`ranking_differences.csv`."
)
_HEAD = ("family", "sampler", "u", "95% interval", "datasets", "seeds")
_PAIR = (
    "first", "second", "datasets", "improvement", "lead", "better", "equal", "worse", "chance", "Wilcoxon",
)  # fmt: skip


def markdown(found: Ranking) -> str:
    """Returns the page as Markdown."""
    lines = ["# Ranking", "", CAPTION, ""]
    fewest = int(found.rows["seeds"].min())
    if fewest < ENOUGH_SEEDS:
        told = f"{ENOUGH_SEEDS} seeds would keep their word, and some rows have {fewest}"
        lines += [f"The intervals of u are anti-conservative: {told}.", ""]
    silent = signed_rank.silent(int(found.rows["datasets"].max()))
    lines += [silent, ""] if silent else []
    for metric, rows in found.rows.groupby("metric", sort=False):
        lines += [f"## {markup.markdown(str(metric))}", ""]
        for score, kind in rows.groupby("score", sort=False):
            lines += [f"### {markup.markdown(str(score))}", "", *_ranked(kind), ""]
            here = signed_rank.silent(int(kind["datasets"].max())) if len(kind) > 1 else ""
            lines += [here, ""] if here not in ("", silent) else []
            pairs = found.pairs[(found.pairs["metric"] == metric) & (found.pairs["score"] == score)]
            lines += _pairs(pairs, kind)
    return "\n".join(lines)


def _ranked(kind: pd.DataFrame) -> list[str]:
    rows = []
    for row in _records(kind):
        u = f"**{number(row['iqm'])}**" if row["best"] else number(row["iqm"])
        around = "-" if math.isnan(row["low"]) else f"{number(row['low'])} to {number(row['high'])}"
        labels = [markup.markdown(label) for label in (_family(row, ""), str(row["sampler"]))]
        rows.append([*labels, u, around, str(row["datasets"]), str(row["seeds"])])
    return markup.table(_HEAD, rows, str)


def _pairs(pairs: pd.DataFrame, kind: pd.DataFrame) -> list[str]:
    first = {tuple(row[key] for key in ROW[1:]) for row in _records(kind.head(SHOWN))}
    shown = [
        row
        for row in _records(pairs)
        if all(tuple(row[f"{key}_{i}"] for key in ROW[1:]) in first for i in (1, 2))
    ]
    if not shown:
        return []
    rows = [list(_pair(row)) for row in shown]
    kept = [i for i in range(len(_PAIR)) if any(row[i] != "-" for row in rows)]
    cut = (
        [f"Each two of the first {SHOWN} rows; the file has the first {MOST}.", ""]
        if len(kind) > SHOWN
        else []
    )
    return [*cut, *markup.table([_PAIR[i] for i in kept], [[row[i] for i in kept] for row in rows]), ""]


def _pair(row: Json) -> Iterator[str]:
    for i in ("_1", "_2"):
        yield " / ".join(label for label in (_family(row, i), str(row[f"sampler{i}"])) if label)
    yield str(row["datasets"])
    yield _share(row["improvement"])
    yield within(row["lead"], (row["lead_high"] - row["lead_low"]) / 2)
    yield from (_share(row[key]) for key in ("better", "equal", "worse"))
    low, high = _share(row["chance_low"]), _share(row["chance_high"])
    yield "-" if low == "-" else f"{_share(row['chance'])} ({low} to {high})"
    yield number(row["wilcoxon"], 2)


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _family(row: Json, which: str) -> str:
    return f"{row[f'family{which}']} {row[f'budget{which}']}".strip()


def _records(table: pd.DataFrame) -> Sequence[Json]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
