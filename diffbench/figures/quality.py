"""Quality against cost: how far each sampler's samples are from the noise floor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from diffbench.figures.base import ACROSS, DOUBLE, SINGLE, dash, extremes, log_ticks, panels
from diffbench.figures.records import Row, Run

COLUMNS = ("energy", "mmd2_local")
_MARKERS = "osD^vP<>X*"
_BARS: dict[str, Any] = {"elinewidth": 0.8, "capsize": 1.5, "capthick": 0.8, "mew": 1.0}
_BLOCKS = 2  # of datasets, below each other on one page
_FLOOR = 2.0  # floor standard deviations that truth itself mostly stays within


def draw(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields figures of z over NFE: for each column a line of panels, one for each dataset."""
    columns = [column for column in COLUMNS if run.has(column)]
    rows = [row for row in run.rows if row.score in ("exact", "learned") and row.nfe > 0]
    rows = [row for row in rows if any(math.isfinite(run.z(row, column)) for column in columns)]
    datasets = [dataset for dataset in run.datasets if any(row.dataset == dataset for row in rows)]
    markers = dict(zip(sorted({row.solver for row in rows}), itertools.cycle(_MARKERS), strict=False))
    pages = range(0, len(datasets), _BLOCKS * ACROSS)
    for number, start in enumerate(pages, start=1):
        here = datasets[start : start + _BLOCKS * ACROSS]
        yield "quality_nfe" + (f"_{number}" if number > 1 else ""), _page(run, rows, here, columns, markers)


def _page(
    run: Run,
    rows: Sequence[Row],
    datasets: Sequence[str],
    columns: Sequence[str],
    markers: Mapping[str, str],
) -> Figure:
    across = min(len(datasets), ACROSS)
    blocks = math.ceil(len(datasets) / across)
    width = SINGLE if across == 1 else DOUBLE
    legend = _legend(run, rows, markers)
    figure, axes = panels(blocks * len(columns), across, width, 1.5, legend)
    for place, (k, column) in itertools.product(range(blocks * across), enumerate(columns)):
        ax = axes[place // across * len(columns) + k, place % across]
        if place >= len(datasets):
            ax.remove()
            continue
        _panel(run, ax, [row for row in rows if row.dataset == datasets[place]], column, markers)
        if k == 0:
            ax.set_title(datasets[place])
        if k == len(columns) - 1 and place + across >= len(datasets):
            ax.set_xlabel("NFE")
        if place % across == 0:
            ax.set_ylabel(f"z of {column}")
    return figure


def _panel(run: Run, ax: Axes, rows: Sequence[Row], column: str, markers: Mapping[str, str]) -> None:
    """Draws each sampler's z, the mean over seeds with its range, joined where it has several costs.

    Colours stand a little apart, so that equal costs do not hide each other.
    """
    hues = [hue for hue in run.colours if any(run.hue(row) == hue for row in rows)]
    costs = np.log10([row.nfe for row in rows])
    apart = 0.025 * max(float(np.ptp(costs)), 0.5)
    ax.axhspan(-_FLOOR, _FLOOR, color="0.9", lw=0, zorder=0)
    ax.axhline(0, color="0.6", lw=0.6, zorder=1)
    for group in _grouped(rows, lambda row: (row.score, row.family, row.budget, row.kind)):
        places = []
        for seeds in _grouped(group, lambda row: row.sampler):
            mean, low, high = extremes([run.z(row, column) for row in seeds])
            if math.isfinite(mean):
                places.append((float(np.mean([row.nfe for row in seeds])), mean, mean - low, high - mean))
        if not places:
            continue
        x, y, below, above = np.array(sorted(places)).T
        hue, learned = run.hue(group[0]), group[0].score == "learned"
        colour = run.colours[hue]
        x = x * 10.0 ** (apart * (hues.index(hue) - (len(hues) - 1) / 2))
        line = dash(run.budgets, group[0].budget) if learned else (0, (1, 1.2))
        if len(x) > 1:
            ax.plot(x, y, color=colour, ls=line, lw=0.9, zorder=2)
        # Open points lie on top: exact scores are the fewer, and hide less.
        ends = {"mfc": colour if learned else "white", "zorder": 3 if learned else 4, **_BARS}
        ax.errorbar(x, y, (below, above), fmt=markers[group[0].solver], color=colour, **ends)
    ax.set_xscale("log")
    ax.set_xlim(*10.0 ** np.array([costs.min() - 0.2, costs.max() + 0.2]))
    ax.margins(y=0)
    log_ticks(ax.xaxis, *ax.get_xlim())
    ax.set_yscale("symlog", linthresh=_FLOOR, linscale=0.6)
    low, high = ax.get_ylim()
    low, high = min(1.5 * low, -3.0), max(1.5 * high, 6.0)
    ax.set_ylim(low, high)
    powers = [10.0**k for k in range(1, 12)] if high > 150 else [5.0, 10.0, 20.0, 50.0, 100.0]
    ticks = [*(-power for power in powers[::-1]), -_FLOOR, 0.0, _FLOOR, *powers]
    ax.yaxis.set_major_locator(
        ticker.FixedLocator([t for t in ticks if low <= t <= high or abs(t) <= _FLOOR])
    )
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_locator(ticker.NullLocator())
    sns.despine(ax=ax)


def _grouped(rows: Sequence[Row], key: Callable[[Row], Any]) -> list[list[Row]]:
    """Returns the rows by key, in the order in which keys come."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return list(found.values())


def _legend(run: Run, rows: Sequence[Row], markers: Mapping[str, str]) -> list[Any]:
    """Returns the legend: colours, markers, what is filled, and the floor."""
    point: dict[str, Any] = {"color": "0.3", "ls": "none"}
    hues = {run.hue(row) for row in rows}
    shown: list[Any] = [Line2D([], [], color=c, label=h, lw=1.8) for h, c in run.colours.items() if h in hues]
    shown += [Line2D([], [], marker=marker, label=solver, **point) for solver, marker in markers.items()]
    fills = {"learned": "0.3", "exact": "white"}
    scores = {row.score for row in rows}
    shown += [
        Line2D([], [], marker="o", mfc=fill, label=f"{score} score", **point)
        for score, fill in fills.items()
        if score in scores
    ]
    if len(run.budgets) > 1:
        shown += [Line2D([], [], color="0.3", ls=dash(run.budgets, b), label=b) for b in run.budgets]
    return [*shown, Patch(color="0.9", label="noise floor, ± 2 sd")]
