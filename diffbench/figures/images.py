"""Samples that are images: grids of them, what scores make of noisy ones, and what they were trained on.

- `images_*`: samples of every source of scores; in one cell of each grid they started from the same noise, so
  what differs is the score's doing.
- `denoising_*`: a few images at falling noise, the learned estimate of the clean one, the exact
  estimate, and their difference.
- `nearest_*`: samples above the training images that are nearest to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.spatial import distance

from diffbench.figures.base import DOUBLE, GREY, HEADING, PAGE, canvas, headed, place, say, write_at
from diffbench.figures.records import Row, Run
from diffbench.figures.view import frame
from diffbench.figures.words import caption, fitted
from diffbench.records.places import GAUSSIAN, TRUTH
from diffbench.sources.empirical import NAME as EMPIRICAL
from diffbench.sources.exact import NAME as EXACT
from diffbench.sources.learned import NAME as LEARNED

_SIDE = 6  # images of a grid, each way
_SHOWN = 3  # images that are denoised
_BESIDE = 12  # samples with their nearest
_LEFT, _GAP = 0.62, 0.08  # inches
_SAME = "Grids: one cell, one starting noise, but for truth and Gaussian."


class Ink(NamedTuple):
    """How the pixels of a dataset are shown: (H, W, C), and the values of paper and of ink."""

    shape: tuple[int, int, int]
    low: float
    high: float


def ink_of(shape: tuple[int, int, int], truth: np.ndarray) -> Ink:
    """Returns how images are shown, by points of the truth, `[m, D]`: one scale for a figure."""
    # Not their ends: noise about the paper's white would make it grey.
    low, high = np.quantile(truth, [0.02, 0.98])
    return Ink(shape, float(low), float(high))


def mosaic(images: np.ndarray, ink: Ink, across: int) -> np.ndarray:
    """Returns images `[n, D]` side by side, grey in [0, 1], a pixel of paper between them.

    Args:
      images: Points.
      ink: How they are shown.
      across: Images of a row; rows are filled, and what is left over stays empty.

    Returns:
      `[rows (H + 1) - 1, across (W + 1) - 1, 3]`.
    """
    height, width, channels = ink.shape
    down = -(-len(images) // across)
    page = np.full((down * (height + 1), across * (width + 1), 3), 1.0)
    shown = np.clip((images.reshape(-1, *ink.shape) - ink.low) / (ink.high - ink.low), 0.0, 1.0)
    if channels != 3:  # grey: ink is dark
        shown = np.repeat(1.0 - shown[..., :1], 3, axis=-1)
    for number, image in enumerate(shown):
        i, j = divmod(number, across)
        page[i * (height + 1) :][:height, j * (width + 1) :][:, :width] = image
    return page[:-1, :-1]


def pages(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yields the figures of each dataset of images: its first seed."""
    for dataset in run.datasets:
        rows = run.of(dataset=dataset)
        shape = next((found for found in map(run.shape, rows) if found is not None), None)
        truth = run.reference(dataset)
        if shape is None or truth is None or not np.isfinite(truth).all():
            continue
        ink = ink_of(shape, truth)
        for name, cells in _samplers(run, dataset):
            yield f"images_{dataset}_{name}", _grids(run, cells, ink, f"{dataset}, {name}")
        for row in _first(run, dataset, LEARNED):
            arrays = run.curves(row, "denoising")
            if arrays:
                title = f"{dataset}: {run.name(row.family, row.budget)}"
                yield f"denoising_{dataset}_{run.name(row.family, row.budget)}", _denoised(arrays, ink, title)
        near = [row for score in (EMPIRICAL, LEARNED) for row in _first(run, dataset, score)]
        near = [row for row in near if "train" in run.curves(row, "memorisation")]
        if near:
            yield f"nearest_{dataset}", _nearest(run, near, ink, dataset)


