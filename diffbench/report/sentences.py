"""The three sentences at the top: what was compared, who is best and how sure, where each errs.

They say what the tables say and no more: a lead is a lead where Student's interval over seeds leaves out 0
(`ranking`), a part of an error is named where the split names it (`verdict`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from diffbench.records.outcome import OK
from diffbench.records.places import GIVEN, base_of
from diffbench.report.gathered import Gathered, budgets, row_name
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED
from diffbench.spec import Json
from diffbench.tables import symptoms
from diffbench.tables.digits import deviations, number
from diffbench.tables.headlines import WAYS
from diffbench.tables.split import NAMES
from diffbench.tables.verdict import NOTHING, UNKNOWN

PARTS = {name: part for part, name in NAMES.items()}
FEW = 5
"""Names that a sentence lists."""
CLAUSES = 2
LONGEST = 60
"""Characters of a label in a sentence."""


class Sentence(NamedTuple):
    """One of the three: the question that it answers, and the answer, clause by clause."""

    question: str
    answer: list[str]


def sentences(found: Gathered) -> list[Sentence]:
    """Returns the three sentences of a run."""
    return [
        Sentence("What was compared", [compared(found)]),
        Sentence("Who is best, and how sure", best(found)),
        Sentence("Where each errs", errs(found)),
    ]


def compared(found: Gathered) -> str:
    """Returns what was compared on what, and how the cells ended."""
    here = found.long[found.long["score"] == found.kind]
    many = budgets(found.long)
    models = [
        {"family": str(family), "budget": str(budget)}
        for family, budget in here[["family", "budget"]].drop_duplicates().itertuples(index=False)
    ]
    names = [row_name(model, many=many) for model in models]
    names = list(dict.fromkeys(name for name in names if name))
    what = {LEARNED: "family", GIVEN: "set of samples", EXACT: "exact score"}.get(found.kind, "score")
    said = [_counted(len(names), what, names)] if names else ["no model, only the truth itself"]
    samplers = [str(label) for label in here["sampler"].unique() if label]
    if samplers:
        said.append(f"under {_counted(len(samplers), 'sampler', samplers)}")
    said.append(f"on {_counted(len(found.datasets), 'dataset', found.datasets)}")
    seeds = int(found.long["seed"].nunique())
    text = f"{' '.join(said)}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    return f"{text[:1].upper()}{text[1:]}; {_ended(found)}."


def _ended(found: Gathered) -> str:
    count = found.counts
    if count.ok == count.cells:
        return f"all {count.cells} cells are ok"
    parts = [f"{count.ok} of {count.cells} cells are ok"]
    parts += [f"{count.failed} failed, with reasons below"] if count.failed else []
    parts += [f"{count.missing} have not run yet"] if count.missing else []
    return ", ".join(parts)


def best(found: Gathered) -> list[str]:
    """Returns which row leads by which metric, and whether its lead is more than noise."""
    if not _has_numbers(found):
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


def _has_numbers(found: Gathered) -> bool:
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
    u = f"u = {number(first['iqm'])}"
    name = shown(row_name(first, many=many))
    if len(told) == 1:
        around = "" if math.isnan(first["low"]) else f" ({number(first['low'])} to {number(first['high'])})"
        scale = "where 1 is truth and 0 a Gaussian of its moments"
        return f"By {metric} there is one row: {name}, {u}{around}, {scale}."
    if first["best"]:
        return f"By {metric} {name} is best ({u}); its lead over every other row is more than noise."
    return f"By {metric} {name} comes first ({u}), {_rival(found, told, metric, many)}."


def _rival(found: Gathered, told: Sequence[Json], metric: str, many: bool) -> str:
    """Returns how sure the lead of the first is: its chance against the row that comes nearest to it."""
    if min(row["seeds"] for row in told) < 2:
        return "but one seed cannot tell that from noise"
    first = told[0]
    pairs = found.ranking.pairs
    here = pairs[(pairs["metric"] == metric) & (pairs["score"] == first["score"])]
    for key in ("family", "budget", "sampler"):
        here = here[here[f"{key}_1"] == first[key]]
    here = here[here["improvement"].notna()]
    if here.empty:
        return "but its lead is within noise"
    nearest = here.loc[here["improvement"].idxmin()].to_dict()
    chance = round(100 * nearest["improvement"])
    if chance >= 95:
        return "but it takes more seeds to tell its lead from noise"
    rival = shown(row_name(nearest, "_2", many=many))
    return f"within noise of {rival}, which it beats in {chance}% of pairs of seeds"


def errs(found: Gathered) -> list[str]:
    """Returns what the models of each family err in."""
    if not _has_numbers(found):
        return ["No row of these has a number that could tell."]
    split = found.tables.split
    headline = {metric for each in found.headlines.values() for metric in each}
    rows = split[split["metric"].isin(headline)] if len(split) else split
    if found.kind == LEARNED and len(rows):
        many = budgets(found.long)
        said = [
            f"{shown(row_name({'family': family, 'budget': budget}, many=many))} {_parts(here)}."
            for (family, budget), here in rows.groupby(["family", "budget"], sort=False)
        ]
        return _listed(said, "more families are in the table of the split.")
    if found.kind == GIVEN:
        looks = symptoms.of(found.long)
        said = [f"{shown(name)}: {'; '.join(lines)}." for name, lines in looks.items() if lines]
        return _listed(said, "more sets are in the tables.") or [
            "No more is said of it than the numbers below."
        ]
    return _farthest(found)


def _parts(rows: pd.DataFrame) -> str:
    """Returns the parts that are named in some rows of a family, where, and the largest of each."""
    places: dict[str, list[tuple[str, str, float]]] = {}
    for row in rows.to_dict("records"):
        for told in str(row["errs_in"]).split(", "):
            name = told.rpartition(" ")[0]
            if told in (NOTHING, UNKNOWN) or name not in PARTS:
                continue
            size = row[PARTS[name]] / row["floor_sd"]
            places.setdefault(name, []).append((str(row["dataset"]), str(row["metric"]), float(size)))
    if not places:
        known = set(rows["errs_in"]) - {UNKNOWN}
        return "shows no error beyond noise" if known else "has no exact rows to be compared with"
    every = rows["dataset"].nunique()

    def where(name: str) -> str:
        datasets = list(dict.fromkeys(dataset for dataset, _, _ in places[name]))
        some = names(datasets) if len(datasets) < 3 else f"{len(datasets)} of {every} datasets"
        on = "" if every == 1 else " everywhere" if len(datasets) == every else f" on {some}"
        dataset, metric, size = max(places[name], key=lambda place: abs(place[2]))
        of = "" if len(datasets) == 1 else f" on {shown(dataset)}"
        return f"{name}{on} (most by {metric}{of}: {deviations(size)} floor deviations)"

    return "errs in " + " and in ".join(map(where, sorted(places, key=lambda name: -len(places[name]))))


def _farthest(found: Gathered) -> list[str]:
    """Returns which row lies farthest from truth on each dataset, where there is nothing to split."""
    here = found.long[(found.long["score"] == found.kind) & found.long["z"].notna()]
    if here.empty:
        return ["No number has a noise floor to be held against."]
    many = budgets(found.long)
    said = []
    for dataset, rows in here.groupby("dataset", sort=False):
        known = rows[rows["metric"].isin(found.headlines[str(dataset)])]
        keys = ["metric", "family", "budget", "sampler"]
        mean = known.groupby(keys, sort=False)["z"].mean()
        means: dict[tuple[str, ...], float] = dict(zip(mean.index.to_list(), map(float, mean), strict=True))
        if means:
            metric, family, budget, sampler = most = max(means, key=means.__getitem__)
            name = shown(row_name({"family": family, "budget": budget, "sampler": sampler}, many=many))
            far = f"z = {deviations(means[most])} by {metric}"
            said.append(f"On {shown(str(dataset))} {name} is farthest from truth ({far}).")
    return _listed(said, "more datasets are below.")


def names(labels: Iterable[str]) -> str:
    """Returns labels in words, the first few of them."""
    cut = [shown(label) for label in labels]
    if len(cut) > FEW:
        cut = [*cut[: FEW - 1], f"{len(cut) - FEW + 1} more"]
    return " and ".join([", ".join(cut[:-1]), cut[-1]] if len(cut) > 1 else cut)


def shown(label: str) -> str:
    """Returns a label as a sentence can hold it: of a long one, its two ends."""
    if len(label) <= LONGEST:
        return label
    half = (LONGEST - 1) // 2
    return f"{label[:half]}…{label[-half:]}"


def _counted(count: int, noun: str, labels: Sequence[str]) -> str:
    plural = {"family": "families", "set of samples": "sets of samples"}.get(noun, f"{noun}s")
    return f"{count} {noun if count == 1 else plural} ({names(labels)})"


def _listed(said: Sequence[str], more: str) -> list[str]:
    return [*said[:FEW], *([f"{len(said) - FEW} {more}"] if len(said) > FEW else [])]
