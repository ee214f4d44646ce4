"""How fast solvers converge to the exact flow, and what a choice of solver and grid costs.

A row is a solver on a grid, of one score on one process; its number of steps runs through the columns.

  error   what the solver adds: `flow_error` for the exact score, `flow_solving` for any other
  slope   order of convergence: minus the slope of log error against log NFE, by least squares, with the
          Student t interval of its residuals
  regret  the error over the least of all solvers and grids that take no more evaluations
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from diffbench.records import places
from diffbench.records.places import natural
from diffbench.spec import Json, JsonObject, identify
from diffbench.tables import markup
from diffbench.tables.comparison import row_order

LABELS = ("dataset", "score", "family", "budget", "process", "solver", "grid")
# Below this a median is rounding: samplers compute in float32, on points of size one.
ROUNDING = 3e-6
CAPTION = (
    "Median distance from where the flow of the score itself leads, over the same starting points, in "
    "standardised lengths: the solver's error, without sampling noise. `slope` is the order of convergence "
    "over the numbers of evaluations shown, with its 95% interval; errors that are rounding are left out of "
    "it. `regret` at a number of evaluations is the factor over the best solver and grid that take no more. "
    "`learning` is how far the score's own flow leads from the exact one: what more steps cannot mend."
)


class Slope(NamedTuple):
    """An order of convergence and its interval: NaN of one point, the interval of two."""

    order: float
    low: float
    high: float


def slope(nfe: Iterable[float], error: Iterable[float]) -> Slope:
    """Fits log error = c - order log nfe; values of no size, and those that are rounding, are left out.

    Args:
      nfe: Evaluations, one for each error.
      error: Median errors.
    """
    pairs = [(n, e) for n, e in zip(nfe, error, strict=True) if math.isfinite(e) and e > ROUNDING]
    if len({n for n, _ in pairs}) < 2:
        return Slope(math.nan, math.nan, math.nan)
    x, y = np.log(np.array(pairs)).T
    fit = stats.linregress(x, y)
    if len(pairs) < 3:
        return Slope(-float(fit.slope), math.nan, math.nan)
    half = float(stats.t.ppf(0.975, len(pairs) - 2) * fit.stderr)
    return Slope(-float(fit.slope), -float(fit.slope) - half, -float(fit.slope) + half)


def orders(long: pd.DataFrame, run: Json) -> pd.DataFrame:
    """Returns the table of orders, empty where no row is held to the exact flow.

    Args:
      long: The long table.
      run: What the runs of the folder come to.
    """
    found = _errors(long, run)
    if not found:
        return pd.DataFrame()
    counts = sorted({nfe for errors, _ in found.values() for nfe in errors})
    best = _best(found)
    rows = []
    for key in sorted(found, key=lambda key: (key[0], *row_order(key[1:4]), *map(natural, key[4:]))):
        errors, learning = found[key]
        row: JsonObject = dict(zip(LABELS, key, strict=True))
        row |= {f"error_{nfe}": errors.get(nfe, math.nan) for nfe in counts}
        row |= dict(zip(("slope", "slope_low", "slope_high"), slope(errors, errors.values()), strict=True))
        row |= {
            f"regret_{nfe}": errors[nfe] / best(key, nfe) if nfe in errors else math.nan for nfe in counts
        }
        rows.append({**row, "learning": learning})
    return pd.DataFrame(rows)


_Key = tuple[str, ...]
_Found = dict[_Key, tuple[dict[int, float], float]]


def _errors(long: pd.DataFrame, run: Json) -> _Found:
    """Returns by row the mean error over seeds at each number of evaluations, and what learning adds."""
    here = long[long["metric"].map(places.base_of).isin(["flow_error", "flow_solving", "flow_learning"])]
    solvers, named = _solvers(run), _cells(run)
    values: dict[_Key, dict[tuple[str, int], list[float]]] = {}
    columns = ("dataset", "score", "family", "budget", "sampler", "metric", "nfe", "value")
    for *labels, sampler, metric, nfe, value in here[list(columns)].itertuples(index=False):
        if pd.isna(nfe) or pd.isna(value):
            continue
        cell = named.get((*labels, sampler))
        if cell is None:
            continue
        solver, grid = solvers[cell["sampler_id"]]
        key = (*labels, cell["process"], solver, grid)
        at = (places.base_of(metric), int(nfe))
        values.setdefault(key, {}).setdefault(at, []).append(float(value))
    found: _Found = {}
    for key, read in values.items():
        # The exact score has no flow of its own beside the exact one.
        column = "flow_solving" if any(name == "flow_solving" for name, _ in read) else "flow_error"
        errors = {nfe: float(np.mean(v)) for (name, nfe), v in sorted(read.items()) if name == column}
        learning = [v for (name, _), each in read.items() if name == "flow_learning" for v in each]
        found[key] = errors, float(np.mean(learning)) if learning else math.nan
    return found


def _best(found: _Found) -> Callable[[_Key, int], float]:
    """Returns a function: (row, nfe) -> the least error on its score with no more evaluations."""
    least: dict[_Key, list[tuple[int, float]]] = {}
    for key, (errors, _) in found.items():
        least.setdefault(key[:5], []).extend(errors.items())

    def best(key: _Key, nfe: int) -> float:
        return min(error for count, error in least[key[:5]] if count <= nfe)

    return best


def _cells(run: Json) -> dict[_Key, dict[str, str]]:
    """Returns by labels of a row the hash of its sampler and its process."""
    found = {}
    for cell in run["cells"]:
        labels = tuple(cell[k] for k in ("dataset", "score", "family", "budget", "sampler"))
        axes = (run.get("places") or {}).get(cell.get("place"), {})
        if axes.get("sampler"):
            found[labels] = {"sampler_id": axes["sampler"], "process": cell["process"]}
    return found


def _solvers(run: Json) -> dict[str, tuple[str, str]]:
    """Returns by the hash of a sampler what it is called without its steps and grid, and its grid."""
    ids = {axes["sampler"] for axes in (run.get("places") or {}).values() if axes["sampler"]}
    specs = {name: run["specs"][name] for name in sorted(ids)}
    bare = {name: _bare(spec) for name, spec in specs.items()}
    texts = {name: identify(spec) for name, spec in bare.items()}
    first = {text: name for name, text in reversed(texts.items())}
    labels = places.told_apart(
        ((name, str(bare[name]["name"])) for name in first.values()), {n: bare[n] for n in first.values()}
    )
    return {name: (labels[first[texts[name]]], _grid(specs[name])) for name in specs}


def _bare(spec: Json) -> JsonObject:
    params = {k: v for k, v in spec.get("params", {}).items() if k not in ("steps", "grid", "rho")}
    return {"name": spec.get("name", ""), "params": params, "version": spec.get("version", 1)}


def _grid(spec: Json) -> str:
    """Returns what the grid of a sampler is called: "time" where it has none in its specification."""
    params = spec.get("params", {})
    grid, rho = params.get("grid", "time"), params.get("rho")
    shown = grid if isinstance(grid, str) else f"{len(grid)} times"
    return f"{shown}(rho={rho:g})" if rho is not None else shown


def markdown(table: pd.DataFrame) -> str:
    """Returns the table of orders as Markdown, a section for each dataset, score and process."""
    lines = ["# Orders of convergence", "", CAPTION, ""]
    for (dataset, score, family, budget, process), here in _sections(table):
        title = " / ".join(word for word in (dataset, score, family, budget) if word)
        title += "" if process == family else f" on {process}"
        lines += [f"## {markup.markdown(title)}", ""]
        read = [c for c in map(str, here) if c.startswith("error_") and here[c].notna().any()]
        counts = [c.removeprefix("error_") for c in read]
        learning = here["learning"].dropna()
        if len(learning):
            lines += [f"Learning: {learning.iloc[0]:.2g}.", ""]
        head = ["solver", "grid", *(f"{n} NFE (regret)" for n in counts), "slope"]
        lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        for row in here.to_dict("records"):
            cells = [str(row["solver"]), str(row["grid"]), *(_cell(row, n) for n in counts), _slope(row)]
            lines.append(f"| {' | '.join(markup.markdown(cell) for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def _sections(table: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    for key, here in table.groupby(list(LABELS[:5]), sort=False):
        yield tuple(map(str, key)), here


def _cell(row: Mapping[Hashable, float], nfe: str) -> str:
    error, regret = row[f"error_{nfe}"], row[f"regret_{nfe}"]
    return "-" if math.isnan(error) else f"{error:.2g} ({regret:.2g}x)"


def _slope(row: Mapping[Hashable, float]) -> str:
    if math.isnan(row["slope"]):
        return "-"
    half = (row["slope_high"] - row["slope_low"]) / 2
    return f"{row['slope']:.2f}" + ("" if math.isnan(half) else f" ± {half:.2f}")
