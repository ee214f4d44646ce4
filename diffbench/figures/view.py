"""How samples of any dimension are seen: a plane, a window in it, and a density there."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from scipy import ndimage

_DOT, _INK = 0.75, "#a11a5b"  # points: width in a panel of an inch, and a colour of the scale
_SMOOTHING = 1.0  # standard deviation of the blur, in bins
# Linear: what is drawn is as dark as it holds mass. A root makes a stray per cent look like a third.
NORM = Normalize(0, 1, clip=True)
THIN = 0.05
"""Share of the truth's peak below which single samples are points: a linear scale shows nothing there."""
POINTS = 2000
"""Samples of which a panel shows points: as many in each, so that panels compare."""


class View(NamedTuple):
    """How samples of a dataset are seen.

    Attributes:
      axes: Directions of the plane, `[D, 2]`.
      window: Its shown part, a square: (low, high) of each direction.
      bins: Bins along each side.
      peak: Largest density of the truth, as a share of samples in a bin.
      note: Which plane it is, empty in one and two dimensions.
    """

    axes: np.ndarray
    window: tuple[tuple[float, float], tuple[float, float]]
    bins: int
    peak: float
    note: str


def view_of(truth: np.ndarray) -> View:
    """Chooses the plane, the window and the bins from points of the truth, `[m, D]`."""
    axes, note = _plane(truth)
    flat = truth @ axes
    # Quantiles, not ends: one far point of a heavy tail must not shrink the picture.
    low, high = np.quantile(flat, [0.002, 0.998], axis=0)
    middle, half = (low + high) / 2, 0.58 * float((high - low).max()) or 1.0
    first, second = ((float(m - half), float(m + half)) for m in middle)
    bins = int(np.clip(2 * math.sqrt(len(truth)), 40, 110))
    view = View(axes, (first, second), bins, 1.0, note)
    return view._replace(peak=float(density(truth, view).max()) or 1.0)


def _plane(truth: np.ndarray) -> tuple[np.ndarray, str]:
    """Returns two directions, `[D, 2]`, and their name.

    Of three coordinates, the two that know most of each other: a roll or an S is seen
    from its side. Of more, the first two principal axes.
    """
    dim = truth.shape[1]
    if dim <= 2:
        return np.eye(dim, 2), ""
    if dim == 3:
        pairs = list(itertools.combinations(range(3), 2))
        best = max(pairs, key=lambda pair: _information(truth[:, pair[0]], truth[:, pair[1]]))
        return np.eye(3)[:, best], f"coordinates {best[0] + 1} and {best[1] + 1}"
    values, vectors = np.linalg.eigh(np.cov(truth.T.astype(np.float64)))
    axes = vectors[:, np.argsort(values)[::-1][:2]]
    # An eigenvector's sign is arbitrary: its largest entry is made positive.
    return axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]]), "principal axes 1 and 2"


def _information(x: np.ndarray, y: np.ndarray, bins: int = 16) -> float:
    """Returns the mutual information of two coordinates, in nats."""
    joint = np.histogram2d(x, y, bins)[0] / len(x)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    kept = joint > 0
    return float((joint[kept] * np.log(joint[kept] / apart[kept])).sum())


def density(samples: np.ndarray, view: View) -> np.ndarray:
    """Returns the share of samples in each bin, `[bins, bins]`, rows upwards, a little smoothed."""
    x, y = (samples @ view.axes).T
    counts = np.histogram2d(x, y, view.bins, range=view.window)[0]
    return ndimage.gaussian_filter(counts.T, _SMOOTHING, mode="constant") / len(samples)


def outside(samples: np.ndarray, view: View) -> float:
    """Returns the share of samples that the window does not show."""
    low, high = np.array(view.window).T
    flat = samples @ view.axes
    return 1.0 - float(((flat >= low) & (flat <= high)).all(axis=1).mean())


def frame(axes: Axes) -> None:
    """Leaves a thin frame and no ticks."""
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("0.75")


def thin(samples: np.ndarray, view: View) -> np.ndarray:
    """Returns the points `[k, 2]` of the first samples that lie where the density is thin, in the window."""
    flat = samples[:POINTS] @ view.axes
    (left, right), (low, high) = view.window
    place = (flat - [left, low]) / [right - left, high - low]
    inside = ((place >= 0) & (place <= 1)).all(axis=1)
    column, row = np.minimum((place[inside] * view.bins).astype(int), view.bins - 1).T
    return flat[inside][density(samples, view)[row, column] < THIN * view.peak]


def show(axes: Axes, samples: np.ndarray, view: View) -> None:
    """Draws the density of samples `[n, D]`, in peaks of the truth, and single samples where it is thin."""
    extent = (*view.window[0], *view.window[1])
    share = density(samples, view) / view.peak
    axes.imshow(share, colours(), NORM, origin="lower", extent=extent, interpolation="bilinear")
    side = axes.get_window_extent().width / axes.figure.dpi
    size = (_DOT * side) ** 2
    x, y = thin(samples, view).T
    axes.scatter(x, y, s=size, color=_INK, lw=0, rasterized=True)
    axes.set(xlim=view.window[0], ylim=view.window[1])
    frame(axes)


def colours() -> Colormap:
    """Returns seaborn's perceptually uniform map, its light end drawn out to paper white."""
    return LinearSegmentedColormap.from_list("paper", ["white", *sns.color_palette("rocket_r", 32)])
