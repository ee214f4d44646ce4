"""Broken models of images: what generators do wrong to pictures, each wrong in one way that has a name.

All are judged on digit_images at 8x8, n = 1,000, in standardised coordinates; spoiled in data coordinates,
where ink is about 1. Sizes are such that a person who looks at a page of samples sees some and not others.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from diffbench.contracts import DATASETS, METRICS, Dataset, Metric, Outcome, key_for
from diffbench.metrics.floor import Floor, floor_of, read_against

N, DRAWS, FLOOR, TRAIN = 1_000, 5, 30, 1_000
SIDE = 8
METRICS_OF: dict[str, dict[str, Any]] = {
    "energy": {},
    "mmd2": {},
    "frechet": {},
    "sliced_w2": {},
    "mode_tv": {"null_samples": 2**15},
    "c2st": {},
    "prdc": {"points": 500},
    "memorisation": {},
}
COLUMNS = (
    "energy", "mmd2", "mmd2_local", "frechet", "frechet_leading", "sliced_w2", "mode_tv", "c2st_z",
    "coverage", "ct",
)  # fmt: skip
Images = np.ndarray
"""`[n, 8, 8]`, data coordinates."""


@dataclasses.dataclass(frozen=True)
class BrokenImages:
    """A model of images that is wrong in one way.

    Attributes:
      name: For the page.
      images: (images of truth `[2 n, 8, 8]`, number of the draw) -> at least n images.
      seen_by: Columns that read it as worse than truth by a mean z above 5.
      blind: Columns with a mean z below 2.
    """

    name: str
    images: Callable[[Images, int], Images]
    seen_by: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()


@functools.cache
def dataset() -> Dataset:
    """Returns the digits."""
    return DATASETS.build("digit_images", size=SIDE)


@functools.cache
def training_set() -> np.ndarray:
    """Returns the training images, standardised, `[TRAIN, D]`."""
    drawn = dataset().sample(key_for(0, "validity", "image training set"), TRAIN)
    return np.asarray(dataset().standardise(drawn))


def _blur(x: Images) -> Images:
    """Returns images smoothed by (1, 6, 1)/8 each way; beyond the edge is what is at it."""
    for axis in (1, 2):
        wide = np.pad(x, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        before, after = (np.take(wide, np.arange(SIDE) + k, axis=axis) for k in (0, 2))
        x = 0.75 * x + 0.125 * (before + after)
    return x


def _without(digit: int, x: Images) -> Images:
    """Returns the images that are not of a digit, by the likeliest component."""
    flat = dataset().standardise(x.reshape(len(x), -1))
    return x[np.asarray(dataset().modes.responsibilities(flat)).argmax(axis=1) // 2 != digit]


def _noisy(x: Images, r: int) -> Images:
    eps = np.random.RandomState(r).standard_normal(x.shape)
    return x + 0.05 * eps


def _copies(r: int) -> Images:
    rows = np.random.RandomState(r).randint(TRAIN, size=N)
    return np.asarray(dataset().restore(training_set()[rows])).reshape(-1, SIDE, SIDE)


_CHESS = np.where(np.indices((SIDE, SIDE)).sum(axis=0) % 2, 1.0, -1.0)

MODELS = (
    BrokenImages(
        "blurred, (1, 6, 1)/8 each way",
        lambda x, r: _blur(x),
        seen_by=("energy", "mmd2_local", "frechet", "c2st_z", "ct"),
        blind=("mode_tv", "coverage"),
    ),
    BrokenImages(
        "sharpened by as much",
        lambda x, r: 2.0 * x - _blur(x),
        seen_by=("energy", "mmd2_local", "frechet", "coverage", "ct"),
        blind=("mode_tv",),
    ),
    BrokenImages(
        "no zeros, one class of ten",
        lambda x, r: _without(0, x),
        seen_by=("energy", "mmd2", "frechet", "coverage"),
    ),
    BrokenImages(
        "contrast 15% too high",
        lambda x, r: 0.5 + 1.15 * (x - 0.5),
        seen_by=("energy", "mmd2", "frechet", "coverage"),
        blind=("mode_tv",),
    ),
    BrokenImages(
        "shifted by one pixel", lambda x, r: np.roll(x, 1, axis=2), seen_by=("energy", "mode_tv", "coverage")
    ),
    BrokenImages("noise of 0.05 left over", _noisy, blind=("mode_tv", "frechet_leading")),
    BrokenImages(
        "1,000 training images copied",
        lambda x, r: _copies(r),
        seen_by=("mmd2_local", "ct"),
        blind=("mode_tv",),
    ),
    BrokenImages("mirrored", lambda x, r: x[:, :, ::-1], seen_by=("energy", "mode_tv", "frechet")),
    BrokenImages(
        "a checkerboard of 0.05",
        lambda x, r: x + 0.05 * _CHESS,
        seen_by=("energy", "mmd2_local", "frechet", "c2st_z"),
        blind=("mode_tv",),
    ),
)
TRUTH = BrokenImages("truth", lambda x, r: x, blind=COLUMNS)


# Of metrics without a floor, the column that is a z already.
_OWN_Z = {"memorisation": "ct", "c2st": "c2st_z"}


@functools.cache
def _judge(name: str) -> tuple[Metric, np.ndarray, Any, Floor | None]:
    """Returns a metric, its reference, what it prepared and its floor."""
    metric = METRICS.build(name, **METRICS_OF[name])
    drawn = dataset().sample(key_for(0, "validity", "image reference"), N)
    reference = np.asarray(dataset().standardise(drawn))
    prepared = None if metric.prepare is None else metric.prepare(reference, dataset())
    if metric.floor is None:
        return metric, reference, prepared, None
    return metric, reference, prepared, floor_of(metric, dataset(), reference, N, FLOOR, label="validity")


def samples(model: BrokenImages, r: int) -> np.ndarray:
    """Returns the samples of a draw, standardised, `[N, D]`."""
    x = np.asarray(dataset().sample(key_for(r, "validity", "images"), 2 * N), np.float64)
    broken = model.images(x.reshape(-1, SIDE, SIDE), r)[:N]
    return np.asarray(dataset().standardise(broken.reshape(N, -1)), np.float32)


def readings(model: BrokenImages, name: str) -> Mapping[str, float]:
    """Returns the mean z of each column of a metric over the draws, more being worse than truth."""
    metric, reference, prepared, floor = _judge(name)
    found: dict[str, list[float]] = {}
    for r in range(DRAWS):
        outcome = Outcome(samples(model, r), reference, training_set(), None, None, dataset(), prepared)
        values, arrays = metric.measure(key_for(r, "validity"), outcome)
        if floor is None:
            column = _OWN_Z[name]
            both = metric.columns[column].better == "truth"
            found.setdefault(column, []).append(abs(values[column]) if both else values[column])
            continue
        for column, one in read_against(metric, values, arrays, floor)[1].items():
            better = metric.columns[column].better
            worse = abs(one.z) if better == "truth" else -one.z if better == "higher" else one.z
            found.setdefault(column, []).append(worse)
    return {column: float(np.mean(z)) for column, z in found.items()}


def all_readings(model: BrokenImages) -> dict[str, float]:
    """Returns the mean z of all columns of the page; NaN where there is none."""
    found: dict[str, float] = {}
    for name in METRICS_OF:
        found |= readings(model, name)
    return {column: found.get(column, math.nan) for column in COLUMNS}
