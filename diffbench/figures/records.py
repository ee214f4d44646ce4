"""What figures need of a run: its cells with their records, labels and colours."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import seaborn as sns

from diffbench.records.store import Store
from diffbench.tables.comparison import rank

Colour = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Row:
    """A cell of a run and what its records say.

    Attributes:
      dataset: Label of the dataset.
      family: Label of the family; the process for exact rows, empty for truth rows.
      score: "truth", "gaussian", "exact", "empirical", "learned", or a perturbed score's label.
      sampler: Label of the sampler.
      seed: The seed.
      budget: Steps and batch of a learned row.
      fit_id: Name of the fit's record, or None.
      draw_id: Name of the draw's record.
      reference_id: Name of the reference's record.
      measures: Name of each metric's record.
      process: Specification of the process as JSON, empty where it is not known.
      solver: Registered name of the sampler; its label where it is not known.
      kind: What rows of one solver at several costs have in common.
      nfe: Score evaluations, NaN where the draw is missing.
      status: "ok", or what became of the fit or the draw.
      reason: Why, if not ok.
    """

    dataset: str
    family: str
    score: str
    sampler: str
    seed: int
    budget: str
    fit_id: str | None
    draw_id: str
    reference_id: str
    measures: Mapping[str, str]
    process: str
    solver: str
    kind: str
    nfe: float
    status: str
    reason: str


class Run:
    """A run's rows, and the labels and colours that all its figures share.

    Attributes:
      rows: Every cell.
      datasets: Labels of the datasets, in order.
      families: Labels of the learned families, in order.
      budgets: Budgets of learned rows, shortest first.
      colours: Colour of each family, and of each process that is no one family's.
    """

    def __init__(self, store: Store, content: Mapping[str, Any]):
        """Reads the records that `run.json` names."""
        self._store = store
        self._columns = content["columns"]
        self._measures: dict[str, Mapping[str, Any]] = {}
        self.rows = [_row(cell, store) for cell in content["cells"]]
        self.datasets = _once(row.dataset for row in self.rows)
        learned = [row for row in self.rows if row.score == "learned"]
        self.families = sorted({row.family for row in learned})
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

    def processes(self) -> list[str]:
        """Returns the labels of the processes of rows without a fit."""
        return sorted({row.family for row in self.rows if row.sampler and not row.fit_id})

    def families_of(self, process: str) -> list[str]:
        """Returns the families trained on the process of rows without a fit, where it is known."""
        return self._trained_on.get(self._processes.get(process, "?"), [])

    def hue(self, row: Row) -> str:
        """Returns what a row is coloured by: its family, or its process if that is nobody's."""
        mine = [] if row.fit_id else self.families_of(row.family)
        return mine[0] if len(mine) == 1 else row.family

    def sources(self, rows: Iterable[Row]) -> list[tuple[str, str]]:
        """Returns the scores and budgets of rows with a sampler, what is learned last."""
        found = {(row.score, row.budget) for row in rows if row.sampler}
        return sorted(found, key=lambda source: (rank(source[0]), *_steps(source[1]), source[0]))

    def of(self, **labels: Any) -> list[Row]:
        """Returns the rows that have these labels."""
        return [row for row in self.rows if all(getattr(row, k) == v for k, v in labels.items())]

    def has(self, column: str) -> bool:
        """Returns whether some metric of the run has a column."""
        return any(column in columns for columns in self._columns.values())

    def measure(self, name: str) -> Mapping[str, Any]:
        """Returns a measurement's record, empty where it is missing or failed."""
        if name not in self._measures:
            record = self._store.read("measure", name) or {}
            self._measures[name] = record if record.get("status") == "ok" else {}
        return self._measures[name]

    def z(self, row: Row, column: str) -> float:
        """Returns how many floor standard deviations a row's value is above the floor's mean."""
        for metric, name in row.measures.items():
            if column in self._columns.get(metric, {}):
                z = self.measure(name).get("floor", {}).get(column, {}).get("z")
                return math.nan if z is None else float(z)
        return math.nan

    def curves(self, row: Row, metric: str) -> dict[str, np.ndarray]:
        """Returns the arrays of a row's measurement; none where it is missing or failed."""
        name = row.measures.get(metric)
        return self._store.arrays("measure", name) if name and self.measure(name) else {}

    def samples(self, row: Row) -> np.ndarray | None:
        """Returns a row's samples in data coordinates, `[n, D]`, or None."""
        return self._store.arrays("draw", row.draw_id).get("samples") if row.status == "ok" else None

    def reference(self, dataset: str) -> np.ndarray | None:
        """Returns points of the truth, `[m, D]`: the reference, or else a truth draw."""
        for row in self.of(dataset=dataset):
            found = self._store.arrays("reference", row.reference_id).get("samples")
            if found is not None:
                return found
        drawn = (self.samples(row) for row in self.of(dataset=dataset, score="truth"))
        return next((samples for samples in drawn if samples is not None), None)

    def loss(self, fit_id: str) -> np.ndarray | None:
        """Returns the loss trace of a fit, `[steps]`, or None."""
        return self._store.arrays("fit", fit_id).get("loss")

    def name(self, family: str, budget: str) -> str:
        """Returns a family's label, with the budget where the run has several."""
        return f"{family} {budget}".strip() if len(self.budgets) > 1 else family


def _row(cell: Mapping[str, Any], store: Store) -> Row:
    fit = store.read("fit", cell["fit_id"]) if cell["fit_id"] else None
    draw = store.read("draw", cell["draw_id"])
    spec = {**(fit or {}).get("spec", {}), **(draw or {}).get("spec", {})}
    sampler = spec.get("sampler") or {"name": cell["sampler"], "params": {}}
    # Counts and tolerances set what a sampler costs; the rest says which sampler it is.
    fixed = {
        k: v for k, v in sampler["params"].items()
        if isinstance(v, bool) or not (isinstance(v, int | None) or k.endswith("tol"))
    }  # fmt: skip
    status, reason = "ok", ""
    for stage, record in (("fit", fit if cell["fit_id"] else {"status": "ok"}), ("draw", draw)):
        if status != "ok":
            break
        if record is None:
            status, reason = "missing", f"the {stage} has not run"
        elif record["status"] != "ok":
            status, reason = record["status"], record["reason"]
    labels = ("dataset", "family", "score", "sampler", "seed", "budget")
    names = ("fit_id", "draw_id", "reference_id", "measures")
    nfe = (draw or {}).get("nfe")
    return Row(
        **{key: cell[key] for key in (*labels, *names)},
        process=json.dumps(spec["process"], sort_keys=True) if "process" in spec else "",
        solver=sampler["name"],
        kind=json.dumps([sampler["name"], fixed], sort_keys=True),
        nfe=math.nan if nfe is None else float(nfe),
        status=status,
        reason=reason,
    )


def _steps(budget: str) -> tuple[int, str]:
    steps = budget.split("x")[0]
    return (int(steps) if steps.isdigit() else 0), budget


def _once(labels: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(labels))
