"""Whether the tables of a folder say what its records say."""

from __future__ import annotations

import io
from typing import NamedTuple

import pandas as pd

from diffbench.records import files
from diffbench.records.outcome import MISSING
from diffbench.records.store import Store
from diffbench.tables import long


class Agreement(NamedTuple):
    """What was found.

    Attributes:
      wrong: (file, what is wrong with it) of each table that says otherwise than the records.
      files: How many tables were looked at.
      missing: Rows of cells that were asked for and have no record.
    """

    wrong: list[tuple[str, str]]
    files: int
    missing: int


def check(store: Store) -> Agreement:
    """Makes every table again, in memory and from the records themselves, and compares.

    Args:
      store: The results folder; open it frozen, and nothing is written.

    Raises:
      StoreError: If the folder holds no run.
    """
    columns = long.read_run(store)["columns"]
    made = long.build(store)
    wrong, count = [], 0
    for name, data in long.contents(made, columns).items():
        path = store.root / long.FOLDER / name
        try:
            there = files.read(path, files.RUN_BYTES)
        except (OSError, files.Unfit):
            there = b""
        if there is None:
            continue
        count += 1
        if there != data and not (name.endswith(".parquet") and _same_rows(there, data)):
            again = "`diffbench tables` makes it again"
            wrong.append((f"{long.FOLDER}/{name}", f"it says otherwise than the records; {again}"))
    return Agreement(wrong, count, int((made.long["status"] == MISSING).sum()))


def _same_rows(one: bytes, other: bytes) -> bool:
    """Returns whether two Parquet files hold the same table: their bytes differ with who wrote them."""
    try:
        return bool(pd.read_parquet(io.BytesIO(one)).equals(pd.read_parquet(io.BytesIO(other))))
    except Exception:  # whatever is no Parquet file
        return False
