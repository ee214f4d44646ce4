"""Langevin chains at fixed noise, by the mode that they are in at each step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import seaborn as sns
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.typing import ColorType

from diffbench.figures.base import panel_width, panels, say, sheet, titled
from diffbench.figures.records import Row, Run
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED
from diffbench.spec import Json

# As the metric names its levels, in the order of its arrays.
LEVELS = ("low_noise", "mid_noise", "high_noise")
_ARRAYS = ("mixing_log_snr", "mixing_modes")
_HEIGHT = 1.75  # of a panel, in inches
_APART = 0.8  # share of a mode's height that its chains fill


class Traces(NamedTuple):
    """What a measurement says of one score: its values by column and its arrays."""

    values: Json
    log_snr: np.ndarray
    modes: np.ndarray


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields a figure for each dataset, family and budget: its first seed, beside the exact score."""
    for dataset in run.datasets:
        for family in run.families:
            for budget in run.budgets:
                rows = run.of(dataset=dataset, family=family, budget=budget, score=LEARNED)
                found = _first(run, rows)
                if found is not None:
                    seed, learned = found
                    name = run.name(family, budget)
                    scores = {EXACT: _exact(run, dataset, family, seed), LEARNED: learned}
                    yield f"mixing_{dataset}_{name}", _figure(scores, f"{dataset}, {name}")


def _first(run: Run, rows: Sequence[Row]) -> tuple[int, Traces] | None:
    """Returns the first seed that was measured, and what was."""
    for row in sorted(rows, key=lambda row: row.seed):
        arrays = run.curves(row, "mixing")
        if all(name in arrays for name in _ARRAYS):
            values = run.measure(row.measured("mixing")).get("values", {})
            return row.seed, Traces(values, *(arrays[name] for name in _ARRAYS))
    return None


def _exact(run: Run, dataset: str, family: str, seed: int) -> Traces | None:
    """Returns the traces of the exact score on a family's process, of the same seed if there."""
    rows = run.of(dataset=dataset, score=EXACT)
    rows = [row for row in rows if family in run.families_of(row.family)]
    # One seed is one key: both scores then start alike and see the same noise.
    found = _first(run, [row for row in rows if row.seed == seed]) or _first(run, rows)
    return None if found is None else found[1]


def _figure(scores: Mapping[str, Traces | None], title: str) -> Figure:
    """Draws a column for each score and a row for each level, from noise to data as samplers go."""
    shown = [traces for traces in scores.values() if traces is not None]
    chains = max(traces.modes.shape[1] for traces in shown)
    most = max(int(traces.modes.max()) for traces in shown)
    colours = sns.color_palette("colorblind" if chains <= 10 else "husl", chains)
    legend = [Line2D([], [], color=c, label=f"chain {i}", lw=1.8) for i, c in enumerate(colours, start=1)]
    width = sheet().double
    names = [_title(name, traces, line) for line in range(len(LEVELS)) for name, traces in scores.items()]
    titles, above = titled(names, panel_width(len(scores), width))
    figure, axes = panels(len(LEVELS), len(scores), width, _HEIGHT, legend, title, above)
    for column, (name, traces) in enumerate(scores.items()):
        for line in range(len(LEVELS)):
            ax = axes[line, column]
            ax.set_title(titles[line * len(scores) + column])
            if traces is None:
                ax.set(xticks=[], yticks=[])
                say(ax, f"the {name} score was not measured", panel_width(len(scores), width))
                continue
            level = np.argsort(traces.log_snr)[line]
            _panel(ax, traces.modes[level], most, colours, panel_width(len(scores), width))
            if line == len(LEVELS) - 1:
                ax.set_xlabel("Langevin step")
            if column == 0:
                ax.set_ylabel("mode")
    return figure


def _title(name: str, traces: Traces | None, line: int) -> str:
    """Returns the title of a panel in a line: the score, the noise, and how well the chains mix."""
    if traces is None:
        return f"{name} score"
    level = int(np.argsort(traces.log_snr)[line])
    title = f"{name} score, log SNR = {traces.log_snr[level]:g}"
    ess, rhat = (traces.values.get(f"{kind}_{LEVELS[level]}") for kind in ("ess", "rhat"))
    if ess is not None and rhat is not None and math.isfinite(ess) and math.isfinite(rhat):
        return f"{title}: ess {ess:.0f}, rhat {rhat:.2f}"
    found = traces.modes[level]
    return f"{title}: not finite" if (found < 0).any() and (found >= 0).any() else title


def _panel(ax: Axes, modes: np.ndarray, most: int, colours: Sequence[ColorType], wide: float) -> None:
    """Draws each chain's stay in a mode as a bar, the chains of a mode below each other.

    Args:
      ax: Where to.
      modes: The mode at each step, `[chains, steps]`; -1 where there is none.
      most: Largest number of a mode in the figure.
      colours: Of each chain.
      wide: How wide the panel is, in inches.
    """
    chains, steps = modes.shape
    track = _APART / chains
    # A track's height in points, so that bars of neighbours do not touch.
    width = min(3.0, 0.75 * track * 72 * _HEIGHT / (most + 1))
    for chain, colour in enumerate(colours[:chains]):
        begin, end, mode = stays(modes[chain])
        place = mode + track * ((chains - 1) / 2 - chain)
        bars = np.stack([np.stack([begin, place], axis=1), np.stack([end, place], axis=1)], axis=1)
        # Hundreds of moves in a panel would make a PDF of megabytes.
        ax.add_collection(LineCollection(list(bars), colors=[colour], linewidths=width, rasterized=True))
    ax.set(xlim=(0, steps), ylim=(-0.5, most + 0.5))
    ax.xaxis.set_major_locator(ticker.MaxNLocator(nbins=5, integer=True, prune="upper"))
    ax.yaxis.set_major_locator(ticker.MaxNLocator(nbins=9, integer=True))
    if (modes < 0).all():
        say(ax, "no finite chain at this noise, or out of reach", wide)
    sns.despine(ax=ax)


def stays(modes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns when a chain enters and leaves each mode it stays in, and which that is.

    Args:
      modes: The mode at each step, `[steps]`; steps of -1 are left out.

    Returns:
      First step, step after the last, and mode of every stay, `[stays]` each.
    """
    begin = np.concatenate([[0], np.flatnonzero(np.diff(modes)) + 1])
    end = np.concatenate([begin[1:], [len(modes)]])
    kept = modes[begin] >= 0
    return begin[kept], end[kept], modes[begin][kept]