def _samplers(run: Run, dataset: str) -> Iterator[tuple[str, list[Row]]]:
    """Yields what to call samplers, and the first seed's rows of them: one all share, else their own."""
    rows = [row for row in run.of(dataset=dataset) if row.sampler]
    families = {row.family for row in rows}
    shared = [
        label
        for label in dict.fromkeys(row.sampler for row in rows)
        if {row.family for row in rows if row.sampler == label} == families
    ]
    for label in shared:
        yield label, _seed([row for row in rows if row.sampler == label])
    own: dict[tuple[str, str, str], Row] = {}
    for row in _seed([row for row in rows if row.sampler not in shared]):
        own.setdefault((row.family, row.score, row.budget), row)
    if own:
        yield "own sampler", list(own.values())


def _seed(rows: Sequence[Row]) -> list[Row]:
    """Returns the rows of the first seed."""
    least = min((row.seed for row in rows), default=0)
    return [row for row in rows if row.seed == least]


def _first(run: Run, dataset: str, score: str) -> list[Row]:
    """Returns a row of each family and budget: the first seed and sampler."""
    found: dict[tuple[str, str], Row] = {}
    for row in _seed(run.of(dataset=dataset, score=score)):
        found.setdefault((row.family, row.budget), row)
    return list(found.values())


def _grids(run: Run, rows: Sequence[Row], ink: Ink, title: str) -> Figure:
    """Draws a line of grids for truth and Gaussian, and one for each process, what is learned last."""
    dataset = rows[0].dataset
    lines: dict[str, list[Row]] = {
        "": [
            *_seed(run.of(dataset=dataset, score=TRUTH)),
            *_seed(run.of(dataset=dataset, score=GAUSSIAN)),
        ]
    }
    order = [score for score, _ in run.sources(rows)]
    for row in sorted(rows, key=lambda row: (order.index(row.score), row.budget)):
        lines.setdefault(run.hue(row), []).append(row)
    lines = {name: line for name, line in lines.items() if line}
    across = max(map(len, lines.values()))
    shape = ink.shape[0] / ink.shape[1]
    # A page is as high as it is: many lines are of smaller grids.
    side = min(2.1, (DOUBLE - _LEFT) / across - _GAP, ((PAGE - 0.8) / len(lines) - 0.3) / shape)
    tall = side * shape
    width = max(3.4, _LEFT + across * (side + _GAP))
    heading, above = headed(title, width)
    note, foot = caption(_SAME, width - _LEFT - 0.05)
    step = tall + 0.3
    figure = canvas(width, above + len(lines) * step + foot + 0.05)
    write_at(figure, _LEFT, 0.06, heading, va="top", **HEADING)
    for i, (name, line) in enumerate(lines.items()):
        top = above + 0.2 + i * step
        words = fitted(name, 0.95 * tall, lines=3)
        write_at(figure, _LEFT / 2, top + tall / 2, words, rotation=90, ha="center", va="center")
        for j, row in enumerate(line):
            axes = place(figure, _LEFT + j * (side + _GAP), top, side, tall)
            frame(axes)
            axes.set_title(fitted(f"{row.score} {row.budget if len(run.budgets) > 1 else ''}".strip(), side))
            samples = run.samples(row)
            if samples is None:
                say(axes, f"{row.status}: {row.reason}", side)
            else:
                _show(axes, mosaic(samples[: _SIDE**2], ink, _SIDE))
    write_at(figure, _LEFT, figure.get_size_inches()[1] - 0.04, note, va="bottom", color=GREY)
    return figure


def _show(axes: Axes, page: np.ndarray) -> None:
    axes.imshow(page, interpolation="nearest", aspect="auto")


