"""What solvers add to the flow of a score: error over evaluations, a panel for each grid, and regret.

The data are the table of orders (`tables/orders`), so a figure shows what that table says.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.typing import ColorType, MarkerType

from diffbench.figures.base import (
    DOUBLE,
    HEADING,
    canvas,
    headed,
    log_ticks,
    panel_width,
    panels,
    place,
    titled,
    write_at,
)
from diffbench.figures.records import Run
from diffbench.figures.words import fitted, scaled
from diffbench.tables.orders import LABELS

_SECTION = list(LABELS[:5])
_MARKERS: tuple[MarkerType, ...] = tuple("osD^vP<>X*")
_DOWN = 4  # sections below each other on one page
_APART = 0.085  # of a panel's height, between the slopes at the ends of lines
_SHOWN = 3  # numbers of evaluations in the map of regret
# Inches: cells of the map, and around them.
_WIDE, _HIGH, _LABELS, _ABOVE, _BELOW = 0.34, 0.17, 2.0, 0.25, 0.3
_MOST = 100.0  # regret from which colours are one


def pages(run: Run, orders: pd.DataFrame) -> Iterator[tuple[str, Figure]]:
    """Yields for each dataset the errors of all solvers, and the map of their regret.

    Args:
      run: The run, of which the floor is read.
      orders: The table of `diffbench.tables.orders.orders`; none is drawn of one that is empty.
    """
    if orders.empty:
        return
    looks = _looks(orders)
    for dataset, here in orders.groupby("dataset", sort=False):
        sections = [(key, rows) for key, rows in here.groupby(_SECTION, sort=False)]
        for number, start in enumerate(range(0, len(sections), _DOWN), start=1):
            more = f"_{number}" if number > 1 else ""
            some = sections[start : start + _DOWN]
            yield f"solvers_{dataset}{more}", _errors(some, looks, _floor(run, str(dataset)))
            yield f"regret_{dataset}{more}", _regret(str(dataset), some)


def _looks(orders: pd.DataFrame) -> dict[str, tuple[ColorType, MarkerType]]:
    """Returns a colour and a sign for each solver: no two share both."""
    solvers = sorted(orders["solver"].unique())
    palette = sns.color_palette("colorblind", 10)
    return {
        solver: (palette[i % 10], _MARKERS[(i + i // 10) % len(_MARKERS)]) for i, solver in enumerate(solvers)
    }


def _floor(run: Run, dataset: str) -> float:
    """Returns the root of the floor of `w2`, the length that two samples of truth differ by; NaN without."""
    for row in run.of(dataset=dataset):
        found = run.measure(row.measured("w2")).get("floor", {}).get("w2", {}).get("mean")
        if found is not None and found > 0:
            return math.sqrt(found)
    return math.nan


def _counts(rows: pd.DataFrame, head: str) -> list[int]:
    """Returns the numbers of evaluations of which a table has a column with some value."""
    named = [c for c in map(str, rows) if c.startswith(f"{head}_") and rows[c].notna().any()]
    return sorted(int(c.removeprefix(f"{head}_")) for c in named)


def _name(key: tuple[Hashable, ...]) -> str:
    """Returns what a section is called: its score and family, and the process where that says more."""
    _, score, family, _, process = map(str, key)
    return f"{score}, {family}" + ("" if process == family else f" on {process}")


def _errors(
    sections: Sequence[tuple[tuple[Hashable, ...], pd.DataFrame]],
    looks: Mapping[str, tuple[ColorType, MarkerType]],
    floor: float,
) -> Figure:
    grids = list(dict.fromkeys(grid for _, rows in sections for grid in rows["grid"]))
    solvers = {solver for _, rows in sections for solver in rows["solver"]}
    handles: list[Artist] = [
        Line2D([], [], color=colour, marker=marker, label=solver)
        for solver, (colour, marker) in looks.items()
        if solver in solvers
    ]
    handles.append(Line2D([], [], ls="none", label="numbers: order of convergence"))
    if math.isfinite(floor):
        label = "root of w2 between two samples of truth"
        handles.append(Line2D([], [], color="0.5", ls=(0, (4, 2)), label=label))
    names = [f"{_name(key)}: {grid}" for key, _ in sections for grid in grids]
    titles, above = titled(names, panel_width(len(grids), DOUBLE))
    head = str(sections[0][0][0])
    figure, axes = panels(len(sections), len(grids), DOUBLE, 1.35, handles, title=head, above=above)
    for (i, (_, rows)), (j, grid) in itertools.product(enumerate(sections), enumerate(grids)):
        ax = axes[i, j]
        here = rows[rows["grid"] == grid]
        if here.empty:
            ax.remove()
            continue
        ax.set_title(titles[i * len(grids) + j])
        # One scale for all grids of a score: they are compared.
        _panel(ax, rows, here, looks, floor)
        below = pd.concat([each for _, each in sections[i + 1 :]] or [rows.iloc[:0]])
        if not (below["grid"] == grid).any():
            ax.set_xlabel("score evaluations (NFE)")
        if grid == next(g for g in grids if (rows["grid"] == g).any()):
            ax.set_ylabel("median error, standardised")
    return figure


def _panel(
    ax: Axes,
    scale: pd.DataFrame,
    rows: pd.DataFrame,
    looks: Mapping[str, tuple[ColorType, MarkerType]],
    floor: float,
) -> None:
    counts = _counts(scale, "error")
    values = scale[[f"error_{n}" for n in counts]].to_numpy(float)
    kept = values[np.isfinite(values) & (values > 0)]
    if not kept.size:
        return
    ends = [*kept, floor] if math.isfinite(floor) else [*kept]
    low, high = min(ends) / 1.6, max(ends) * 1.6
    ax.set(xscale="log", yscale="log", xlim=(0.85 * counts[0], 1.5 * counts[-1]), ylim=(low, high))
    if math.isfinite(floor):
        ax.axhline(floor, color="0.5", ls=(0, (4, 2)), lw=0.8, zorder=1)
    found = []
    for row in rows.to_dict("records"):
        line = [(float(n), float(row[f"error_{n}"])) for n in counts if row[f"error_{n}"] > 0]
        colour, marker = looks[str(row["solver"])]
        x, y = np.array(line or [(math.nan, math.nan)]).T
        ax.plot(x, y, color=colour, marker=marker, ms=3, lw=0.9, zorder=3)
        if line and math.isfinite(row["slope"]):
            at = math.log(y[-1] / low) / math.log(high / low)
            found.append((at, f"{row['slope']:.1f}", colour))
    for at, text, colour in spread(found):
        ax.text(
            1.0, at, text, transform=ax.transAxes, color=colour, fontsize=scaled(6), ha="right", va="center"
        )
    log_ticks(ax.xaxis, *ax.get_xlim())
    log_ticks(ax.yaxis, low, high)
    sns.despine(ax=ax)


def spread(labels: Sequence[tuple[float, str, ColorType]]) -> list[tuple[float, str, ColorType]]:
    """Returns labels at heights that are a line apart, in the order of their own."""
    found: list[tuple[float, str, ColorType]] = []
    for at, text, colour in sorted(labels, key=lambda label: label[:2]):
        least = found[-1][0] + _APART if found else 0.02
        found.append((max(at, least), text, colour))
    over = max((found[-1][0] if found else 0.0) - 0.98, 0.0)
    return [(at - over, text, colour) for at, text, colour in found]


def _regret(dataset: str, sections: Sequence[tuple[tuple[Hashable, ...], pd.DataFrame]]) -> Figure:
    """Draws the factor over the best choice: a line a solver and grid, columns numbers of evaluations."""
    rows = list(dict.fromkeys(
        (s, g) for _, each in sections for s, g in zip(each["solver"], each["grid"], strict=True)
    ))  # fmt: skip
    counts = [_common(each) for _, each in sections]
    names, room = [], 0
    for (key, _), shown in zip(sections, counts, strict=True):
        names.append(fitted(_name(key), max(len(shown), 2) * _WIDE + 0.05, lines=4))
        room = max(room, names[-1].count("\n"))
    gap, above = 0.12, _ABOVE + 0.12 * room
    width = _LABELS + sum(max(len(c), 2) * _WIDE + gap for c in counts) + 0.5
    text, top = headed(f"{dataset}: error over that of the best choice", max(width, 3.4))
    figure = canvas(max(width, 3.4), top + above + len(rows) * _HIGH + _BELOW)
    write_at(figure, 0.1, 0.06, text, va="top", **HEADING)
    left, norm, cmap = _LABELS, LogNorm(1.0, _MOST), sns.color_palette("cividis", as_cmap=True).reversed()
    image = None
    for k, ((_, each), shown, name) in enumerate(zip(sections, counts, names, strict=True)):
        table = each.set_index(["solver", "grid"])[[f"regret_{n}" for n in shown]].reindex(rows)
        values = table.to_numpy(float)
        wide = max(len(shown), 2) * _WIDE
        ax = place(figure, left, top + above, wide, len(rows) * _HIGH)
        image = ax.imshow(np.clip(values, 1.0, _MOST), cmap, norm, aspect="auto")
        for i, j in np.argwhere(np.isfinite(values)):
            value = values[i, j]
            dark = norm(min(value, _MOST)) > 0.5
            shown_as = f"{value:.1f}" if value < 9.95 else f"{value:.0f}" if value < 999.5 else "> 999"
            shade = "white" if dark else "black"
            ax.text(j, i, shown_as, ha="center", va="center", fontsize=6, color=shade)
        ax.set_title(name)
        labels = [fitted(f"{solver}, {grid}", _LABELS - 0.1, lines=1) for solver, grid in rows]
        ax.set_yticks(range(len(rows)), labels if k == 0 else [""] * len(rows))
        ax.set_xticks(range(len(shown)), list(map(str, shown)))
        ax.tick_params(length=0)
        if k == 0:
            ax.set_xlabel("NFE")
        left += wide + gap
    if image is not None:
        high = min(len(rows) * _HIGH, 1.2)
        bar = figure.colorbar(image, cax=place(figure, left + 0.05, top + above, 0.1, high))
        bar.set_ticks([1, 10, 100], labels=["1", "10", "100+"])
        bar.ax.minorticks_off()
    return figure


def _common(rows: pd.DataFrame) -> list[int]:
    """Returns up to three numbers of evaluations at which most solvers were run: few, some and many."""
    counts = _counts(rows, "regret")
    if not counts:
        return []
    known = {n: int(rows[f"regret_{n}"].notna().sum()) for n in counts}
    full = [n for n in counts if known[n] == max(known.values())]
    picked = np.linspace(0, len(full) - 1, min(_SHOWN, len(full))).round().astype(int)
    return [full[i] for i in picked]
