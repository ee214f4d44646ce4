"""The three sentences at the top: what was compared, who is best and how sure, where each errs.

They say what the tables say and no more: who is best is said by `leads`, a part of an error is named where
the split names it (`verdict`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from diffbench.records.outcome import MISSING, OK
from diffbench.records.places import GIVEN
from diffbench.report.gathered import Gathered, budgets, row_name
from diffbench.report.leads import best, has_numbers, shown
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED
from diffbench.tables import symptoms
from diffbench.tables.digits import deviations
from diffbench.tables.split import NAMES
from diffbench.tables.verdict import NOTHING, SMALLEST, UNKNOWN

PARTS = {name: part for part, name in NAMES.items()}
FEW = 5
"""Names that a sentence lists."""


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
    names, sizes = (
        list(dict.fromkeys(str(label) for label in here[column] if label)) for column in ("family", "budget")
    )
    what = {LEARNED: "family", GIVEN: "set of samples", EXACT: "exact score"}.get(found.kind, "score")
    said = [_counted(len(names), what, names)] if names else ["no model, only the truth itself"]
    said += [f"at {_counted(len(sizes), 'budget', sizes)}"] if len(sizes) > 1 else []
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
        return f"all {count.cells} cells are ok" if count.cells > 1 else "its only cell is ok"
    parts = [f"{count.ok} of {count.cells} cells {'is' if count.ok == 1 else 'are'} ok"]
    parts += [f"{count.failed} failed, with reasons below"] if count.failed else []
    parts += (
        [f"{count.missing} {'has' if count.missing == 1 else 'have'} not run yet"] if count.missing else []
    )
    return ", ".join(parts)


def errs(found: Gathered) -> list[str]:
    """Returns what the models of each family err in."""
    if not found.kind:
        return ["There is no model here that could err."]
    if not has_numbers(found):
        return ["No row of these has a number that could tell."]
    split = found.tables.split
    headline = {metric for each in found.headlines.values() for metric in each}
    rows = split[split["metric"].isin(headline)] if len(split) else split
    if found.kind == LEARNED and len(rows):
        many, said = budgets(found.long), []
        learned = found.long[found.long["score"] == LEARNED]
        for (family, budget), cells in learned.groupby(["family", "budget"], sort=False):
            here = rows[(rows["family"] == family) & (rows["budget"] == budget)]
            name = shown(row_name({"family": family, "budget": budget}, many=many))
            said.append(f"{name} {_parts(here, cells['dataset'].nunique())}{_lost(cells)}.")
        return _listed(said, "more families are in the table of the split.")
    if found.kind == GIVEN:
        looks = symptoms.of(found.long)
        said = [f"{shown(name)}: {'; '.join(lines)}." for name, lines in looks.items() if lines]
        return _listed(said, "more sets are in the tables.") or [
            "No more is said of it than the numbers below."
        ]
    return _farthest(found)


def _lost(cells: pd.DataFrame) -> str:
    """Returns how many cells of a family failed: of these nothing is known."""
    ok = cells["status"].isin([OK, MISSING]).groupby([cells[c] for c in ("dataset", "sampler", "seed")]).all()
    return f"; {int((~ok).sum())} of its {len(ok)} cells failed" if not ok.all() else ""


def _parts(rows: pd.DataFrame, every: int) -> str:
    """Returns the parts that are named in some rows of a family, where, and the largest of each.

    Args:
      rows: Its rows of the split.
      every: On how many datasets it is.
    """
    places: dict[str, list[tuple[str, str, float]]] = {}
    for row in rows.to_dict("records"):
        for told in str(row["errs_in"]).split(", "):
            name = told.rpartition(" ")[0]
            if told in (NOTHING, UNKNOWN) or name not in PARTS:
                continue
            size = row[PARTS[name]] / row["floor_sd"]
            places.setdefault(name, []).append((str(row["dataset"]), str(row["metric"]), float(size)))
    if not places:
        known = rows.loc[rows["errs_in"] != UNKNOWN, "dataset"].nunique()
        if not known:
            return "cannot be held against exact rows"
        on = "" if known == every else f" on {known} of {every} datasets, and of the others nothing is known"
        return f"shows no error beyond noise and {SMALLEST:g} in u{on}"

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
            said.append(f"On {shown(str(dataset))}, {name} is farthest from truth ({far}).")
    return _listed(said, "more datasets are below.")


def names(labels: Iterable[str]) -> str:
    """Returns labels in words, the first few of them."""
    cut = [shown(label) for label in labels]
    if len(cut) > FEW:
        cut = [*cut[: FEW - 1], f"{len(cut) - FEW + 1} more"]
    return " and ".join([", ".join(cut[:-1]), cut[-1]] if len(cut) > 1 else cut)


def _counted(count: int, noun: str, labels: Sequence[str]) -> str:
    plural = {"family": "families", "set of samples": "sets of samples"}.get(noun, f"{noun}s")
    return f"{count} {noun if count == 1 else plural} ({names(labels)})"


def _listed(said: Sequence[str], more: str) -> list[str]:
    return [*said[:FEW], *([f"{len(said) - FEW} {more}"] if len(said) > FEW else [])]
