"""Writes docs/datasets.md, the gallery of datasets, and its pictures docs/gallery/*.png.

  python results/gallery.py                # page and pictures
  python results/gallery.py two_moons      # these pictures alone

The page is what the code says of each dataset; a test makes it again. Pictures hold nothing random but the
points of a fixed seed.
"""

from __future__ import annotations

import inspect
import io
import sys

import matplotlib as mpl
import numpy as np
from guide_pages import DOCS, plain, rows, section
from matplotlib.figure import Figure

from diffbench.api.data import Data, dataset
from diffbench.api.noise import process
from diffbench.contracts import DATASETS, METRICS, Dataset
from diffbench.contracts.dataset import KNOWN
from diffbench.figures.base import GREY, HEADING, canvas, place, style, write_at
from diffbench.figures.fields import arrows, quiver
from diffbench.figures.images import ink_of, mosaic
from diffbench.figures.view import View, colours, frame, view_of
from diffbench.suites.parts import lacks

FOLDER = DOCS / "gallery"
MADE = "<!-- Made by results/gallery.py; change the docstrings and run it again. -->"
T = 0.1  # of vp: about a third of the data's own spread in noise
POINTS, CELLS, ARROWS = 2000, 160, 17
SIDE, GAP, TOP, FOOT = 2.05, 0.1, 0.24, 0.2  # inches
DPI = 120
NORM = mpl.colors.PowerNorm(0.5, 0, 1, clip=True)  # a law has no stray points, and its small modes are seen
WITHOUT = ("arrays",)  # holds what one brings
FINITE = {"train": 64}  # points of a training set, which any dataset may have
WORDS = {
    "density": "its density",
    "truth": "its score at every noise level",
    "modes": "its modes",
    "manifold": "the distance to its manifold",
    "intrinsic": "coordinates on that",
    "grey": "grey levels",
}

INTRO = """# Datasets

{made}

What can be learned and measured here. Each has its **points**, and where its law is known the **density**
and the **score** of the data with noise, in closed form. Beyond two coordinates, points are seen along two
directions, and density and score are those on the plane through the mean. A colour is a share of the
largest density, an arrow's length the square root of the score's size; scores are those under `vp` at t =
{t}. Images are drawn samples, the same with noise, and what the exact score makes of these: the mean of all
clean images that they may have been.

In a suite a dataset is a name or a table, `{{name = "circle", thickness = 0.02}}`; from a notebook,
`diffbench.dataset("circle", thickness=0.02)`. `train_size` gives it a finite training set. One of [your
own](adding/dataset.md) is one file, and [data without a law](own_samples.md#data-of-your-own) need none.

"""


def page() -> str:
    """Returns docs/datasets.md."""
    return INTRO.format(made=MADE, t=T) + "\n".join(map(_section, DATASETS.names()))


def _section(name: str) -> str:
    entry = DATASETS.entry(name)
    text = inspect.cleandoc(entry.build.__doc__ or "")
    first = text.partition("\n")[0].removeprefix("Returns ")
    lines = [f"## `{name}`\n\n{first[:1].upper()}{first[1:]}\n"]
    if body := plain(text):
        lines.append(f"\n{body}\n")
    if name not in WITHOUT:
        lines.append(f"\n![{_pictured(DATASETS.build(name))} of {name}](gallery/{name}.png)\n")
        lines.append(f"\n{_facts(DATASETS.build(name))}\n")
    if entry.defaults:
        about = section(text, "Args")
        known = {key: about.get(key, "") for key in entry.defaults}
        lines.append("\n" + rows(known, entry.defaults, "parameter"))
    return "".join(lines)


def _pictured(built: Dataset) -> str:
    if built.truth is None:
        return "Samples"
    return "Samples, noisy samples and exact estimates" if built.shape else "Points, density and score field"


def _facts(built: Dataset) -> str:
    """Returns what is known of a dataset, and which metrics that lets judge samples or scores of it."""
    shape = f", images of {' x '.join(map(str, built.shape))}" if built.shape else ""
    modes = "" if built.modes is None else f", {len(np.asarray(built.modes.weights)):,} modes"
    known = [words for key, words in WORDS.items() if KNOWN[key].of(built) is not None]
    fit = [f"`{name}`" for name in METRICS.names() if lacks(METRICS.build(name), built, FINITE) is None]
    return (
        f"{built.dim} dimensions{shape}{modes}; one standard deviation is {built.scale:.3g}, the smallest"
        f" length {built.resolution * built.scale:.3g}. Known: {', '.join(known) or 'its points alone'}."
        f" Metrics: {', '.join(fit)}."
    )


