"""What figures need of a run: its cells with their records, labels and colours."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterable, Mapping

import numpy as np
import seaborn as sns

from diffbench.records.outcome import OK, ending
from diffbench.records.places import TRUTH, base_of, natural
from diffbench.records.store import Store
from diffbench.sources.learned import NAME as LEARNED
from diffbench.spec import Json, identify
from diffbench.tables.comparison import rank
from diffbench.tables.headlines import chosen, first_of, sides

Colour = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Row:
    """A cell of a run and what its records say.

    Attributes:
      dataset: Label of the dataset.
      family: Label of the family; the process for exact rows, empty for truth rows.
      score: What the score is: a bracket, or the label of its source.
      sampler: Label of the sampler.
      seed: The seed.
      n: Number of samples.
      budget: Steps and batch of a learned row.
      fit_id: Name of the fit's record, or None.
      draw_id: Name of the draw's record.
      reference_id: Name of the reference's record.
      measures: Name of each metric's record.
      process: Specification of the process as JSON, empty where it is not known.
      weighting: What the loss of its fit is weighted by, empty without a fit.
      solver: Registered name of the sampler; its label where it is not known.
      kind: What rows of one solver at several costs have in common.
      nfe: Score evaluations, NaN where the draw is missing.
      status: `outcome.OK`, or what became of the fit or the draw.
      reason: Why, if not ok.
    """

    dataset: str
    family: str
    score: str
    sampler: str
    seed: int
    n: int
    budget: str
    fit_id: str | None
    draw_id: str
    reference_id: str
    measures: Mapping[str, str]
    process: str
    weighting: str
    solver: str
    kind: str
    nfe: float
    status: str
    reason: str

    def measured(self, metric: str) -> str | None:
        """Returns the name of a metric's record; the first where it is there by several parameters."""
        return next((name for label, name in self.measures.items() if base_of(label) == metric), None)


