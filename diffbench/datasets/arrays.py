"""Data of anybody: points from files, of which no law is known; see `datasets.finite`."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np

from diffbench import arrayfiles, checks, idxfiles
from diffbench.contracts import DATASETS, Dataset
from diffbench.datasets.finite import finite_dataset, halves

# What MNIST's and Fashion-MNIST's bytes are.
_BYTES = 256


@DATASETS.register("arrays")
def arrays(
    *, train: str = "", test: str = "", levels: int = 0, low: float = 0.0, high: float | None = None
) -> Dataset:
    """Returns points of files: a training half, and one that is held out.

    Args:
      train: File of the points that models learn from: .npy, .npz, .csv, .parquet, .safetensors or IDX
        (`train-images-idx3-ubyte.gz`), `[n, D]`, or for images `[n, H, W]` or `[n, H, W, C]`.
      test: File of the points that are held out; without it half of `train` is, by a fixed draw.
      levels: Grey levels of images on a grid, which are dequantised and have bits per dimension; 0 is none,
        or 256 where the files are IDX.
      low: The lowest level.
      high: The highest level; levels - 1 unless given, as in files of bytes.

    Raises:
      ValueError: If a file is missing, holds something else, or too little; or its points are off the grid.
    """
    if not train:
        raise ValueError('arrays needs a file of points: {name = "arrays", train = "mine.npy"}')
    checks.count("levels", levels, least=0, most=2**16)
    if levels == 1:
        raise ValueError("levels must be 0 or at least 2; got 1")
    points, told = _read(train)
    if test:
        held_out, more = _read(test)
        if held_out.shape[1:] != points.shape[1:]:
            raise ValueError(
                f"{test}: points must have the shape of those of {train}, {list(points.shape[1:])}; got "
                f"{list(held_out.shape[1:])}"
            )
        told += more
    else:
        points, held_out = halves("arrays", points)
    levels = levels or (_BYTES if idxfiles.is_idx(train) else 0)
    grey = _grid(levels, low, high, {train: points, test or train: held_out}) if levels else None
    shape = points.shape[1:]
    images = {2: (*shape, 1), 3: shape}.get(len(shape))
    return finite_dataset(
        "arrays",
        points.reshape(len(points), -1),
        held_out.reshape(len(held_out), -1),
        # What is in the files is what the data are: other files are another edition.
        version=int(hashlib.sha256(told.encode()).hexdigest()[:8], 16),
        shape=images,
        grey=grey,
    )


def _grid(levels: int, low: float, high: float | None, files: dict[str, np.ndarray]) -> float:
    """Returns the distance of two levels.

    Raises:
      ValueError: If the points of a file are not on the grid.
    """
    high = levels - 1.0 if high is None else float(high)
    if not low < high:
        raise ValueError(f"low must be below high; got low = {low} and high = {high}")
    step = (high - low) / (levels - 1)
    for file, points in files.items():
        place = (points.astype(np.float64) - low) / step
        off = np.abs(place - np.rint(place)).max()
        if off > 0.01 or place.min() < -0.5 or place.max() > levels - 0.5:
            raise ValueError(
                f"{file}: expected {levels} levels from {low:g} to {high:g}; got numbers from "
                f"{points.min():g} to {points.max():g}"
                + (f", up to {off:.2g} of a level off the grid" if off > 0.01 else "")
            )
    return step


@functools.lru_cache(maxsize=8)
def _cached(path: str, _stamp: tuple[int, int]) -> tuple[np.ndarray, str]:
    found = arrayfiles.read(path)
    if found.ndim not in (2, 3, 4):
        raise ValueError(
            f"{path}: points must have shape [n, D], [n, H, W] or [n, H, W, C]; got {list(found.shape)}"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{path}: expected finite numbers; got some that are not")
    about = f"{found.dtype.str}{list(found.shape)}".encode()
    return found, hashlib.sha256(about + np.ascontiguousarray(found).tobytes()).hexdigest()


def _read(path: str) -> tuple[np.ndarray, str]:
    """Returns the points of a file and their digest; read again where the file has changed."""
    file = Path(path)
    stamp = (0, 0)
    if file.is_file():
        about = file.stat()
        stamp = (about.st_mtime_ns, about.st_size)
    return _cached(str(path), stamp)
