"""Two runs row by row: did anything get worse?

Rows are paired by their specifications without versions and digests of files (what a part is, not which
edition of it measured) and by seed, and so are metrics; labels are for reading. Of samples that came in files
nothing else is known: those of a run that has one such row on the same data are what the other's are now.
What got worse is said by `change`. Rows of truth and of the Gaussian judge no model: where they read
otherwise, the instrument changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from diffbench.records.outcome import MISSING, OK
from diffbench.records.places import BRACKETS, GIVEN
from diffbench.records.store import Store, StoreError
from diffbench.spec import Json, JsonObject
from diffbench.tables import editions, long
from diffbench.tables.change import BETTER, EQUAL, ROUNDING, UNKNOWN, WORSE, Change, Pairs, changes
from diffbench.tables.comparison import ROW
from diffbench.tables.headlines import sides
from diffbench.tables.pairing import LABELS, Key, Reading, ageless, cells_of, lasting, other_instruments
from diffbench.tables.statistics import t_interval

ONLY_A, ONLY_B = "only in A", "only in B"
VERDICTS = (WORSE, BETTER, UNKNOWN, ONLY_A, ONLY_B, EQUAL)
COLUMNS = (
    "dataset", *ROW, "metric", "a", "b", "difference", "low", "high", "floor_sd", "seeds", "p_value",
    "verdict", "note",
)  # fmt: skip


class Against(NamedTuple):
    """Two runs row by row.

    Attributes:
      rows: A row for each row and metric column of either; see `compared`.
      versions: What they were made with, where that differs, a line each.
      hints: What else to know before the rows are read, a line each.
    """

    rows: pd.DataFrame
    versions: list[str]
    hints: list[str]


class Side(NamedTuple):
    """One of two runs: its folder, what its runs come to, and its long table."""

    store: Store
    run: Json
    long: pd.DataFrame


def side_of(folder: Store) -> Side:
    """Reads one of two runs.

    Raises:
      StoreError: If the folder holds no run, or nothing of what was asked for has been done.
    """
    run = long.read_run(folder)
    if "places" not in run:
        raise StoreError(f"{folder.root} is of an earlier version, which does not say what its rows are")
    table = long.build(folder).long
    if (table["status"] == MISSING).all():
        raise StoreError(f"{folder.root} has no numbers yet: none of its {len(run['cells'])} rows has run")
    return Side(folder, run, table)


def of(a: Side, b: Side) -> Against:
    """Returns two runs row by row, with what to know first.

    Raises:
      ValueError: If they have no row in common.
    """
    rows = compared(a.run, a.long, b.run, b.long)
    first, second = lasting(a.run, b.run)
    there = {key: place for place, key in second.items()}
    pairs = [(place, there[key]) for place, key in first.items() if key in there]
    versions = editions.differing(a.run, b.run, pairs)
    return Against(rows, versions + editions.programs(a[:2], b[:2]), list(_hints(a, b)))


def compared(run_a: Json, long_a: pd.DataFrame, run_b: Json, long_b: pd.DataFrame) -> pd.DataFrame:
    """Returns how each row and metric column of two runs differ, in the order of the first.

    Args:
      run_a: What the first folder's runs come to.
      long_a: Its long table.
      run_b: The same of the second.
      long_b: Its long table.

    Returns:
      Labels and columns are called as the first run has them. "difference" is b - a, the mean over the
      "seeds" that both have, with the ends of its 95% t interval; "verdict" is one of `VERDICTS`.

    Raises:
      ValueError: If the two have no row in common.
    """
    what = lasting(run_a, run_b)
    a, b = (
        cells_of(run, table[~table["score"].isin(BRACKETS)], places)
        for run, table, places in zip((run_a, run_b), (long_a, long_b), what, strict=True)
    )
    side = sides(run_a["columns"])
    rows: list[JsonObject] = []
    pairs: dict[int, Pairs] = {}
    known: dict[int, Change] = {}
    others = other_instruments(run_a, run_b, what)
    for key in [*a, *(key for key in b if key not in a)]:
        mine, theirs = a.get(key, {}), b.get(key, {})
        both = [seed for seed in mine if seed in theirs]
        if not both:
            for cells, verdict, letter in ((mine, ONLY_A, "a"), (theirs, ONLY_B, "b")):
                if cells:
                    known[len(rows)] = Change(verdict)
                    rows.append({**_named(cells), letter: _mean(cells)})
            continue
        one = _paired([mine[seed] for seed in both], [theirs[seed] for seed in both], side)
        apart = t_interval(one.b - one.a)
        ended = _ended(mine, theirs, both)
        if ended is not None:
            known[len(rows)] = ended
        elif key in others and not _same_floor(mine[both[0]], theirs[both[0]]):
            known[len(rows)] = Change(UNKNOWN, note="its metric or data is of another version")
        else:
            pairs[len(rows)] = one
        rows.append(
            {
                **_named(mine),
                "a": _average(one.a),
                "b": _average(one.b),
                "difference": apart.mean,
                "low": apart.low,
                "high": apart.high,
                "floor_sd": one.floor_sd,
                "seeds": apart.n,
            }
        )
    if not pairs and not any("seeds" in row for row in rows):
        raise ValueError(_nothing(run_a, run_b))
    known |= dict(zip(pairs, changes(list(pairs.values())), strict=True))
    said = {i: {"p_value": c.p_value, "verdict": c.verdict, "note": c.note} for i, c in known.items()}
    table = pd.DataFrame([{**row, **said[i]} for i, row in enumerate(rows)], columns=list(COLUMNS))
    numbers = {c: "float64" for c in ("a", "b", "difference", "low", "high", "floor_sd", "p_value")}
    return table.fillna({"seeds": 0}).astype({**numbers, "seeds": "int64"})


def _named(cells: Mapping[int, Reading]) -> JsonObject:
    first = next(iter(cells.values()))
    return {key: first[key] for key in (*LABELS, "metric")}


def _average(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _mean(cells: Mapping[int, Reading]) -> float:
    return t_interval(cell["value"] for cell in cells.values()).mean


def _paired(a: list[Reading], b: list[Reading], side: Mapping[str, float]) -> Pairs:
    """Returns the values of the seeds that have one in both."""
    values = np.array([[one["value"], two["value"]] for one, two in zip(a, b, strict=True)], float)
    values = values[np.isfinite(values).all(axis=1)]
    deviations = [float(one["floor_sd"]) for one in (*a, *b)]
    sd = max((each for each in deviations if math.isfinite(each)), default=math.nan)
    mean, bad = float(a[0]["floor_mean"]), side.get(str(a[0]["metric"]), math.nan)
    return Pairs(values[:, 0], values[:, 1], mean, sd, bad, _trained(a))


def _trained(cells: list[Reading]) -> bool:
    """Returns whether seeds of a row are trainings, or may be: of several files of samples nobody knows."""
    return isinstance(cells[0].get("fit_id"), str) or (cells[0]["score"] == GIVEN and len(cells) > 1)


def _ended(mine: Mapping[int, Reading], theirs: Mapping[int, Reading], both: list[int]) -> Change | None:
    """Returns what it comes to where cells failed in one run and not in the other, else None."""
    failed = [
        [f"{one[s]['status']}: {one[s]['reason']}" for s in both if one[s]["status"] != OK]
        for one in (mine, theirs)
    ]
    before, now = map(len, failed)
    if before == now:
        return None if now < len(both) else Change(EQUAL, note=f"{failed[1][0]}, in both")
    told = f"{now} of {len(both)} seeds not ok, {before} before"
    return Change(WORSE if now > before else BETTER, note=f"{told} ({(failed[1] or failed[0])[0]})")


def _same_floor(a: Reading, b: Reading) -> bool:
    """Returns whether two instruments read truth alike, so that what they read of others compares."""
    sd = float(a["floor_sd"])
    apart = (abs(float(a[key]) - float(b[key])) for key in ("floor_mean", "floor_sd"))
    return sd > 0.0 and all(each <= ROUNDING * max(sd, abs(float(a["floor_mean"]))) for each in apart)


def _hints(a: Side, b: Side) -> Iterator[str]:
    """Yields what to know before the rows are read."""
    seeds = [{int(cell["seed"]) for cell in side.run["cells"]} for side in (a, b)]
    if a.store.root.resolve() == b.store.root.resolve():
        yield "A and B are one folder"
    elif len(seeds[0] & seeds[1]) == 1 and any(cell.get("fit_id") for cell in a.run["cells"]):
        yield "one common seed: of trained rows only a large change is told from another training"
    for letter, more in (("A", seeds[0] - seeds[1]), ("B", seeds[1] - seeds[0])):
        if more:
            yield f"seeds of {letter} alone, which pair with nothing: {', '.join(map(str, sorted(more)))}"
    for letter, side in (("A", a), ("B", b)):
        missing = int((side.long["status"] == MISSING).sum())
        if missing:
            yield f"{letter} is not finished: {missing} of {len(side.long)} numbers are missing"
    mine, theirs = (_brackets(one) for one in (a, b))
    sizes = (abs(mine[key].value - theirs[key].value) / mine[key].sd for key in mine.keys() & theirs.keys())
    most = max(sizes, default=0.0)
    # Sums in another order are no other instrument.
    if most > _SEEN:
        yield f"truth reads otherwise, by up to {most:.2g} floor deviations: data or metrics changed"


_SEEN = 1e-3


class _Floored(NamedTuple):
    value: float
    sd: float


def _brackets(side: Side) -> dict[tuple[Key, int], _Floored]:
    """Returns what is read of truth and of the Gaussian, by what it is and by seed."""
    known = side.long["score"].isin(BRACKETS) & side.long["floor_sd"].gt(0.0) & side.long["value"].notna()
    cells = cells_of(side.run, side.long[known], ageless(side.run))
    return {
        (key, seed): _Floored(float(row["value"]), float(row["floor_sd"]))
        for key, rows in cells.items()
        for seed, row in rows.items()
    }


def _nothing(run_a: Json, run_b: Json) -> str:
    """Returns what is said of two runs without a common row."""
    has = []
    for run in (run_a, run_b):
        datasets = dict.fromkeys(str(cell["dataset"]) for cell in run["cells"])
        seeds = sorted({int(cell["seed"]) for cell in run["cells"]})
        has.append(f"{', '.join(datasets)} with seeds {', '.join(map(str, seeds))}")
    return f"the two runs have no row, seed and metric in common: A has {has[0]}; B has {has[1]}"
