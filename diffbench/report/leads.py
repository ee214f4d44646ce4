"""Who is best, and how sure: a sentence for each of the metrics that see different errors.

A row is best where it beats each other row of its kind beyond noise (`tables.ranking.beats`). Where it does
not, the sentence names the row that comes nearest; and who does not win more than half of the pairs of seeds
against some row, or has a lower mean than it, is no winner, whatever its interquartile mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from diffbench.records.outcome import OK
from diffbench.records.places import base_of
from diffbench.report.gathered import Gathered, budgets, row_name
from diffbench.spec import Json, JsonObject
from diffbench.tables.digits import number
from diffbench.tables.headlines import WAYS
from diffbench.tables.ranking import beats

CLAUSES = 2
LONGEST = 60
"""Characters of a label in a sentence."""


def best(found: Gathered) -> list[str]:
    """Returns which row leads by which metric, and whether its lead is more than noise."""
    if not found.kind:
        return ["Nobody: there is no model here, only what models are held against."]
    if not has_numbers(found):
        return ["None yet: no row of these has a number."]
    rows = found.ranking.rows
    clauses = [
        clause
        for metric in _apart(found.scaled)
        if (
            clause := _leader(found, rows[(rows["metric"] == metric) & (rows["score"] == found.kind)], metric)
        )
    ]
    if clauses:
        return clauses[:CLAUSES]
    return [
        "No ranking: no metric here has the common scale u, for which it needs a noise floor that the "
        "Gaussian of the data's moments exceeds by 10 deviations. The tables show each metric by itself."
    ]


def has_numbers(found: Gathered) -> bool:
    """Returns whether any row of the page's kind has a value: failures alone rank nobody."""
    here = found.long[(found.long["score"] == found.kind) & (found.long["status"] == OK)]
    return bool(here["value"].notna().any())


def _apart(metrics: Sequence[str]) -> list[str]:
    """Returns metrics, one for each way to err: two that see the same say the same."""
    way = {column: i for i, one in enumerate(WAYS) for column in one.columns}
    kept: dict[object, str] = {}
    for metric in metrics:
        kept.setdefault(way.get(base_of(metric), metric), metric)
    return list(kept.values())


def _leader(found: Gathered, rows: pd.DataFrame, metric: str) -> str:
    if rows.empty:
        return ""
    many = budgets(found.long)
    told = [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
    first = told[0]
    u, every = f"u = {number(first['iqm'])}", len(found.datasets)
    u += f" over {first['datasets']} of {every} datasets" if first["datasets"] < every else ""
    name = shown(row_name(first, many=many))
    if len(told) == 1:
        around = "" if math.isnan(first["low"]) else f" ({number(first['low'])} to {number(first['high'])})"
        scale = "where 1 is truth and 0 a Gaussian of its moments"
        return f"By {metric}, there is one row: {name}, {u}{around}, {scale}."
    # The u of rows on fewer datasets is another quantity: such rows stand behind.
    fewer = min(row["datasets"] for row in told) < first["datasets"]
    by = f"By {metric}," + (f" of the rows on {first['datasets']} datasets," if fewer else "")
    if first["best"]:
        return f"By {metric}, {name} is best ({u}); its lead over every other row is more than noise."
    rival = _rival(found, first, metric)
    if rival is None:
        return f"{by} {name} comes first ({u}), but some lead of it is within noise."
    other = shown(row_name(rival, "_2", many=many))
    if math.isnan(rival["improvement"]):
        return f"{by} {name} comes first ({u}), but it has no dataset in common with {other}."
    if math.isnan(rival["lead_low"]):
        alone = math.isnan(rival["lead"])
        why = f"it has no seed in common with {other}" if alone else "one seed cannot tell that from noise"
        return f"{by} {name} comes first ({u}), but {why}."
    chance = round(100 * rival["improvement"])
    if _undone(rival):
        highest = f"{by} there is no clear winner: {name} has the highest {u}"
        if rival["improvement"] <= 0.5:
            return f"{highest}, but wins only {chance}% of pairs of seeds against {other}."
        higher = "the higher" if rival["lead"] < 0.0 else "as high a"
        return f"{highest}, but {other} has {higher} mean over datasets."
    if rival["lead_low"] > 0.0 or chance >= 95:
        return f"{by} {name} comes first ({u}), but it takes more seeds to tell its lead from noise."
    beaten = f"within noise of {other}, which it beats in {chance}% of pairs of seeds"
    return f"{by} {name} comes first ({u}), {beaten}."


def _undone(pair: Json) -> bool:
    """Returns whether the second of two rows is as good as the first by pairs of seeds, or by its mean."""
    return bool(pair["improvement"] <= 0.5 or pair["lead"] <= 0.0)


def _rival(found: Gathered, first: Json, metric: str) -> JsonObject | None:
    """Returns the row that comes nearest to the first, of those that it does not beat beyond noise."""
    pairs = found.ranking.pairs
    here = pairs[(pairs["metric"] == metric) & (pairs["score"] == first["score"])]
    for key in ("family", "budget", "sampler"):
        here = here[here[f"{key}_1"] == first[key]]
    told: list[JsonObject] = [
        {str(key): value for key, value in row.items()} for row in here.to_dict("records")
    ]
    near = [row for row in told if not beats(row["improvement"], row["lead_low"])]
    # Of rows that share several seeds with it something is known.
    return min(
        near,
        key=lambda row: (math.isnan(row["lead_low"]), not _undone(row), row["improvement"]),
        default=None,
    )


def shown(label: str) -> str:
    """Returns a label as a sentence can hold it: of a long one, its two ends."""
    if len(label) <= LONGEST:
        return label
    half = (LONGEST - 1) // 2
    return f"{label[:half]}…{label[-half:]}"
