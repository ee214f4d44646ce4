"""Where an error comes from: learning, solving, or want of data.

The same sampler runs on the learned score and on the exact one, from the same noise. Over the
noise floor of a metric,

  total       = learned - floor,
  solver      = exact - floor,
  learning    = learned - exact,
  finite data = empirical - exact,

the differences taken seed by seed, with the sign turned where higher is better: more is worse. Where
the good value is truth itself, more and less are. `finite data` stands where the training set is finite
and the suite asks for its empirical score: the part that a perfect fit of that set would lose.

All parts of a row are means over the same seeds, those in which each of its scores has a value, so that
total = solver + learning holds of the means too. Their t intervals say how much another training would
differ; which of them these models err in at all is the question of `verdict`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from diffbench.records.outcome import OK
from diffbench.records.places import GAUSSIAN
from diffbench.sources.empirical import NAME as EMPIRICAL
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED
from diffbench.spec import Json, JsonObject
from diffbench.tables.headlines import sides
from diffbench.tables.statistics import t_interval
from diffbench.tables.verdict import Part, difference_p_values, draw_p_values, verdicts

PARTS = ("total", "solver", "learning", "finite_data")
NAMES = {"solver": "solving", "learning": "learning", "finite_data": "finite data"}
_KEYS = ["dataset", "family", "budget", "sampler", "metric"]
# Where a row stands beside a learned one: same noise process, sampler, metric and seed.
_PLACE = ("dataset", "process", "sampler", "metric", "seed")
_BESIDE = ("dataset", "family", "sampler", "metric", "seed")
_ENDS = ("", "_low", "_high")
COLUMNS = (*_KEYS, "seeds", "floor_sd", *(f"{part}{end}" for part in PARTS for end in _ENDS), "errs_in")


def error_split(
    long: pd.DataFrame, processes: Mapping[str, str], columns: Json | None = None
) -> pd.DataFrame:
    """Returns a row for each learned row and metric with a floor: its parts and intervals.

    Args:
      long: The long table.
      processes: The label of each family's process: what exact rows of it are called.
      columns: Columns of each metric, which say what is better; lower where they do not.

    Returns:
      Parts in the metric's own units with the ends of their 95% t intervals over seeds, NaN
      where a row to compare with is missing; divide by `floor_sd` for floor deviations. `seeds`
      counts the seeds behind them. `errs_in` names the parts that these models err in, with how
      many seeds show each; see `verdict`.
    """
    side, spans = sides(columns or {}), _spans(long)
    sound = long[(long["status"] == OK) & long["floor_sd"].gt(0.0)]
    learned = sound[sound["score"] == LEARNED]
    # Of no rows at all pandas would make numbers, which no label can be joined with.
    learned = learned.assign(process=learned["family"].map(processes).astype(object))
    for score in (EXACT, EMPIRICAL):
        here = sound.loc[sound["score"] == score, [*_BESIDE, "value", "p_value"]]
        names = {"family": "process", "value": score, "p_value": f"{score}_p"}
        learned = learned.merge(here.rename(columns=names), how="left", on=list(_PLACE))
    values = {score: learned[score].to_numpy(float) for score in (EXACT, EMPIRICAL)}
    values[LEARNED] = learned["value"].to_numpy(float)
    ranks = learned["exact_p"].to_numpy(float)
    floor, floor_sd = learned["floor_mean"].to_numpy(float), learned["floor_sd"].to_numpy(float)
    rows: list[JsonObject] = []
    # What is read together: the rows of a dataset under one metric.
    together: dict[tuple[str, str], list[tuple[int, dict[str, Part]]]] = {}
    # Plain arrays: a pandas group for each row would take most of a large table's time.
    groups: dict[Any, Any] = learned.groupby(_KEYS, sort=False).indices
    for key, at in groups.items():
        sign = side.get(key[-1], 1.0)
        parts, common = _parts({score: found[at] for score, found in values.items()}, floor[at], sign)
        intervals = {part: t_interval(value) for part, value in parts.items()}
        known = {part: parts[part] for part in NAMES if intervals[part].n}
        sd = max(floor_sd[at[0]], _deviation(values[EXACT][at][common]))
        found = _judged(known, ranks[at][common], floor_sd[at[0]], sd, math.isnan(sign))
        together.setdefault((key[0], key[-1]), []).append((len(rows), found))
        row: JsonObject = {
            **dict(zip(_KEYS, key, strict=True)),
            "seeds": int(common.sum()),
            "floor_sd": floor_sd[at[0]],
        }
        for part, interval in intervals.items():
            row |= {part: interval.mean, f"{part}_low": interval.low, f"{part}_high": interval.high}
        rows.append(row)
    for place, members in together.items():
        said = verdicts([(found, spans.get(place, math.nan)) for _, found in members])
        for (number, _), errs_in in zip(members, said, strict=True):
            rows[number]["errs_in"] = errs_in
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _spans(long: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Returns how far the Gaussian lies from truth, by dataset and column, in the column's units."""
    rows = long[(long["score"] == GAUSSIAN) & (long["status"] == OK)]
    gap = (rows["value"] - rows["floor_mean"]).abs()
    found: dict[Any, float] = gap.groupby([rows["dataset"], rows["metric"]], sort=False).mean().to_dict()
    return {(str(place[0]), str(place[1])): float(span) for place, span in found.items()}


def _deviation(exact: np.ndarray) -> float:
    """Returns the deviation of exact rows over seeds, 0 where it cannot be told."""
    found = exact[np.isfinite(exact)]
    return float(found.std(ddof=1)) if len(found) > 1 else 0.0


def _judged(
    known: Mapping[str, np.ndarray], ranks: np.ndarray, floor_sd: float, deviation: float, two_sided: bool
) -> dict[str, Part]:
    """Returns the parts that are known with the p-value of each seed."""
    found = {}
    for part, value in known.items():
        if part != "solver":
            p_values = difference_p_values(value, deviation, two_sided=two_sided)
        elif np.isfinite(ranks).all():
            p_values = draw_p_values(ranks, value / floor_sd, two_sided=two_sided)
        else:
            continue
        found[part] = Part(NAMES[part], value, p_values)
    return found


def _parts(
    values: Mapping[str, np.ndarray], floor: np.ndarray, sign: float
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns the parts of one row for each of the seeds that its scores share, and which those are.

    Args:
      values: By score, each `[seeds]`, NaN where there is none.
      floor: Mean of the floor, `[seeds]`.
      sign: 1 where more is worse, -1 where less is, NaN where both are.
    """
    learned, exact, empirical = (values[score] for score in (LEARNED, EXACT, EMPIRICAL))
    common, nobody = np.isfinite(learned), np.zeros(len(learned), bool)
    # A score that shares no seed with the others is not there to compare with.
    solved = common & np.isfinite(exact)
    common = solved if solved.any() else common
    emptied = solved & np.isfinite(empirical)
    common = emptied if emptied.any() else common
    has_exact, has_empirical = (common if found.any() else nobody for found in (solved, emptied))
    parts = {
        "total": learned - floor,
        "solver": np.where(has_exact, exact - floor, math.nan),
        "learning": np.where(has_exact, learned - exact, math.nan),
        "finite_data": np.where(has_empirical, empirical - exact, math.nan),
    }
    turned = -1.0 if sign < 0 else 1.0
    return {part: turned * value[common] for part, value in parts.items()}, common
