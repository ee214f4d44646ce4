"""Images whose diffused density and score are exact: digits, shifted shapes and random fields.

Points stay `[n, D]`, D = H W C, row by row; `dataset.shape` says (H, W, C).

- `digit_images`: a mixture of low-rank Gaussians fitted to handwritten digits. It is the law that is
  the truth, not the digits: samples look like them and have white noise of their own.
- `shifted_shapes`: one shape at every place of a torus. Equivariant, D modes of equal weight.
- `random_field`: a Gaussian whose power spectrum is a power of the frequency.

References:
  Alpaydin & Kaynak (1998), Optical recognition of handwritten digits (8x8).
  LeCun et al. (1998), the MNIST database (28x28).
"""

from __future__ import annotations

import functools
import hashlib
import math
from importlib import resources

import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load

from diffbench import checks
from diffbench.contracts import DATASETS, Dataset
from diffbench.datasets.base import MixtureModes, carried, potential_of, sample_from
from diffbench.laws.base import LOG_2PI, DiffusedTruth, Law
from diffbench.laws.fields import RandomField, ShiftedTemplate
from diffbench.laws.low_rank import LowRankMixture
from diffbench.laws.low_rank_potential import LowRank

# What results/fit_digit_images.py makes.
DIGESTS = {
    8: "db48001997863260018f957a4c885897104a75930899dcd01cd03e2f3b0dd5a0",
    28: "d76f947da3df9b3d2454bafd2d71d47ba4542aa4078bbbbbd60a8d539de34a4d",
}
# Grey levels of the images that the laws were fitted to.
LEVELS = {8: 17, 28: 256}
SIZES = (4, 64)


@functools.lru_cache(maxsize=2)
def fitted(size: int) -> dict[str, np.ndarray]:
    """Returns the parameters of the digits' law, float32.

    Args:
      size: 8 or 28, the side of an image.

    Raises:
      ValueError: If the file is not the one that this version of the package was made with.
    """
    content = (resources.files("diffbench") / "datasets" / f"digits_{size}.safetensors").read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != DIGESTS[size]:
        raise ValueError(
            f"digits_{size}.safetensors must have the digest {DIGESTS[size]}; got {found}: install again"
        )
    return load(content)


def image_dataset(
    name: str,
    law: Law,
    moments: tuple[np.ndarray, np.ndarray],
    *,
    side: int,
    finest: float,
    widest: float,
    spread: float,
    mixture: bool,
    grey: float = 1.0 / 256.0,
    entropy: float | None = None,
) -> Dataset:
    """Returns the dataset of a law of square grey images.

    Args:
      name: Registered name.
      law: A law in data coordinates.
      moments: Its mean `[D]` and covariance `[D, D]`.
      side: Pixels of a side.
      finest: Its smallest standard deviation, data coordinates.
      widest: Its largest, data coordinates.
      spread: Largest distance between means, data coordinates.
      mixture: Whether the law has modes.
      grey: Width of a grey level, data coordinates.
      entropy: In nats, data coordinates, where a closed form is known.
    """
    mean, covariance = moments
    dim = side * side
    scale = math.sqrt(float(np.trace(covariance)) / dim)
    carried(name, "the smallest standard deviation", finest, float(np.abs(mean).max()) + spread + widest)
    at = {"mean": jnp.asarray(mean, float), "scale": jnp.asarray(scale)}
    return Dataset(
        name=name,
        dim=dim,
        mean=np.asarray(mean, np.float32),
        scale=scale,
        sample=functools.partial(sample_from, law, jnp.zeros(())),
        truth=DiffusedTruth(law=law, thickness=jnp.zeros(()), **at),
        resolution=finest / scale,
        diameter=(spread + 4.0 * widest) / scale,
        modes=MixtureModes(law=law, **at) if mixture else None,
        exact_entropy=None if entropy is None else entropy - dim * math.log(scale),
        exact_moments=(np.zeros(dim), covariance / scale**2),
        potential=potential_of(law, mean, scale),
        shape=(side, side, 1),
        grey=grey,
        # Two points of a mode are the root of 2 D deviations apart: no finer kernel has pairs. Half of
        # this, the default, sees modes a fifth too wide with n = 1,000 (z of 15 at 8x8, 5 at 28x28).
        grain=2.0 * finest / scale * math.sqrt(dim),
    )


@DATASETS.register("digit_images")
def digit_images(*, size: int = 8) -> Dataset:
    """Returns images of digits: twenty low-rank Gaussians, two ways to write each digit.

    Pixels are about in [0, 1]. Mode k writes the digit k // 2.

    Args:
      size: 8 (rank 12, fitted to scikit-learn's digits) or 28 (rank 24, to MNIST's).
    """
    checks.count("size", size)
    if size not in DIGESTS:
        raise ValueError(f"size must be one of {', '.join(map(str, DIGESTS))}; got {size}")
    found = {name: value.astype(np.float64) for name, value in fitted(size).items()}
    weights = found["weights"] / found["weights"].sum()
    law = LowRankMixture(
        means=jnp.asarray(found["means"], float),
        log_weights=jnp.asarray(np.log(weights), float),
        directions=jnp.asarray(found["directions"], float),
        stretches=jnp.asarray(found["stretches"], float),
        noises=jnp.asarray(found["noises"], float),
    )
    parts = (found[name] for name in ("directions", "stretches", "noises"))
    return image_dataset(
        "digit_images",
        law,
        LowRank(found["means"], weights, *parts).moments(),
        side=size,
        finest=math.sqrt(found["noises"].min()),
        widest=math.sqrt(float((found["stretches"].max(axis=1) + found["noises"]).max())),
        spread=_spread(found["means"]),
        mixture=True,
        grey=1.0 / (LEVELS[size] - 1),
    )


