"""Quality against cost: how far each sampler's samples are from the noise floor.

A column that has no floor, such as one of a user's metric, is drawn by its values.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib import ticker
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.typing import ColorType, FillStyleType, LineStyleType, MarkerType

from diffbench.figures.base import (
    PAGE,
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
from diffbench.figures.words import fitted, scaled, tick
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED

# Ten signs, and stars of more and more rays: thirty rows are told apart.
_MARKERS: tuple[MarkerType, ...] = (*"osD^vP<>X*phHd", *((n, k, 0) for n in range(3, 11) for k in (1, 2)))
_BARS: dict[str, Any] = {"elinewidth": 0.8, "capsize": 1.5, "capthick": 0.8, "mew": 1.0}
_HIGH = (1.4, 1.1, 0.9)  # of a panel, in inches: the first that fits a page
_SIZE = 4.5  # of a sign, in points
_DOTTED: LineStyleType = (0, (1, 1.2))
# How much of a learned row's sign is filled tells families apart where there is no colour.
_FILLS: tuple[FillStyleType, ...] = ("full", "left", "top", "right", "bottom")
_LINES = 4  # of panels, below each other on one page
_CROWD = 40  # lines in a panel from which those behind the front are pale
_TOLD = {LEARNED: "filled: learned score", EXACT: "open: exact score"}
_FLOOR = 2.0  # floor standard deviations that truth itself mostly stays within


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields figures of z over NFE: for each column a line of panels, one for each dataset."""
    columns = run.headlines()
    rows = [row for row in run.rows if row.score in (EXACT, LEARNED)]
    # Seeds that failed stay beside those that did not: a mean says over how many it is.
    known = {_cell(row) for row in rows if row.nfe > 0 and _any(run, row, columns)}
    rows = [row for row in rows if _cell(row) in known]
    datasets = [dataset for dataset in run.datasets if any(row.dataset == dataset for row in rows)]
    series = run.series(rows)
    markers = dict(zip(sorted({*series.values()}), itertools.cycle(_MARKERS), strict=False))
    signs = {kind: markers[series[kind]] for kind in series}
    found: list[Figure] = []
    for some in _batches(columns, _LINES):
        size = sheet().across * max(1, _LINES // len(some))
        for here in _batches(datasets, size):
            found += _fitting(run, rows, here, some, signs, markers)
    for number, figure in enumerate(found, start=1):
        yield "quality_nfe" + (f"_{number}" if number > 1 else ""), figure


def _fitting(
    run: Run,
    rows: Sequence[Row],
    datasets: Sequence[str],
    columns: Sequence[str],
    signs: Mapping[str, MarkerType],
    markers: Mapping[str, MarkerType],
) -> list[Figure]:
    """Returns the pages of some datasets: of lower panels, or of fewer datasets, where a legend is long."""
    for high in _HIGH:
        figure = _page(run, rows, datasets, columns, signs, markers, high)
        if figure.get_size_inches()[1] <= PAGE:
            return [figure]
    if len(datasets) <= sheet().across:
        return [figure]
    halves = _batches(datasets, sheet().across * -(-len(datasets) // sheet().across // 2))
    return [one for half in halves for one in _fitting(run, rows, half, columns, signs, markers)]


def _cell(row: Row) -> tuple[str, ...]:
    return row.dataset, row.score, row.family, row.budget, row.sampler


def _any(run: Run, row: Row, columns: Sequence[str]) -> bool:
    return any(math.isfinite(_height(run, row, column)) for column in columns)


def _cost(seeds: Sequence[Row]) -> float:
    """Returns the mean NFE of the seeds that have one."""
    return float(np.mean([row.nfe for row in seeds if row.nfe > 0]))


def _batches(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _height(run: Run, row: Row, column: str) -> float:
    """Returns what is drawn of a row: its z, or its value where the column has no floor."""
    return run.z(row, column) if run.floored(column) else run.value(row, column)


def _page(
    run: Run,
    rows: Sequence[Row],
    datasets: Sequence[str],
    columns: Sequence[str],
    markers: Mapping[str, MarkerType],
    legend: Mapping[str, MarkerType],
    high: float,
) -> Figure:
    across = min(len(datasets), sheet().across)
    blocks = math.ceil(len(datasets) / across)
    width = sheet().single if across == 1 else sheet().double
    titles, above = titled(datasets, panel_width(across, width))
    handles = _legend(run, [row for row in rows if row.dataset in datasets], markers, legend, columns)
    figure, axes = panels(blocks * len(columns), across, width, high, handles, above=above)
    here = [[row for row in rows if row.dataset == dataset] for dataset in datasets]
    known = [
        [c for c in columns if any(math.isfinite(_height(run, row, c)) for row in each)] for each in here
    ]
    for place, (k, column) in itertools.product(range(blocks * across), enumerate(columns)):
        ax = axes[place // across * len(columns) + k, place % across]
        if place >= len(datasets):
            ax.remove()
            continue
        if column in known[place]:
            _panel(run, ax, here[place], column, markers)
        else:
            # No frame and no axes: an empty panel would look like one in which nothing errs.
            ax.set_axis_off()
            say(ax, f"no {column} here", panel_width(across, width))
        if k == 0:
            ax.set_title(titles[place])
        if known[place][-1:] == [column] and place + across >= len(datasets):
            ax.set_xlabel("score evaluations (NFE)" if across < 3 else "NFE")
        first = place // across * across
        # Axes that are not there have no label: it stands at the first that are.
        if column in known[place] and not any(column in one for one in known[first:place]):
            ax.set_ylabel(fitted(f"z of {column}" if run.floored(column) else column, 1.4))
    return figure


def _panel(run: Run, ax: Axes, rows: Sequence[Row], column: str, markers: Mapping[str, MarkerType]) -> None:
    """Draws each sampler's z, the mean over seeds with its range, joined where it has several costs.

    Colours stand a little apart, so that equal costs do not hide each other.
    """
    hues = [hue for hue in run.colours if any(run.hue(row) == hue for row in rows)]
    costs = np.log10([row.nfe for row in rows if row.nfe > 0])
    apart = 0.025 * max(float(np.ptp(costs)), 0.5)
    floored = run.floored(column)
    if floored:
        ax.axhspan(-_FLOOR, _FLOOR, color="0.9", lw=0, zorder=0)
        ax.axhline(0, color="0.6", lw=0.6, zorder=1)
    # Nobody who has a model can choose the exact score.
    judged = LEARNED if any(row.score == LEARNED for row in rows) else EXACT
    best: list[tuple[float, float]] = []
    looks: dict[tuple[float, float], tuple[float, dict]] = {}
    groups = _grouped(rows, lambda row: (row.score, row.family, row.budget, row.kind))
    pale = 0.25 if len(groups) > _CROWD else 1.0
    for group in groups:
        places, few = [], []
        for seeds in _grouped(group, lambda row: row.sampler):
            heights = [_height(run, row, column) for row in seeds]
            mean, low, high = extremes(heights)
            if math.isfinite(mean):
                known = sum(map(math.isfinite, heights))
                if known < len(seeds):
                    few.append((seeds, mean, f"{known} of {len(seeds)} seeds"))
                # One seed has no range, and a bar without length would say that it is nought.
                ends = (mean - low, high - mean) if known > 1 else (math.nan, math.nan)
                places.append((_cost(seeds), mean, *ends))
        if not places:
            continue
        x, y, below, above = np.array(sorted(places)).T
        hue, learned = run.hue(group[0]), group[0].score == LEARNED
        colour = run.colours[hue]
        shift = 10.0 ** (apart * (hues.index(hue) - (len(hues) - 1) / 2))
        x = x * shift
        for seeds, mean, text in few:
            at = (shift * _cost(seeds), mean)
            ax.annotate(text, at, (3, 3), textcoords="offset points", fontsize=scaled(6), color=colour)
        line = dash(run.families, group[0].family) if learned else _DOTTED
        times = weight(run.budgets, group[0].budget)
        look = _look(run, group[0], markers, colour) | {"ms": _SIZE * times}
        if group[0].score == judged:
            best += [(cost, mean) for cost, mean, *_ in places]
            looks |= {(cost, mean): (shift, look) for cost, mean, *_ in places}
        if len(x) > 1:
            ax.plot(x, y, color=colour, ls=line, lw=0.9 * times, zorder=2, alpha=pale)
        # Open points lie on top: exact scores are the fewer, and hide less.
        over = 3.0 if learned else 4.0
        ax.errorbar(x, y, (below, above), ls="none", zorder=over, alpha=pale, **look, **_BARS)
    ax.set_xscale("log")
    ax.set_xlim(*10.0 ** np.array([costs.min() - 0.2, costs.max() + 0.2]))
    edge = front(best, run.sign(column))
    if edge:
        # What nothing beats at so few evaluations, and on to the right: no more evaluations gain anything.
        steps = [(cost * looks[cost, height][0], height) for cost, height in edge]
        steps.append((ax.get_xlim()[1], edge[-1][1]))
        crowded = pale < 1.0
        over = 5.0 if crowded else 1.5
        ax.plot(*zip(*steps, strict=True), drawstyle="steps-post", zorder=over, **_edge(crowded))
        for cost, height in edge if crowded else ():
            shift, look = looks[cost, height]
            ax.plot(cost * shift, height, ls="none", mew=1.0, zorder=6, **look)
    ax.margins(y=0)
    log_ticks(ax.xaxis, *ax.get_xlim())
    if floored:
        _over_floor(ax)
    sns.despine(ax=ax)


def _look(run: Run, row: Row, markers: Mapping[str, MarkerType], colour: ColorType) -> dict:
    """Returns the sign of a row: open where the score is exact, filled by the family where it is learned."""
    sign = {"marker": markers[row.kind], "color": colour, "mfcalt": "white"}
    if row.score != LEARNED:
        return {**sign, "mfc": "white"}
    return {**sign, "mfc": colour, "fillstyle": _fill(run, row.family)}


def _edge(crowded: bool) -> dict:
    """Returns how the front is drawn: broad behind few points, thin before many."""
    return {"color": "0.2", "lw": 1.0} if crowded else {"color": "0.75", "lw": 2.4}


def _fill(run: Run, family: str) -> FillStyleType:
    return _FILLS[run.families.index(family) % len(_FILLS)] if family in run.families else "full"


def front(points: Sequence[tuple[float, float]], sign: float) -> list[tuple[float, float]]:
    """Returns the points that none of fewer or as many evaluations beats, in order of evaluations.

    Args:
      points: Evaluations and height.
      sign: 1 where more is worse, -1 where it is better; NaN where both ways from zero are worse.
    """
    found: list[tuple[float, float]] = []
    least = math.inf
    for cost, height in sorted(points, key=lambda point: (point[0], _worse(point[1], sign))):
        if _worse(height, sign) < least:
            least = _worse(height, sign)
            found.append((cost, height))
    return found


def _worse(height: float, sign: float) -> float:
    return abs(height) if math.isnan(sign) else sign * height


def _over_floor(ax: Axes) -> None:
    """Makes the upright axis linear within the floor and logarithmic beyond it."""
    ax.set_yscale("symlog", linthresh=_FLOOR, linscale=0.6)
    low, high = ax.get_ylim()
    low, high = min(1.5 * low, -3.0), max(1.5 * high, 6.0)
    ax.set_ylim(low, high)
    powers = [10.0**k for k in range(1, 12)] if high > 150 else [5.0, 10.0, 20.0, 50.0, 100.0]
    ticks = [*(-power for power in powers[::-1]), -_FLOOR, 0.0, _FLOOR, *powers]
    ax.yaxis.set_major_locator(
        ticker.FixedLocator([t for t in ticks if low <= t <= high or abs(t) <= _FLOOR])
    )
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: tick(value)))
    ax.yaxis.set_minor_locator(ticker.NullLocator())


def _grouped(rows: Sequence[Row], key: Callable[[Row], Hashable]) -> list[list[Row]]:
    """Returns the rows by key, in the order in which keys come."""
    found: dict[Hashable, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return list(found.values())


def _legend(
    run: Run,
    rows: Sequence[Row],
    markers: Mapping[str, MarkerType],
    labels: Mapping[str, MarkerType],
    columns: Sequence[str],
) -> list[Artist]:
    """Returns the legend: colours, markers, what is filled, lines, bars and the floor."""
    hues, kinds = {run.hue(row) for row in rows}, {markers[row.kind] for row in rows}
    shown: list[Artist] = [
        Line2D(
            [],
            [],
            color=c,
            label=h,
            lw=1.4,
            marker="o",
            mfcalt="white",
            fillstyle=_fill(run, h),
            ls=dash(run.families, h),
        )
        for h, c in run.colours.items()
        if h in hues
    ]
    shown += [
        Line2D([], [], marker=m, label=label, color="0.3", ls="none")
        for label, m in labels.items()
        if m in kinds
    ]
    fills = {LEARNED: "0.3", EXACT: "white"}
    scores = {row.score for row in rows}
    joined = any(len({row.sampler for row in group}) > 1 for group in _grouped(rows, lambda row: row.kind))
    lines: dict[str, LineStyleType] = {EXACT: _DOTTED} if joined else {}
    shown += [
        Line2D([], [], marker="o", mfc=fill, color="0.3", ls=lines.get(score, "none"), label=_TOLD[score])
        for score, fill in fills.items()
        if score in scores
    ]
    if joined:
        shown.append(Line2D([], [], color="0.3", lw=0.9, label="one sampler at several costs"))
    if len(run.budgets) > 1:
        shown += [
            Line2D(
                [],
                [],
                color="0.3",
                marker="o",
                ms=_SIZE * weight(run.budgets, b),
                lw=0.9 * weight(run.budgets, b),
                label=f"steps x batch {b}",
            )
            for b in run.budgets
        ]
    if any(len({row.nfe for row in group}) > 1 for group in _grouped(rows, lambda row: row.dataset)):
        places = _grouped(rows, lambda row: (row.score, row.family, row.budget, row.kind, row.dataset))
        most = max(sum(group[0].dataset == d for group in places) for d in {row.dataset for row in rows})
        crowded = most > _CROWD
        front_of = "Pareto front" + (", all behind it pale" if crowded else "")
        shown.append(Line2D([], [], label=front_of, **_edge(crowded)))
    if len({row.seed for row in rows}) > 1:
        shown.append(
            Line2D([], [], marker="|", ms=9, label="mean, least and largest seed", color="0.3", ls="none")
        )
    if any(run.floored(column) for column in columns):
        shown.append(Patch(color="0.9", label="noise floor, ± 2 sd"))
    shown.append(Line2D([], [], ls="none", label=run.told(rows)))
    return shown
