"""What datasets of points alone have in common: halves, dequantisation, and the Dataset that they make.

The training half is what models learn from, and its mean and scale are those of the data; the other half is
held out and judges. There is no exact score, no density and no mode, so what needs one is refused.

Images on a grid of grey levels have no density: they are dequantised by noise uniform on one level, once
and by a fixed key, so that a model of densities can be held to them in bits.

References:
  Theis, van den Oord & Bethge (2016), A note on the evaluation of generative models, section 3.1.
"""

from __future__ import annotations

import functools
import math

import jax
import numpy as np
from scipy import spatial

from diffbench.contracts import Array, Dataset, Finite, PRNGKey, key_for

LEAST = 20
"""Points of each half below which nothing is learned or judged."""
_LOOKED_AT = 2000  # points whose neighbours tell the smallest length
# Dimensions up to which points crowd within the widths of the data's modes.
_FEW = 16


def halves(name: str, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns a training and a held-out half of points, by a fixed draw of the name."""
    order = np.asarray(jax.random.permutation(key_for(0, name, "halves"), len(points)))
    half = len(points) // 2
    return points[order[half:]], points[order[:half]]


def dequantised(name: str, half: str, points: np.ndarray, step: float) -> np.ndarray:
    """Returns points of a grid with uniform noise of one level, float32.

    Args:
      name: Of the dataset; the noise depends on it and on the half alone.
      half: "train" or "held_out".
      points: `[n, D]`, on a grid.
      step: Distance of two levels.
    """
    noise = np.asarray(jax.random.uniform(key_for(0, name, "dequantise", half), points.shape))
    return (points + step * noise).astype(np.float32)


def finite_dataset(
    name: str,
    points: np.ndarray,
    held_out: np.ndarray,
    *,
    version: int,
    shape: tuple[int, int, int] | None = None,
    grey: float | None = None,
) -> Dataset:
    """Returns the dataset of two halves.

    Args:
      name: Registered name.
      points: Training half, `[k, D]`, data coordinates.
      held_out: The other half, `[N, D]`.
      version: What changes with the points.
      shape: (H, W, C) of images.
      grey: Distance of two grey levels, where points lie on a grid: they are dequantised.

    Raises:
      ValueError: If a half is too small, or all points are one.
    """
    for half, x in (("train", points), ("held-out", held_out)):
        if len(x) < LEAST:
            raise ValueError(f"{name} needs at least {LEAST} {half} points; got {len(x)}")
    if grey is not None:
        points, held_out = (
            dequantised(name, half, x, grey) for half, x in (("train", points), ("held_out", held_out))
        )
    mean = points.mean(axis=0, dtype=np.float64)
    scale = math.sqrt(points.var(axis=0, dtype=np.float64).mean())
    if not scale > 0.0:
        raise ValueError(f"{name}: expected points that differ; got {len(points)} times one point")
    order = np.asarray(jax.random.permutation(key_for(0, name, "held_out"), len(held_out)))
    finite = Finite(points, held_out[order])
    near, widest = _lengths((points - mean) / scale)
    finest = min(max(2.0 * near, 1e-3), 0.3)
    return Dataset(
        name=name,
        dim=points.shape[1],
        mean=mean.astype(np.float32),
        scale=scale,
        sample=functools.partial(_fresh, name, finite),
        truth=None,
        resolution=finest,
        diameter=max(widest, 4.0 * finest),
        density=False,
        finite=finite,
        shape=shape,
        grey=grey,
        # In many dimensions no two points lie nearer than that: no finer kernel has pairs.
        grain=near if points.shape[1] > _FEW and near > 0.0 else None,
        version=version,
    )


def _fresh(name: str, finite: Finite, key: PRNGKey, n: int) -> Array:
    if n > finite.most:
        raise ValueError(f"{name} holds {finite.most} points of fresh truth; got a request for {n}")
    return jax.numpy.asarray(finite.fresh(key, n))


def _lengths(x: np.ndarray) -> tuple[float, float]:
    """Returns the distance between neighbours of standardised points, and their largest length."""
    some = x[:: max(1, len(x) // _LOOKED_AT)]
    near = spatial.KDTree(some).query(some, k=2)[0][:, 1]
    return float(np.median(near)), 2.0 * float(np.linalg.norm(some, axis=1).max())
