"""Curves over seeds: the loss traces, and the score's error over noise levels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from diffbench.figures.base import ACROSS, DOUBLE, SINGLE, dash, extremes, log_ticks, panels, say
from diffbench.figures.records import Row, Run

_ARRAYS = ("score_error_log_snr", "score_error_curve")

Trace = tuple[np.ndarray, np.ndarray]


def draw(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields the figures of loss and score error, those that have anything to show."""

    def losses(rows: Sequence[Row]) -> list[Trace]:
        fits = dict.fromkeys(row.fit_id for row in rows if row.fit_id)
        traces = (run.loss(name) for name in fits)
        return [smoothed(trace) for trace in traces if trace is not None and trace.size]

    def errors(rows: Sequence[Row]) -> list[Trace]:
        # Samplers of one fit share the measurement: it needs no samples.
        measures = {row.measures.get("score_error"): row for row in rows}
        found = (run.curves(row, "score_error") for row in measures.values())
        return [(arrays[_ARRAYS[0]], arrays[_ARRAYS[1]]) for arrays in found if {*_ARRAYS} <= {*arrays}]

    yield from _figure(run, "loss", losses, "step", "loss", log=True)
    yield from _figure(run, "score_error", errors, "log SNR", "relative score error", log=False)


def smoothed(loss: np.ndarray, points: int = 160, spread: float = 1.25) -> Trace:
    """Returns steps and the running median around each, over a window constant in log step.

    Args:
      loss: One value per step, `[steps]`; NaN from where a fit diverged.
      points: Number of steps returned, at most.
      spread: Each window goes from step / spread to step * spread.
    """
    steps = np.unique(np.geomspace(1, len(loss), points).round().astype(int))
    medians = np.full(len(steps), math.nan)
    for i, step in enumerate(steps):
        window = loss[math.ceil(step / spread) - 1 : math.floor(step * spread)]
        if np.isfinite(loss[step - 1]):
            medians[i] = np.median(window[np.isfinite(window)])
    return steps, medians


def _figure(
    run: Run, name: str, traces_of: Callable[[Sequence[Row]], list[Trace]], x: str, y: str, log: bool
) -> Iterator[tuple[str, Figure]]:
    """Yields a figure with a panel for each dataset, a colour for each family."""
    found: dict[str, dict[tuple[str, str], list[Trace]]] = {}
    for dataset in run.datasets:
        for family, budget in itertools.product(run.families, run.budgets):
            rows = run.of(dataset=dataset, family=family, budget=budget, score="learned")
            if traces := traces_of(rows):
                found.setdefault(dataset, {})[family, budget] = traces
    if not found:
        return
    across = min(len(found), ACROSS)
    width = SINGLE if across == 1 else DOUBLE
    figure, axes = panels(math.ceil(len(found) / across), across, width, 1.6, _legend(run))
    for spare in axes.flat[len(found) :]:
        spare.remove()
    for place, ((dataset, lines), ax) in enumerate(zip(found.items(), axes.flat, strict=False)):
        ax.set_title(dataset)
        if place + across >= len(found):
            ax.set_xlabel(x)
        if place % across == 0:
            ax.set_ylabel(y)
        sns.despine(ax=ax)
        for (family, budget), traces in lines.items():
            _band(ax, traces, run.colours[family], dash(run.budgets, budget))
        _log(ax, log)
    yield name, figure


def _legend(run: Run) -> list[Any]:
    """Returns the legend of families, and of budgets where there are several."""
    lines = [Line2D([], [], color=run.colours[f], label=f, lw=1.8) for f in run.families]
    if len(run.budgets) > 1:
        lines += [Line2D([], [], color="0.3", ls=dash(run.budgets, b), label=b) for b in run.budgets]
    return lines


def _band(ax: Axes, traces: Sequence[Trace], colour: Any, line: Any) -> None:
    """Draws the mean over seeds, and the range from least to largest."""
    x = max((x for x, _ in traces), key=len)
    mean, least, most = np.array(
        [extremes([float(y[k]) for _, y in traces if k < len(y)]) for k in range(len(x))]
    ).T
    ax.plot(x, mean, color=colour, ls=line)
    if len(traces) > 1:
        ax.fill_between(x, least, most, color=colour, alpha=0.22, lw=0)


def _log(ax: Axes, log_x: bool) -> None:
    """Makes the axes logarithmic where the values allow it; says so where there are none."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.get_lines()])
    kept = values[np.isfinite(values)]
    if not kept.size:
        ax.set(xticks=[], yticks=[])
        say(ax, "no finite values", 1.4)
        return
    if log_x:
        ax.set_xscale("log")
        log_ticks(ax.xaxis, 1, 10**4)
    if kept.min() > 0:
        ax.set_yscale("log")
        log_ticks(ax.yaxis, *ax.get_ylim())
