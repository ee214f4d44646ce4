"""Which metric sees what: z of every column for samples that came in files, beside the Gaussian."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure

from diffbench.figures.base import GREY, HEADING, canvas, headed, place, write_at
from diffbench.figures.records import Row, Run
from diffbench.figures.words import fitted, width_of
from diffbench.records.places import GIVEN
from diffbench.tables.digits import deviations
from diffbench.tables.symptoms import BLIND, SEEN

# Inches: a cell of the map, and around it.
_WIDE, _HIGH, _BELOW, _RIGHT = 0.62, 0.24, 0.38, 0.15
_MOST = 1000.0  # z from which colours are one


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields a map for each dataset of which samples were given: rows are models, columns are metrics."""
    for dataset in run.datasets:
        here = run.of(dataset=dataset)
        models: dict[str, list[Row]] = {}
        for row in here:
            if row.score in (GIVEN, "truth", "gaussian"):
                models.setdefault(row.family or row.score, []).append(row)
        columns = [c for c in run.columns if any(math.isfinite(run.z(row, c)) for row in here)]
        if not columns or not any(row.score == GIVEN for row in here):
            continue
        z = np.array([[_mean(run, rows, column) for column in columns] for rows in models.values()])
        yield f"seen_{dataset}", _map(dataset, list(models), columns, z)


def _mean(run: Run, rows: list[Row], column: str) -> float:
    found = [z for z in (run.z(row, column) for row in rows) if math.isfinite(z)]
    return float(np.mean(found)) if found else math.nan


def _map(dataset: str, models: list[str], columns: list[str], z: np.ndarray) -> Figure:
    labels = [fitted(model, 1.6, lines=2) for model in models]
    left = 0.15 + max(width_of(line) for label in labels for line in label.split("\n"))
    heads = [fitted(column.replace("_", " "), _WIDE, lines=3) for column in columns]
    head = 0.1 + 0.13 * max(text.count("\n") + 1 for text in heads)
    width = max(left + len(columns) * _WIDE + _RIGHT, 3.4)
    heading, above = headed(dataset, width)
    height = above + head + len(models) * _HIGH + _BELOW
    figure = canvas(width, height)
    write_at(figure, left, 0.06, heading, va="top", **HEADING)
    axes = place(figure, left, above + head, len(columns) * _WIDE, len(models) * _HIGH)
    norm = SymLogNorm(linthresh=SEEN, vmin=-_MOST, vmax=_MOST)
    axes.imshow(z, cmap=sns.color_palette("vlag", as_cmap=True), norm=norm, aspect="auto")
    axes.set_yticks(range(len(models)), labels)
    axes.set_xticks(range(len(columns)), heads)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    _write(axes, z)
    note = f"z over the floor, mean over seeds; bold from {SEEN:g} (seen), (below {BLIND:g}) is blind."
    said = fitted(note, width - left - 0.05, lines=2)
    write_at(figure, left, height - 0.05, said, va="bottom", color=GREY)
    return figure


def _write(axes: Axes, z: np.ndarray) -> None:
    for i, j in np.ndindex(*z.shape):
        value = float(z[i, j])
        text = deviations(value)
        text = f"({text})" if abs(value) < BLIND else text
        weight = "bold" if abs(value) >= SEEN else "normal"
        colour = "white" if abs(value) > 100 else "0.15"
        axes.text(j, i, text, ha="center", va="center", fontsize=6.5, fontweight=weight, color=colour)
