"""Runs and their results: what a results folder holds, as tables, figures and rows."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from diffbench.api import arguments, session, showing
from diffbench.programs import scores
from diffbench.records.store import Store
from diffbench.spec import Json
from diffbench.stages.draw import score_of
from diffbench.stages.fit import unflatten
from diffbench.suites.parts import make_dataset
from diffbench.tables import against
from diffbench.tables import long as tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = ("dataset", "score", "family", "budget", "sampler", "seed")


class Results:
    """What a results folder holds; see `diffbench.run` and `diffbench.open`.

    Attributes:
      folder: The folder.
    """

    def __init__(self, folder: Path | str):
        """Opens a folder.

        Raises:
          StoreError: If it holds no run.
        """
        self._store = Store(folder, frozen=True)
        self.folder = self._store.root
        self._run = tables.read_run(self._store)

    @functools.cached_property
    def _tables(self) -> tables.Tables:
        return tables.build(self._store)

    @property
    def frame(self) -> pd.DataFrame:
        """The long table: a row for each cell and metric column."""
        return self._tables.long

    @property
    def comparison(self) -> pd.DataFrame:
        """Means over seeds with intervals: a row for each score, family, budget and sampler."""
        return self._tables.comparison

    @property
    def split(self) -> pd.DataFrame:
        """What the error of each learned row is made of."""
        return self._tables.split

    @property
    def figures(self) -> list[str]:
        """Names of the figures that can be drawn."""
        return sorted(self._figures)

    @functools.cached_property
    def _figures(self) -> dict[str, Figure]:
        from diffbench import figures
        from diffbench.figures.base import style
        from diffbench.figures.records import Run

        with style():
            made, run = self._tables, Run(self._store, self._run)
            return dict(figures.drawn(run, made.split, made.orders, made.long))

    def figure(self, name: str) -> Figure:
        """Returns a figure by its name, such as "density_nine_gaussians".

        Raises:
          ValueError: If there is none of the name.
        """
        if name not in self._figures:
            raise ValueError(f"no figure {name!r}; there are: {showing.options(self.figures)}")
        return self._figures[name]

    def report(self, path: Path | str | None = None, *, figures: bool = True) -> Path:
        """Makes one HTML page of what is stored, for people: who is best, how sure, where each errs.

        Args:
          path: The file, which is written over; `report.html` in the folder by default.
          figures: Whether to draw into the folder the figures that are not there yet, which takes longest.

        Returns:
          Where it is.

        Raises:
          StoreError: If it cannot be written, or `report.html` is there and no report.
          ValueError: If there can be no file of that name.
        """
        from diffbench import report
        from diffbench.report.gathered import Gathered

        name = self.folder.resolve().name
        found = Gathered(name, self._store, self._run, self._tables)
        return report.save([found], None if path is None else Path(path), figures)

    def row(self, **labels: str | int) -> Row:
        """Returns the one row that has some labels.

        Args:
          **labels: Of "dataset", "score", "family", "budget", "sampler" and "seed", as many as tell it.

        Raises:
          ValueError: If none has them, or several.
        """
        for key in labels:
            if key not in _ROW:
                raise ValueError(f"a row has no {key!r}; it has: {', '.join(_ROW)}")
        found = [cell for cell in self._run["cells"] if all(cell[k] == v for k, v in labels.items())]
        # Whoever names a family means what it learned.
        learned = [cell for cell in found if cell["fit_id"]]
        found = learned if "family" in labels and "score" not in labels and learned else found
        if len(found) == 1:
            return Row(self._store, found[0])
        shown = ", ".join(f"{k}={v!r}" for k, v in labels.items()) or "no label"
        if not found:
            known = {k: sorted({cell[k] for cell in self._run["cells"]}, key=str) for k in labels}
            there = "; ".join(f"{k}: {', '.join(map(str, v))}" for k, v in known.items())
            raise ValueError(f"no row has {shown}; there are {there}")
        differ = [k for k in _ROW if len({cell[k] for cell in found}) > 1]
        there = "; ".join(f"{k}: {', '.join(map(str, dict.fromkeys(c[k] for c in found)))}" for k in differ)
        raise ValueError(f"{len(found)} rows have {shown}; tell them apart by {there}")

    def __repr__(self) -> str:
        cells = self._run["cells"]
        datasets = list(dict.fromkeys(cell["dataset"] for cell in cells))
        return showing.line(
            "Results", {"": str(self.folder), "cells": len(cells), "datasets": ", ".join(datasets)}
        )

    def _repr_html_(self) -> str:
        from diffbench.tables.headlines import headlines
        from diffbench.tables.rendering import HEAD, summary

        shown = [f"<b>{self!r}</b>"]
        for dataset in self.frame["dataset"].unique():
            columns = headlines(self.frame, dataset, self._run["columns"], self._tables.leading).columns
            rows = summary(self.frame, dataset, columns, over_floor=True)
            table = pd.DataFrame(rows, columns=[*HEAD, *columns])
            shown.append(f"<p><b>{dataset}</b></p>{table.to_html(index=False)}")
        return "".join(shown)


@dataclasses.dataclass(frozen=True, repr=False)
class Row:
    """One row of results: a cell with its records."""

    store: Store
    cell: Json

    @property
    def _draw(self) -> Json:
        return self._record("draw", self.cell["draw_id"])

    def _record(self, stage: str, name: str | None) -> Json:
        found = None if name is None else self.store.read(stage, name)
        if found is None:
            raise session.Failed(f"the {stage} of {self!r}", "missing", "it has not run")
        if found["status"] != "ok":
            raise session.Failed(f"the {stage} of {self!r}", found["status"], found["reason"])
        return found

    @property
    def samples(self) -> np.ndarray:
        """Its samples, data coordinates, `[n, D]`."""
        self._record("draw", self.cell["draw_id"])
        return self.store.arrays("draw", self.cell["draw_id"])["samples"]

    @property
    def nfe(self) -> int:
        """Score evaluations spent on each sample."""
        return int(self._draw["nfe"])

    @property
    def loss(self) -> np.ndarray:
        """Mean loss of each step of its fit, `[steps]`."""
        return self._fitted["loss"]

    @property
    def params(self) -> dict[str, dict[str, np.ndarray]]:
        """The average of its weights: by Haiku module and name."""
        return unflatten("ema", self._fitted)

    @property
    def _fitted(self) -> Mapping[str, np.ndarray]:
        if not self.cell["fit_id"]:
            raise ValueError(f"{self!r} has no fit: its score is {self.cell['score']}")
        self._record("fit", self.cell["fit_id"])
        return self.store.arrays("fit", self.cell["fit_id"])

    @session.pinned
    def score(self, x: ArrayLike, t: float) -> np.ndarray:
        """Returns its score at points `[n, D]` and a time, data coordinates; see `Score`."""
        from diffbench.programs import model as models

        spec = self._draw["spec"]
        if "process" not in spec:
            raise ValueError(f"{self!r} has no score")
        dataset = make_dataset(spec["dataset"])
        bound = score_of(spec, session.inputs(self.store), dataset)
        process = models.make_process(spec["process"])
        evaluate = scores.evaluator(bound, process)
        x, t = arguments.points(x, dataset.dim), arguments.time(t, process)
        standard = jnp.asarray(dataset.standardise(x.reshape(-1, dataset.dim)), float)
        return np.asarray(evaluate(standard, jnp.asarray(t, float))).reshape(x.shape) / dataset.scale

    def __repr__(self) -> str:
        return showing.line("Row", {key: self.cell[key] for key in _ROW if self.cell[key] != ""})


def open(folder: Path | str) -> Results:
    """Opens a results folder.

    Raises:
      StoreError: If it holds no run.
    """
    return Results(folder)


def compare(a: Results | Path | str, b: Results | Path | str, /) -> pd.DataFrame:
    """Compares two results folders: rows that are equal but for versions, paired by seed.

    Args:
      a: The one that is the measure: results or their folder.
      b: The other.

    Returns:
      A row for each row and metric column of either: mean "a", mean "b", their mean "difference" with the
      ends of its 95% t interval over "seeds" that both have, "p_value", and the "verdict": "worse", "better",
      "equal", "not known", "only in A" or "only in B"; see `diffbench.tables.change`. What the two were made
      with, where that differs, is in its `attrs`: "versions" and "hints", lines of text.

    Raises:
      ValueError: If they have no row in common, or one of them holds no run.
    """
    sides = (against.side_of(Store(_folder(one), frozen=True)) for one in (a, b))
    found = against.of(*sides)
    found.rows.attrs |= {"versions": found.versions, "hints": found.hints}
    return found.rows


def _folder(one: Results | Path | str) -> Path:
    return one.folder if isinstance(one, Results) else Path(one)
