"""Data of anybody: points from files, of which no law is known.

The training half is what models learn from, and its mean and scale are those of the data; the other half is
held out and judges. There is no exact score, no density and no mode, so what needs one is refused.
"""

from __future__ import annotations

import functools
import hashlib
import math
from pathlib import Path

import jax
import numpy as np
from scipy import spatial

from diffbench import arrayfiles
from diffbench.contracts import DATASETS, Array, Dataset, Finite, PRNGKey, key_for

LEAST = 20
"""Points of each half below which nothing is learned or judged."""
_LOOKED_AT = 2000  # points whose neighbours tell the smallest length


@DATASETS.register("arrays")
def arrays(*, train: str = "", test: str = "") -> Dataset:
    """Returns points of files: a training half, and one that is held out.

    Args:
      train: File of the points that models learn from: .npy, .npz, .csv, .parquet, .safetensors or IDX,
        `[n, D]`, or `[n, H, W]` or `[n, H, W, C]` for images.
      test: File of the points that are held out; without it half of `train` is, by a fixed draw.

    Raises:
      ValueError: If a file is missing, holds something else, or too little.
    """
    if not train:
        raise ValueError('arrays needs a file of points: {name = "arrays", train = "mine.npy"}')
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
        order = np.asarray(jax.random.permutation(key_for(0, "arrays", "halves"), len(points)))
        half = len(points) // 2
        held_out, points = points[order[:half]], points[order[half:]]
    shape = points.shape[1:] if points.ndim == 4 else None
    points, held_out = (x.reshape(len(x), -1) for x in (points, held_out))
    for name, x in (("train", points), ("held-out", held_out)):
        if len(x) < LEAST:
            raise ValueError(f"arrays needs at least {LEAST} {name} points; got {len(x)}")
    mean = points.mean(axis=0, dtype=np.float64)
    scale = math.sqrt(points.var(axis=0, dtype=np.float64).mean())
    if not scale > 0.0:
        raise ValueError(f"{train}: expected points that differ; got {len(points)} times one point")
    order = np.asarray(jax.random.permutation(key_for(0, "arrays", "held_out"), len(held_out)))
    finite = Finite(points, held_out[order])
    finest, widest = _lengths((points - mean) / scale)
    return Dataset(
        name="arrays",
        dim=points.shape[1],
        mean=mean.astype(np.float32),
        scale=scale,
        sample=functools.partial(_fresh, finite),
        truth=None,
        resolution=finest,
        diameter=widest,
        density=False,
        finite=finite,
        shape=shape,
        # What is in the files is what the data are: other files are another edition.
        version=int(hashlib.sha256(told.encode()).hexdigest()[:8], 16),
    )


def _fresh(finite: Finite, key: PRNGKey, n: int) -> Array:
    if n > finite.most:
        raise ValueError(f"arrays holds {finite.most} points of fresh truth; got a request for {n}")
    return jax.numpy.asarray(finite.fresh(key, n))


@functools.lru_cache(maxsize=8)
def _cached(path: str, _stamp: tuple[int, int]) -> tuple[np.ndarray, str]:
    found = arrayfiles.read(path)
    found = found[..., None] if found.ndim == 3 else found  # grey images
    if found.ndim not in (2, 4):
        raise ValueError(f"{path}: points must have shape [n, D] or [n, H, W, C]; got {list(found.shape)}")
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


def _lengths(x: np.ndarray) -> tuple[float, float]:
    """Returns the smallest length of standardised points, from their neighbours, and the largest."""
    some = x[:: max(1, len(x) // _LOOKED_AT)]
    near = spatial.KDTree(some).query(some, k=2)[0][:, 1]
    # Neighbours of many points stand closer than a mode is wide; half of this is the finest bandwidth.
    finest = min(max(float(np.median(near)) * 2.0, 1e-3), 0.3)
    return finest, max(2.0 * float(np.linalg.norm(some, axis=1).max()), 4.0 * finest)
