"""Figures from stored records: samples beside the truth, images, losses, score fields, mixing, and quality.

Nothing is run here: what is not in the store is a panel that says so. Each figure is a
PNG, a PDF and an SVG under `figures/`, and the same records give the same bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator

import pandas as pd
from matplotlib.figure import Figure

from diffbench.figures import (
    curves,
    density,
    fields,
    images,
    memorisation,
    mixing,
    quality,
    ranks,
    seen,
    solvers,
    split,
    strays,
)
from diffbench.figures.base import SUFFIXES, encoded, plain, style
from diffbench.figures.records import Run
from diffbench.records import runs
from diffbench.records.drawn import SCREEN
from diffbench.records.store import Store


def write(
    store: Store,
    parts: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    long: pd.DataFrame | None = None,
    look: str = SCREEN,
) -> list[str]:
    """Draws every figure of a run and returns the paths of the PNG files.

    Args:
      store: The results folder; without a `run.json` there is nothing to draw.
      parts: The error split of the run, if it is to be drawn too.
      orders: Its table of orders, likewise.
      long: Its long table, likewise: of many datasets, rows are ranked.
      look: The style, one of `drawn.STYLES`.
    """
    content = runs.read(store)
    if content is None:
        return []
    paths = []
    with style(look):
        for name, figure in drawn(Run(store, content), parts, orders, long):
            for suffix in SUFFIXES:
                store.replace(store.root / "figures" / f"{name}{suffix}", encoded(figure, suffix))
            paths.append(str(store.root / "figures" / f"{name}.png"))
    return paths


def drawn(
    run: Run,
    parts: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    long: pd.DataFrame | None = None,
) -> Iterator[tuple[str, Figure]]:
    """Yields each figure with a file name that no other has."""
    taken: set[str] = set()
    sources = [
        part.pages(run)
        for part in (density, images, curves, fields, mixing, memorisation, quality, seen, strays)
    ]
    if parts is not None:
        sources.append(split.pages(parts, run.headlines()))
    if orders is not None:
        sources.append(solvers.pages(run, orders))
    if long is not None:
        sources.append(ranks.pages(long, run.by_metric, run.headlines()))
    for title, figure in itertools.chain(*sources):
        name = _free(plain(title), taken)
        taken.add(name.lower())
        yield name, figure


def _free(name: str, taken: Container[str]) -> str:
    """Returns a name that is not taken, also where case does not count."""
    numbered = (name if i == 1 else f"{name}-{i}" for i in itertools.count(1))
    return next(one for one in numbered if one.lower() not in taken)
