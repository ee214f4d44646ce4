"""Several runs on one page: each held against the first, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from diffbench.report.gathered import Gathered
from diffbench.tables import against, changes_page

CAPTION = changes_page.CAPTION.replace("`", "")


class Table(NamedTuple):
    """Rows of one verdict: what it is, how many were found, and those that the page shows."""

    verdict: str
    found: int
    head: list[str]
    rows: list[list[str]]


class Versus(NamedTuple):
    """One run against another.

    Attributes:
      first: What the first is called.
      second: What the second is called.
      counts: What it comes to; why they cannot be compared where they cannot.
      before: What to know first, a line each.
      tables: Rows by verdict, those that got worse first.
      lonely: Rows that only one of them has, a line each.
      compared: Whether any rows could be compared.
    """

    first: str
    second: str
    counts: str
    before: list[str]
    tables: list[Table]
    lonely: list[str]
    compared: bool


def versus(found: Sequence[Gathered]) -> list[Versus]:
    """Returns each run but the first against the first."""
    return [_against(found[0], each) for each in found[1:]]


def _against(a: Gathered, b: Gathered) -> Versus:
    for each in (a, b):
        if "places" not in each.run:
            told = f"{each.name} is of an earlier version, which does not say what its rows are"
            return Versus(a.name, b.name, told, [], [], [], False)
    try:
        compared = against.of(*(against.Side(each.store, each.run, each.long) for each in (a, b)))
    except ValueError as error:  # nothing in common
        return Versus(a.name, b.name, str(error), [], [], [], False)
    tables = []
    for verdict, rows in changes_page.shown(compared):
        cells = changes_page.rows_of(rows)
        kept = [i for i in range(len(changes_page.HEAD)) if any(row[i] for row in cells)]
        head = [changes_page.HEAD[i] for i in kept]
        tables.append(Table(verdict, len(rows), head, [[row[i] for i in kept] for row in cells]))
    before = list(changes_page.first_lines(compared))
    lonely = list(changes_page.lonely(compared))
    return Versus(a.name, b.name, changes_page.counts(compared), before, tables, lonely, True)