def _spread(means: np.ndarray) -> float:
    """Returns the largest distance between means `[K, D]`."""
    square = (means**2).sum(axis=1)
    return math.sqrt(max(0.0, float((square[:, None] + square - 2.0 * means @ means.T).max())))


def shape_of(size: int) -> np.ndarray:
    """Returns the shape of `shifted_shapes`: an arrow of soft strokes, no two shifts alike, `[H, W]`.

    Args:
      size: Pixels of a side.
    """
    place = (np.arange(size) + 0.5) / size
    row, column = place[:, None], place[None, :]

    def stroke(from_: tuple[float, float], to: tuple[float, float]) -> np.ndarray:
        (a, b), (c, d) = from_, to
        along = ((row - a) * (c - a) + (column - b) * (d - b)) / ((c - a) ** 2 + (d - b) ** 2)
        t = np.clip(along, 0.0, 1.0)
        away = (row - a - t * (c - a)) ** 2 + (column - b - t * (d - b)) ** 2
        return np.exp(-0.5 * away / 0.07**2)

    strokes = [
        stroke((0.75, 0.25), (0.25, 0.7)),
        stroke((0.25, 0.7), (0.25, 0.4)),
        stroke((0.25, 0.7), (0.6, 0.7)),
    ]
    return np.maximum.reduce(strokes)


@DATASETS.register("shifted_shapes")
def shifted_shapes(*, size: int = 8, sd: float = 0.1) -> Dataset:
    """Returns images of one shape at every place of a torus, all equally likely.

    Args:
      size: Pixels of a side, from 4 to 64.
      sd: Standard deviation of the white noise; the shape's ink is about 1.
    """
    checks.count("size", size, least=SIZES[0], most=SIZES[1])
    checks.length(sd=sd)
    template = shape_of(size)
    away = template - template.mean()
    # The covariance of the shifts is stationary: a correlation of the shape with itself.
    spectrum = np.abs(np.fft.fft2(away)) ** 2 / template.size
    first = np.fft.ifft2(spectrum).real
    spread = math.sqrt(2.0 * float(first[0, 0] - first.min()) * template.size)
    law = ShiftedTemplate(template=jnp.asarray(template, float), variance=jnp.asarray(sd**2, float))
    covariance = _stationary(first) + sd**2 * np.eye(template.size)
    mean = np.full(template.size, template.mean())
    return image_dataset(
        "shifted_shapes",
        law,
        (mean, covariance),
        side=size,
        finest=sd,
        widest=sd,
        spread=spread,
        mixture=True,
    )


@DATASETS.register("random_field")
def random_field(*, size: int = 8, exponent: float = 3.0) -> Dataset:
    """Returns Gaussian images whose power falls as a power of the frequency, of variance 1.

    Args:
      size: Pixels of a side, from 4 to 64.
      exponent: Power spectrum 1/(1 + |k|^2)^(exponent/2), k in cycles a side: 0 is white noise,
        about 3 looks like clouds.
    """
    checks.count("size", size, least=SIZES[0], most=SIZES[1])
    if isinstance(exponent, bool) or not isinstance(exponent, int | float):
        raise TypeError(f"exponent must be a number; got {exponent!r}")
    if not 0.0 <= exponent <= 8.0:
        raise ValueError(f"exponent must be in [0, 8]; got {exponent}")
    cycles = np.fft.fftfreq(size, 1.0 / size)
    power = (1.0 + cycles[:, None] ** 2 + cycles[None, :] ** 2) ** (-0.5 * exponent)
    power /= power.mean()
    dim = size * size
    return image_dataset(
        "random_field",
        RandomField(power=jnp.asarray(power, float)),
        (np.zeros(dim), _stationary(np.fft.ifft2(power).real)),
        side=size,
        finest=math.sqrt(power.min()),
        widest=math.sqrt(power.max()),
        # No means to be apart: two points far out on both sides of the slowest wave.
        spread=4.0 * math.sqrt(power.max()),
        mixture=False,
        entropy=0.5 * (dim * (LOG_2PI + 1.0) + float(np.log(power).sum())),
    )


def _stationary(first: np.ndarray) -> np.ndarray:
    """Returns the covariance `[D, D]` of a field whose covariance with its first pixel is `[H, W]`."""
    height, width = first.shape
    rows = (np.arange(height)[:, None] - np.arange(height)) % height
    columns = (np.arange(width)[:, None] - np.arange(width)) % width
    both = first[rows[:, None, :, None], columns[None, :, None, :]]
    return both.reshape(height * width, -1)