class Run:
    """A run's rows, and the labels and colours that all its figures share.

    Attributes:
      rows: Every cell.
      datasets: Labels of the datasets, in order.
      families: Labels of the learned families, in order.
      budgets: Budgets of learned rows, shortest first.
      colours: Colour of each family, and of each process that is no one family's.
    """

    def __init__(self, store: Store, content: Json):
        """Reads the records that `run.json` names."""
        self._store = store
        self._columns = content["columns"]
        self._leading = content.get("leading", ())
        self._shown: list[str] | None = None
        self._measures: dict[str, Json] = {}
        self.rows = [_row(cell, store) for cell in content["cells"]]
        self.datasets = _once(row.dataset for row in self.rows)
        learned = [row for row in self.rows if row.score == LEARNED]
        self.families = sorted({row.family for row in learned}, key=natural)
        self.budgets = sorted({row.budget for row in learned}, key=_steps)
        self._processes: dict[str, str] = {}
        self._trained_on: dict[str, list[str]] = {}
        for row in self.rows:
            if row.process and not row.fit_id:
                self._processes[row.family] = row.process
            elif row.process and row.family not in self._trained_on.setdefault(row.process, []):
                self._trained_on[row.process].append(row.family)
        own = (label for label in self.processes() if len(self.families_of(label)) != 1)
        hues = _once([*self.families, *own])
        palette = sns.color_palette("colorblind" if len(hues) <= 10 else "husl", len(hues))
        self.colours: dict[str, Colour] = dict(zip(hues, palette, strict=True))

    @property
    def columns(self) -> list[str]:
        """Every column of the metrics, in order."""
        return [column for metric in self._columns.values() for column in metric]

    @property
    def by_metric(self) -> Json:
        """Columns of each metric."""
        return self._columns

    def processes(self) -> list[str]:
        """Returns the labels of the processes of rows without a fit."""
        return sorted({row.family for row in self.rows if row.sampler and not row.fit_id}, key=natural)

    def families_of(self, process: str) -> list[str]:
        """Returns the families trained on the process of rows without a fit, where it is known."""
        return self._trained_on.get(self._processes.get(process, "?"), [])

    def hue(self, row: Row) -> str:
        """Returns what a row is coloured by: its family, or its process if that is nobody's."""
        mine = [] if row.fit_id else self.families_of(row.family)
        return mine[0] if len(mine) == 1 else row.family

    def sources(self, rows: Iterable[Row]) -> list[tuple[str, str]]:
        """Returns the scores and budgets of rows with a sampler, what is learned last."""
        found = {(row.score, row.budget) for row in rows if row.sampler or row.family}
        return sorted(found, key=lambda source: (rank(source[0]), *_steps(source[1]), source[0]))

    def told(self, rows: Iterable[Row]) -> str:
        """Returns how many samples and seeds rows have, as a figure says it: "n = 2,000, 3 seeds"."""
        here = [row for row in rows if row.sampler or row.family]
        sizes, seeds = sorted({row.n for row in here}), sorted({row.seed for row in here})
        n = " to ".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1]))) if sizes else "0"
        many = f"{len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}" if seeds else "no seed"
        return f"n = {n}, {many}"

    def of(self, **labels: str | int) -> list[Row]:
        """Returns the rows that have these labels."""
        return [row for row in self.rows if all(getattr(row, k) == v for k, v in labels.items())]

    def headlines(self, least: int = 2, most: int = 4) -> list[str]:
        """Returns the columns that figures show: what was asked for, then what sees an error.

        Args:
          least: Columns that are shown, if there are as many, though nothing errs in them.
          most: Columns that are shown, unless more were asked for.
        """
        if self._shown is None:
            judged = [row for row in self.rows if row.sampler or row.family]
            present = [c for columns in self._columns.values() for c in columns]
            z = {column: self._worst(judged, column) for column in present}
            values = {c for c in present if any(math.isfinite(self.value(row, c)) for row in judged)}
            first = first_of(self._columns, self._leading, values)
            floored = [c for c in present if not math.isnan(z[c])]
            found, spare = chosen(floored, z, first)
            wanted = max(least, len(found) - len(spare))
            # Those in which something errs stay, in the order of all.
            quiet = [c for c in spare if c not in first][: wanted - len(found) + len(spare)]
            kept = [c for c in found if c not in spare or c in quiet]
            self._shown = kept[: max(most, len(first))]
        return self._shown

    def _worst(self, rows: Iterable[Row], column: str) -> float:
        """Returns the worst mean z over seeds of a column, more being worse; NaN without a floor."""
        sign = sides(self._columns)[column]
        found: dict[tuple[str, ...], list[float]] = {}
        for row in rows:
            z = self.z(row, column)
            if math.isfinite(z):
                key = (row.dataset, row.score, row.family, row.budget, row.sampler)
                found.setdefault(key, []).append(z)
        means = [float(np.mean(z)) for z in found.values()]
        return max((abs(m) if math.isnan(sign) else sign * m for m in means), default=math.nan)

    def floored(self, column: str) -> bool:
        """Returns whether some row has a z in a column."""
        return any(math.isfinite(self.z(row, column)) for row in self.rows)

    def sign(self, column: str) -> float:
        """Returns 1 where more of what is drawn of a column is worse, -1 where it is better, else NaN."""
        return sides(self._columns)[column]

    def value(self, row: Row, column: str) -> float:
        """Returns a row's value in a column, NaN where there is none."""
        for metric, name in row.measures.items():
            about = self._columns.get(metric, {}).get(column)
            if about is not None:
                value = self.measure(name).get("values", {}).get(about.get("column", column))
                return math.nan if value is None else float(value)
        return math.nan

    def measure(self, name: str | None) -> Json:
        """Returns a measurement's record, empty where it is missing or failed."""
        if name is None:
            return {}
        if name not in self._measures:
            record = self._store.read("measure", name) or {}
            self._measures[name] = record if record.get("status") == OK else {}
        return self._measures[name]

    def z(self, row: Row, column: str) -> float:
        """Returns how many floor standard deviations a row's value is above the floor's mean."""
        for metric, name in row.measures.items():
            about = self._columns.get(metric, {}).get(column)
            if about is not None:
                z = self.measure(name).get("floor", {}).get(about.get("column", column), {}).get("z")
                return math.nan if z is None else float(z)
        return math.nan

    def curves(self, row: Row, metric: str) -> dict[str, np.ndarray]:
        """Returns the arrays of a row's measurement; none where it is missing or failed."""
        name = row.measured(metric)
        return self._store.arrays("measure", name) if name and self.measure(name) else {}

    def flow(self, row: Row) -> dict[str, np.ndarray]:
        """Returns where the exact flow of a row leads, "start" and "end", `[n, D]`; none without."""
        spec = self.measure(row.measured("flow_error")).get("spec", {}).get("flow")
        return {} if spec is None else self._store.arrays("flow", identify(spec))

    def samples(self, row: Row) -> np.ndarray | None:
        """Returns a row's samples in data coordinates, `[n, D]`, or None."""
        return self._store.arrays("draw", row.draw_id).get("samples") if row.status == OK else None

    def shape(self, row: Row) -> tuple[int, int, int] | None:
        """Returns (H, W, C) of a row's samples where they are images, or None."""
        found = (self._store.read("draw", row.draw_id) or {}).get("shape")
        return None if found is None else (int(found[0]), int(found[1]), int(found[2]))

    def reference(self, dataset: str) -> np.ndarray | None:
        """Returns points of the truth, `[m, D]`: the reference, or else a truth draw."""
        for row in self.of(dataset=dataset):
            found = self._store.arrays("reference", row.reference_id).get("samples")
            if found is not None:
                return found
        drawn = (self.samples(row) for row in self.of(dataset=dataset, score=TRUTH))
        return next((samples for samples in drawn if samples is not None), None)

    def seen_by_models(self, dataset: str) -> tuple[np.ndarray | None, str]:
        """Returns points of the truth in the coordinates of models, `[m, D]`, and what these are called.

        The scale is that of the points: a per cent or two from the dataset's own, which no record holds.
        """
        found, row = self.reference(dataset), self.of(dataset=dataset)[0]
        spec = (self._store.read("draw", row.draw_id) or {}).get("spec", {}).get("dataset", {})
        if not spec.get("standardise", True):
            return found, "data coordinates"
        if found is not None:
            found = (found - found.mean(axis=0)) / (np.sqrt(found.var(axis=0).mean()) or 1.0)
        return found, "standardised coordinates"

    def loss(self, fit_id: str) -> np.ndarray | None:
        """Returns the loss trace of a fit, `[steps]`, or None."""
        return self._store.arrays("fit", fit_id).get("loss")

    def series(self, rows: Iterable[Row]) -> dict[str, str]:
        """Returns what to call rows of one kind, by kind: their label, numbers that differ left out."""
        labels: dict[str, list[str]] = {}
        for row in rows:
            labels.setdefault(row.kind, []).append(row.sampler)
        return {kind: in_common(_once(found)) for kind, found in sorted(labels.items())}

    def name(self, family: str, budget: str) -> str:
        """Returns a family's label, with the budget where the run has several."""
        return f"{family} {budget}".strip() if len(self.budgets) > 1 else family


