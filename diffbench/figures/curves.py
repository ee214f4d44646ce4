"""Curves over seeds: the loss traces, and the score's error over noise levels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.typing import ColorType, LineStyleType

from diffbench.figures.base import (
    dash,
    extremes,
    log_ticks,
    panel_width,
    panels,
    say,
    sheet,
    titled,
    weight,
)
from diffbench.figures.records import Row, Run
from diffbench.sources.learned import NAME as LEARNED

_ARRAYS = ("score_error_log_snr", "score_error_curve")

_DOWN = 3  # rows of panels on a page
_THICK = 1.1  # of a line, in points

Trace = tuple[np.ndarray, np.ndarray]
Lines = Mapping[tuple[str, str], Sequence[Trace]]


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields the figures of loss and score error, those that have anything to show."""

    def losses(rows: Sequence[Row]) -> list[Trace]:
        fits = dict.fromkeys(row.fit_id for row in rows if row.fit_id)
        traces = (run.loss(name) for name in fits)
        return [smoothed(trace) for trace in traces if trace is not None and trace.size]

    def errors(rows: Sequence[Row]) -> list[Trace]:
        # Samplers of one fit share the measurement: it needs no samples.
        measures = {row.measured("score_error"): row for row in rows}
        found = (run.curves(row, "score_error") for row in measures.values())
        return [(arrays[_ARRAYS[0]], arrays[_ARRAYS[1]]) for arrays in found if {*_ARRAYS} <= {*arrays}]

    # Losses of two weightings have no scale in common, so each has panels of its own.
    yield from _figure(run, "loss", losses, "step", "loss", log=True, apart=True)
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
    run: Run,
    name: str,
    traces_of: Callable[[Sequence[Row]], list[Trace]],
    x: str,
    y: str,
    log: bool,
    apart: bool = False,
) -> Iterator[tuple[str, Figure]]:
    """Yields a figure with a panel for each dataset, a colour for each family.

    With `apart` the panels are one for each dataset and weighting of the loss.
    """
    found: dict[tuple[str, str], dict[tuple[str, str], Sequence[Trace]]] = {}
    weightings = sorted({row.weighting for row in run.rows if row.fit_id}) if apart else [""]
    for dataset, weighting in itertools.product(run.datasets, weightings):
        for family, budget in itertools.product(run.families, run.budgets):
            rows = run.of(dataset=dataset, family=family, budget=budget, score=LEARNED)
            if traces := traces_of([row for row in rows if not apart or row.weighting == weighting]):
                found.setdefault((dataset, weighting), {})[family, budget] = traces
    if not found:
        return
    # A page holds as many as its height; what is more goes on the next.
    size = sheet().across * _DOWN
    pages = range(0, len(found), size)
    for number, start in enumerate(pages, start=1):
        here = dict(itertools.islice(found.items(), start, start + size))
        yield name + (f"_{number}" if number > 1 else ""), _page(run, here, x, y, log)


def _page(run: Run, found: Mapping[tuple[str, str], Lines], x: str, y: str, log: bool) -> Figure:
    """Draws panels of curves."""
    across = min(len(found), sheet().across)
    width = sheet().single if across == 1 else sheet().double
    many = any(len(traces) > 1 for lines in found.values() for traces in lines.values())
    several = len({weighting for _, weighting in found}) > 1
    titles, above = titled(
        [f"{dataset}, {weighting} weight" if several else dataset for dataset, weighting in found],
        panel_width(across, width),
    )
    legend = _legend(run, found, many)
    figure, axes = panels(math.ceil(len(found) / across), across, width, 1.6, legend, above=above)
    for spare in axes.flat[len(found) :]:
        spare.remove()
    for place, (((_, weighting), lines), ax) in enumerate(zip(found.items(), axes.flat, strict=False)):
        ax.set_title(titles[place])
        if place + across >= len(found):
            ax.set_xlabel(x)
        if place % across == 0:
            ax.set_ylabel(y if several or not weighting else f"{y} ({weighting} weight)")
        sns.despine(ax=ax)
        for (family, budget), traces in lines.items():
            thick = _THICK * weight(run.budgets, budget)
            _band(ax, traces, run.colours[family], dash(run.families, family), thick)
        _log(ax, log)
    return figure


def _legend(run: Run, found: Mapping[tuple[str, str], Lines], many: bool) -> list[Artist]:
    """Returns the legend of families, of budgets where there are several, and of what is drawn."""
    shown = {line for lines in found.values() for line in lines}
    counts = {len(traces) for lines in found.values() for traces in lines.values()}
    families, budgets = ({line[i] for line in shown} for i in (0, 1))
    lines: list[Artist] = [
        Line2D([], [], color=run.colours[f], ls=dash(run.families, f), label=f, lw=1.6)
        for f in run.families
        if f in families
    ]
    if len(run.budgets) > 1:
        lines += [
            Line2D([], [], color="0.3", lw=_THICK * weight(run.budgets, b), label=f"steps x batch {b}")
            for b in run.budgets
            if b in budgets
        ]
    if many:
        seeds = " to ".join(str(k) for k in dict.fromkeys((min(counts), max(counts))))
        lines.append(Line2D([], [], color="0.3", label=f"mean over {seeds} seeds"))
        lines.append(Patch(color="0.3", alpha=0.22, lw=0, label="least to largest seed"))
    return lines


def _band(ax: Axes, traces: Sequence[Trace], color: ColorType, ls: LineStyleType, lw: float) -> None:
    """Draws the mean over seeds, and the range from least to largest."""
    x = max((x for x, _ in traces), key=len)
    mean, least, most = np.array(
        [extremes([float(y[k]) for _, y in traces if k < len(y)]) for k in range(len(x))]
    ).T
    ax.plot(x, mean, color=color, ls=ls, lw=lw)
    if len(traces) > 1:
        ax.fill_between(x, least, most, color=color, alpha=0.22, lw=0)


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