def _denoised(arrays: Mapping[str, np.ndarray], ink: Ink, title: str) -> Figure:
    """Draws a block of lines for each image: noisy, learned, exact and difference, a column a noise level."""
    levels = arrays["denoising_log_snr"]
    lines = [("noisy", "denoising_noisy"), (LEARNED, "denoising_told"), (EXACT, "denoising_exact")]
    lines = [line for line in lines if line[1] in arrays]
    with_truth = len(lines) == 3
    shown = min(_SHOWN, len(arrays["denoising_clean"]))
    side = min(0.62, (DOUBLE - _LEFT) / (len(levels) + 1.3))
    tall = side * ink.shape[0] / ink.shape[1]
    count = len(lines) + with_truth
    width = max(3.4, _LEFT + (len(levels) + 1.3) * side + 0.1)
    heading, above = headed(title, width)
    words = "Columns: log SNR, most noise first; last the clean image."
    if with_truth:
        words += (
            " Difference, learned less exact: red is too much ink, blue too little, full at half the range."
        )
    note, foot = caption(words, width - _LEFT - 0.05)
    block = count * tall + 0.12
    figure = canvas(width, above + 0.15 + shown * block + foot)
    write_at(figure, _LEFT, 0.06, heading, va="top", **HEADING)
    for k in range(shown):
        for i in range(count):
            top = above + 0.17 + k * block + i * tall
            name = lines[i][0] if i < len(lines) else "difference"
            write_at(figure, _LEFT - 0.05, top + tall / 2, name, ha="right", va="center")
            for j, level in enumerate(levels):
                axes = place(figure, _LEFT + j * side, top, 0.95 * side, 0.95 * tall)
                frame(axes)
                if k == i == 0:
                    axes.set_title(f"{level:g}")
                if i < len(lines):
                    image = arrays[lines[i][1]][j, k]
                    if np.isfinite(image).all():
                        _show(axes, mosaic(image[None], ink, 1))
                else:
                    off = arrays["denoising_told"][j, k] - arrays["denoising_exact"][j, k]
                    _difference(axes, off, ink)
        axes = place(
            figure, _LEFT + (len(levels) + 0.2) * side, above + 0.17 + k * block, 0.95 * side, 0.95 * tall
        )
        frame(axes)
        if k == 0:
            axes.set_title("clean")
        _show(axes, mosaic(arrays["denoising_clean"][k][None], ink, 1))
    write_at(figure, _LEFT, figure.get_size_inches()[1] - 0.04, note, va="bottom", color=GREY)
    return figure


def _difference(axes: Axes, off: np.ndarray, ink: Ink) -> None:
    """Draws a difference of two images, white where there is none."""
    if np.isfinite(off).all():
        half = 0.5 * (ink.high - ink.low)
        image = off.reshape(ink.shape).mean(axis=-1)
        axes.imshow(image, "RdBu_r", vmin=-half, vmax=half, interpolation="nearest", aspect="auto")


def _nearest(run: Run, rows: Sequence[Row], ink: Ink, title: str) -> Figure:
    """Draws two strips for each row: samples, and the training images nearest to them."""
    rows = [row for row in rows if run.samples(row) is not None]
    width = DOUBLE
    across = (width - _LEFT - 0.1) / _BESIDE
    tall = 2.0 * across * ink.shape[0] / ink.shape[1]
    heading, above = headed(f"{title}: samples, and below each the nearest training image", width)
    figure = canvas(width, above + len(rows) * (tall + 0.26) + 0.08)
    write_at(figure, _LEFT, 0.06, heading, va="top", **HEADING)
    for i, row in enumerate(rows):
        samples, train = run.samples(row), run.curves(row, "memorisation")["train"]
        if samples is None:
            continue
        some = samples[:_BESIDE]
        near = train[distance.cdist(some, train).argmin(axis=1)]
        axes = place(figure, _LEFT, above + 0.2 + i * (tall + 0.26), width - _LEFT - 0.1, tall)
        frame(axes)
        values = run.measure(row.measured("memorisation")).get("values", {})
        told = f", copied {values['copied']:.0%}" if values.get("copied") is not None else ""
        axes.set_title(f"{row.score}: {row.family}, {row.sampler}{told}", loc="left")
        _show(axes, mosaic(np.concatenate([some, near]), ink, _BESIDE))
    return figure