def in_common(labels: list[str]) -> str:
    """Returns what labels have in common, "…" for numbers that differ; several labels if it is more."""
    words = [re.split(r"(\d+(?:\.\d+)?)", label) for label in labels]
    if len({tuple(word[::2]) for word in words}) > 1:
        return ", ".join(labels)
    return "".join(part[0] if len({*part}) == 1 else "…" for part in zip(*words, strict=True))


def _row(cell: Json, store: Store) -> Row:
    fit = store.read("fit", cell["fit_id"]) if cell["fit_id"] else None
    draw = store.read("draw", cell["draw_id"])
    spec = {**(fit or {}).get("spec", {}), **(draw or {}).get("spec", {})}
    sampler = spec.get("sampler") or {"name": cell["sampler"], "params": {}}
    # Steps and tolerances set what a sampler costs; the rest says which sampler it is.
    fixed = {k: v for k, v in sampler["params"].items() if "steps" not in k and not k.endswith("tol")}
    ended = ending([*([("fit", fit)] if cell["fit_id"] else []), ("draw", draw)])
    labels = ("dataset", "family", "score", "sampler", "seed", "budget")
    names = ("fit_id", "draw_id", "reference_id", "measures")
    nfe = (draw or {}).get("nfe")
    return Row(
        **{key: cell[key] for key in (*labels, *names)},
        n=cell["n_samples"],
        process=json.dumps(spec["process"], sort_keys=True) if "process" in spec else "",
        weighting=_weighting(fit),
        solver=sampler["name"],
        kind=json.dumps([sampler["name"], fixed], sort_keys=True),
        nfe=math.nan if nfe is None else float(nfe),
        status=ended.status,
        reason=ended.reason,
    )


def _weighting(fit: Json | None) -> str:
    """Returns how a fit's loss is weighted: losses of two weightings have no scale in common."""
    family = (fit or {}).get("spec", {}).get("family", {})
    # A family without the parameter has a loss of its own.
    return str(family.get("params", {}).get("weighting", family.get("name", "")))


def _steps(budget: str) -> tuple[int, str]:
    steps = budget.split("x")[0]
    return (int(steps) if steps.isdigit() else 0), budget


def _once(labels: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(labels))