def picture(name: str) -> bytes:
    """Returns the picture of a dataset, as a PNG file's bytes."""
    data = dataset(name)
    with style():
        figure = _images(data) if data.own.shape else _plane(data)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _panels(titles: list[str], tall: float) -> tuple[Figure, list]:
    figure = canvas(len(titles) * (SIDE + GAP) + GAP, TOP + tall + FOOT)
    axes = []
    for at, title in enumerate(titles):
        left = GAP + at * (SIDE + GAP)
        axes.append(place(figure, left, TOP, SIDE, tall))
        write_at(figure, left, 0.05, title, va="top", **HEADING)
    return figure, axes


def _plane(data: Data) -> Figure:
    """Draws points, density and score field on the plane on which points are seen."""
    x, vp = data.sample(POINTS, seed=0), process("vp")
    view = view_of(data.sample(20_000, seed=1))
    shown = [f"{POINTS:,} points", "density", f"score, vp at t = {T:g}"]
    figure, (points, density, field) = _panels(shown, SIDE)
    (left, right), (low, high) = view.window
    extent = (left, right, low, high)
    points.scatter(*(x @ view.axes).T, s=1.2, color="0.2", alpha=0.5, linewidths=0, rasterized=True)
    grid = _grid(data, view, CELLS)
    for axes, t in ((density, 0.0), (field, T)):
        log = np.asarray(data.log_prob_at(grid, vp, t=t))
        share = np.exp(log - log.max())
        pale = colours() if axes is density else mpl.colormaps["Greys"]
        norm = NORM if axes is density else mpl.colors.PowerNorm(0.5, 0, 2.5, clip=True)
        axes.imshow(share, pale, norm, origin="lower", extent=extent, interpolation="bilinear")
    at = _grid(data, view, ARROWS)
    score = np.asarray(data.score_at(at, vp, t=T)).reshape(-1, data.dim) @ view.axes
    unit = float(np.quantile(np.linalg.norm(score, axis=1), 0.8))
    places, drawn = at.reshape(-1, data.dim) @ view.axes, arrows(score, (right - left) / ARROWS, unit)
    quiver(field, places, drawn, np.full(len(places), "#9b2d5e"))
    for axes in (points, density, field):
        axes.set(xlim=(left, right), ylim=(low, high))
        axes.set_aspect("equal")
        frame(axes)
    if view.note:
        write_at(figure, GAP, TOP + SIDE + 0.04, f"Seen: {view.note}.", va="top", color=GREY)
    return figure


def _middle(data: Data, view: View) -> np.ndarray:
    """Returns the mean without what lies in the plane, `[D]`, data coordinates."""
    return data.mean - view.axes @ (data.mean @ view.axes)


def _grid(data: Data, view: View, cells: int) -> np.ndarray:
    """Returns the middles of cells of the window, on the plane through the mean, `[cells, cells, D]`."""
    steps = (np.arange(cells) + 0.5) / cells
    across, up = (a + (b - a) * steps for a, b in view.window)
    flat = np.stack(np.meshgrid(across, up), axis=-1)
    return (flat @ view.axes.T + _middle(data, view)).astype(np.float32)


def _images(data: Data) -> Figure:
    """Draws samples, and where the law is known noisy ones and what the exact score makes of them."""
    x = data.sample(25, seed=0)
    own = data.own
    ink = ink_of(own.shape, x)
    shown = {"samples": x}
    if own.truth is not None:
        vp, t = process("vp"), 0.3
        alpha, sigma = float(vp.alpha(t)), float(vp.sigma(t))
        eps = np.random.RandomState(0).standard_normal(x.shape)
        noisy = (alpha * (x - data.mean) + data.scale * sigma * eps + data.mean).astype(np.float32)
        # In data coordinates, x being scale x_t + mean: x0_hat = (x_t + sigma^2 score)/alpha, scaled.
        step = (data.scale * sigma) ** 2 * np.asarray(data.score_at(noisy, vp, t=t))
        shown[f"with noise, vp at t = {t:g}"] = (noisy - data.mean) / alpha + data.mean
        shown["exact estimates"] = (noisy - data.mean + step) / alpha + data.mean
    figure, panels = _panels(list(shown), SIDE)
    for axes, images in zip(panels, shown.values(), strict=True):
        axes.imshow(mosaic(images, ink, 5), interpolation="nearest")
        frame(axes)
    return figure


def main() -> None:
    """Writes the pictures that are named, or all of them and the page."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or [one for one in DATASETS.names() if one not in WITHOUT]:
        (FOLDER / f"{name}.png").write_bytes(picture(name))
    if not sys.argv[1:]:
        (DOCS / "datasets.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
