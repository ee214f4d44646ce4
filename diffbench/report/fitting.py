"""What a page has room for: parts of a run that are whole, and of every dataset something.

A page has a size that it does not pass however large a run is; what is left out is counted, never dropped in
silence.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence

from diffbench.spec import JsonObject

MOST, BYTES = 8000, 1_200_000
"""Marks whose data a chart holds, and what that may take as JSON."""
BARS = 40
"""Rows of a panel of the split, those of least error."""


def in_turns(rows: Sequence[JsonObject]) -> list[JsonObject]:
    """Returns as many marks as a chart holds, in their order.

    The first panel of every dataset goes before the second of any, and a panel (a dataset under a metric) is
    whole or not there, so that what is shown of one is not a part of what there is to compare. Only where not
    even the first has room, it is cut.

    Args:
      rows: Marks, each with its "dataset", and a "metric" where the chart has several.
    """
    panels: dict[object, dict[object, list[JsonObject]]] = {}
    for row in rows:
        panels.setdefault(row["dataset"], {}).setdefault(row.get("metric"), []).append(row)
    turns = itertools.zip_longest(*(each.values() for each in panels.values()))
    marks, room, kept = MOST, BYTES, set[int]()
    for panel in (panel for turn in turns for panel in turn if panel is not None):
        costs = list(itertools.accumulate(len(json.dumps(row)) for row in panel))
        fit = sum(cost <= room for cost in costs[:marks])
        if fit < len(panel) and kept:
            continue  # a smaller one may still have room
        kept |= {id(row) for row in panel[:fit]}
        marks, room = marks - fit, room - (costs[fit - 1] if fit else 0)
    return [row for row in rows if id(row) in kept]


def least(rows: Sequence[JsonObject]) -> list[JsonObject]:
    """Returns the rows of a split that its panels show: of more than `BARS`, those of least error."""
    totals: dict[tuple[object, object], dict[object, float]] = {}
    for row in rows:
        total = math.inf if row["total"] is None else float(row["total"])
        totals.setdefault((row["dataset"], row["metric"]), {})[row["row"]] = total
    shown = {panel: set(sorted(each, key=each.__getitem__)[:BARS]) for panel, each in totals.items()}
    return [row for row in rows if row["row"] in shown[row["dataset"], row["metric"]]]


def shares(sizes: Sequence[int], most: int) -> list[int]:
    """Returns how many of each pile stay where there is room for `most`: small ones whole, large ones alike.

    Args:
      sizes: How many there are of each.
      most: How many there is room for.
    """
    left, room = dict(enumerate(sizes)), most
    given = [0] * len(sizes)
    while left:
        level = room // len(left)
        small = [i for i, size in left.items() if size <= level]
        for i in small or [*left]:
            given[i] = min(left.pop(i), level)
            room -= given[i]
    return given
