"""What a page needs of one run: its tables, what leads them, and what made its records.

Everything is read from the records and the tables made of them; nothing is trained, drawn or measured, and
no JAX is imported.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from diffbench.records import runs
from diffbench.records.outcome import MISSING, OK
from diffbench.records.places import BRACKETS, GIVEN
from diffbench.records.store import Store
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED
from diffbench.spec import JsonObject
from diffbench.tables import long as tables
from diffbench.tables.comparison import ROW
from diffbench.tables.headlines import WAYS, headlines, named
from diffbench.tables.ranking import Ranking, ranking
from diffbench.tables.rendering import failed_cells

MADE_BY = 64
"""Draws whose records are asked what made them."""


class Counts(NamedTuple):
    """How many cells a run has, and how they ended."""

    cells: int
    ok: int
    missing: int
    failed: int


@dataclasses.dataclass(frozen=True)
class Gathered:
    """One run, ready for a page.

    Attributes:
      name: What the page calls it: its folder.
      store: The results folder.
      run: What its runs come to, in the form of `run.json`.
      tables: Its tables.
    """

    name: str
    store: Store
    run: JsonObject
    tables: tables.Tables

    @property
    def root(self) -> Path:
        """The results folder."""
        return self.store.root

    @property
    def long(self) -> pd.DataFrame:
        """One row per cell and metric column."""
        return self.tables.long

    @functools.cached_property
    def datasets(self) -> list[str]:
        """Labels of the datasets, in order."""
        return [str(label) for label in self.long["dataset"].unique()]

    @functools.cached_property
    def columns(self) -> dict[str, JsonObject]:
        """What is known of each column of a metric, by its name, with the "metric" it belongs to."""
        return {
            column: {**about, "metric": metric}
            for metric, found in self.run["columns"].items()
            for column, about in found.items()
        }

    @functools.cached_property
    def ranking(self) -> Ranking:
        """Rows over all datasets."""
        return ranking(self.long, self.run["columns"])

    @functools.cached_property
    def headlines(self) -> dict[str, list[str]]:
        """The columns of a first look at each dataset."""
        return {
            dataset: headlines(self.long, dataset, self.run["columns"], self.tables.leading).columns
            for dataset in self.datasets
        }

    @functools.cached_property
    def scaled(self) -> list[str]:
        """Headline columns that have the common scale u, those that lead first."""
        ranked = [str(metric) for metric in self.ranking.rows["metric"].unique()]
        first = [c for found in self.headlines.values() for c in found if c in ranked]
        ways = [c for way in WAYS for c in named(way.columns, ranked)]
        return list(dict.fromkeys([*first, *ways, *ranked]))

    @functools.cached_property
    def kind(self) -> str:
        """The kind of score that the page is about: learned, else given, else exact, else what is there."""
        there = [str(score) for score in self.long["score"].unique() if score not in BRACKETS]
        return next((kind for kind in (LEARNED, GIVEN, EXACT) if kind in there), there[0] if there else "")

    @functools.cached_property
    def failed(self) -> list[JsonObject]:
        """Cells that broke or diverged; those that have not run yet are not among them."""
        return [cell for cell in failed_cells(self.long) if cell["status"] != MISSING]

    @functools.cached_property
    def counts(self) -> Counts:
        """How many cells there are, and how they ended: as badly as the worst of their numbers."""
        cells = self.long.groupby(["dataset", *ROW, "seed"], sort=False)["status"].agg(_worst)
        count = cells.value_counts()
        ok, missing = int(count.get(OK, 0)), int(count.get(MISSING, 0))
        return Counts(len(cells), ok, missing, len(cells) - ok - missing)

    @functools.cached_property
    def requests(self) -> int:
        """How many requests were run into the folder, each its newest time."""
        return runs.count(self.store)

    @functools.cached_property
    def provenance(self) -> list[JsonObject]:
        """What made the draws, each once, as far as `MADE_BY` of them tell."""
        names = list(dict.fromkeys(cell["draw_id"] for cell in self.run["cells"]))
        found: list[JsonObject] = []
        for name in names[:: max(1, len(names) // MADE_BY)]:
            made = (self.store.read("draw", name) or {}).get("provenance")
            if made and made not in found:
                found.append(made)
        return found


def _worst(status: Sequence[str]) -> str:
    told = set(status)
    return next((one for one in sorted(told - {OK, MISSING})), MISSING if MISSING in told else OK)


def gather(store: Store, made: tables.Tables | None = None) -> Gathered:
    """Reads one run.

    Args:
      store: The results folder.
      made: Its tables, where they were built already.

    Raises:
      StoreError: If the folder holds no run, or one of a later version.
    """
    run = runs.cells_of(store)
    return Gathered(store.root.resolve().name, store, run, tables.build(store) if made is None else made)


def row_name(row: JsonObject, which: str = "", many: bool = True) -> str:
    """Returns what to call a row: family (with its budget where there are `many`) and sampler.

    Args:
      row: Its labels.
      which: What stands behind the names of the labels, such as "_1".
      many: Whether budgets tell rows apart.
    """
    budget = str(row.get(f"budget{which}", "")) if many else ""
    family = f"{row.get(f'family{which}', '')} {budget}".strip()
    sampler = str(row.get(f"sampler{which}", ""))
    return f"{family} with {sampler}" if family and sampler else family or sampler


def budgets(long: pd.DataFrame) -> bool:
    """Returns whether budgets tell rows apart."""
    return long.loc[long["budget"] != "", "budget"].nunique() > 1
