"""From what a call asks for to cells, by way of a suite: so its specifications are the command line's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from diffbench.api import session
from diffbench.records.places import BRACKETS
from diffbench.records.reader import Reader
from diffbench.records.store import Store
from diffbench.records.together import together
from diffbench.spec import Json
from diffbench.stages import harness
from diffbench.suites.cells import Cell, expand
from diffbench.suites.items import Entry
from diffbench.suites.suite import Suite, parse
from diffbench.tables import long as tables

# Rows of a process alone need a family that trains on any process; nothing of it enters them.
ANY_FAMILY = "score_sde"


def suite_of(content: Json) -> Suite:
    """Returns the suite of a request.

    Raises:
      ValueError: If a value is wrong; the message is one line, in the words of suites.
    """
    return parse({"seeds": [0], "metrics": ["energy"], **content}, "request", "notebook")


@session.pinned
def cells_of(suite: Suite) -> list[Cell]:
    """Returns all cells of a request: of truth and Gaussian too."""
    return expand(suite)


def model_cells(cells: Sequence[Cell]) -> list[Cell]:
    """Returns the cells that are no brackets."""
    return [cell for cell in cells if cell.kind not in BRACKETS]


def tables_of(
    suite: Suite, cells: Sequence[Cell], store: Store, listener: harness.Listener | None = None
) -> tuple[tables.Tables, Json]:
    """Makes what cells need and returns their tables, and the columns of their metrics.

    Args:
      suite: The suite they are of.
      cells: The cells.
      store: The folder; its runs are left alone.
      listener: Hears how it goes.
    """
    planned = session.made(cells, store, listener)
    run = together([harness.content_of(suite.model_dump(), planned)])
    return tables.built(run, Reader(store)), run["columns"]


def in_list(name: str, value: object) -> list[Entry]:
    """Returns names as a list: one name stands for itself, None for none."""
    if value is None:
        return []
    if isinstance(value, str | Mapping):
        return [value]
    if not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a name or a list of names; got {value!r}")
    return list(value)
