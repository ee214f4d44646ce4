"""Figures from stored records: samples beside the truth, images, losses, score fields, mixing, and quality.

Nothing is run here: what is not in the store is a panel that says so. Each figure is a
PNG, a PDF and an SVG under `figures/`, what moves a WebP too, and the same records give the same bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator
from typing import TypeVar

import pandas as pd
from matplotlib.figure import Figure

from diffbench.figures import (
    curves,
    density,
    fields,
    film,
    images,
    memorisation,
    mixing,
    quality,
    ranks,
    seen,
    solvers,
    split,
    strays,
    trajectory,
)
from diffbench.figures.base import SUFFIXES, encoded, led, plain, style
from diffbench.figures.records import Run
from diffbench.records import runs
from diffbench.records.drawn import FOLDER, SCREEN
from diffbench.records.store import Store

T = TypeVar("T")


def write(
    store: Store,
    parts: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    long: pd.DataFrame | None = None,
    look: str = SCREEN,
) -> list[str]:
    """Draws every figure of a run and returns the paths of all files.

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

    def keep(name: str, file: bytes) -> None:
        paths.append(str(store.root / FOLDER / name))
        store.replace(store.root / FOLDER / name, file)

    run = Run(store, content)
    with style(look):
        for name, figure in drawn(run, parts, orders, long):
            for suffix in SUFFIXES:
                keep(f"{name}{suffix}", encoded(figure, suffix))
        for name, moving in _named(film.films(run)):
            keep(f"{name}{film.SUFFIX}", moving)
    return paths


def drawn(
    run: Run,
    parts: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    long: pd.DataFrame | None = None,
) -> Iterator[tuple[str, Figure]]:
    """Yields each figure with a file name that no other has."""
    sources = [
        part.pages(run)
        for part in (density, images, curves, fields, trajectory, mixing, memorisation, quality, seen, strays)
    ]
    if parts is not None:
        sources.append(split.pages(parts, run.headlines()))
    if orders is not None:
        sources.append(solvers.pages(run, orders))
    if long is not None:
        sources.append(ranks.pages(long, run.by_metric, run.headlines()))
    for name, figure in _named(itertools.chain(*sources)):
        yield name, led(figure)


def _named(found: Iterable[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """Yields what was drawn with a file name that none before it has."""
    taken: set[str] = set()
    for title, one in found:
        # What begins alike is drawn by one module: strips and films of one title have one name.
        name = _free(plain(title), taken)
        taken.add(name.lower())
        yield name, one


def _free(name: str, taken: Container[str]) -> str:
    """Returns a name that is not taken, also where case does not count."""
    numbered = (name if i == 1 else f"{name}-{i}" for i in itertools.count(1))
    return next(one for one in numbered if one.lower() not in taken)
