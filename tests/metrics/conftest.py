"""Second sources: the definitions, written out in NumPy and float64."""

from types import SimpleNamespace

import numpy as np
import pytest

from diffbench import datasets as datasets
from diffbench import metrics as metrics
from diffbench.contracts import DATASETS, Outcome, key_for


def distances(x, y):
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))


def off_diagonal_mean(matrix):
    n = len(matrix)
    return (matrix.sum() - np.trace(matrix)) / (n * (n - 1))


def energy(x, y):
    return 2 * distances(x, y).mean() - sum(off_diagonal_mean(distances(z, z)) for z in (x, y))


def mmd2(x, y, h):
    def kernel(a, b):
        return np.exp(-(distances(a, b) ** 2) / (2 * h**2))

    return sum(off_diagonal_mean(kernel(z, z)) for z in (x, y)) - 2 * kernel(x, y).mean()


def sliced_w2(x, y, directions):
    # Each point repeated until both sides have as many: then sorted pairs are optimal.
    x, y = np.asarray(x, np.float64) @ directions, np.asarray(y, np.float64) @ directions
    size = np.lcm(len(x), len(y))
    x, y = np.repeat(x, size // len(x), axis=0), np.repeat(y, size // len(y), axis=0)
    return ((np.sort(x, axis=0) - np.sort(y, axis=0)) ** 2).mean()


@pytest.fixture(scope="session")
def brute():
    return SimpleNamespace(distances=distances, energy=energy, mmd2=mmd2, sliced_w2=sliced_w2)


@pytest.fixture(scope="session")
def nine():
    return DATASETS.build("nine_gaussians")


@pytest.fixture(scope="session")
def truth():
    """Returns a function that draws standardised truth under a named key."""

    def draw(dataset, n, *labels):
        # Always as many, so that one compiled program serves all tests.
        points = dataset.sample(key_for(0, "test", *labels), 2**15)
        return (np.asarray(points)[:n] - dataset.mean) / np.float32(dataset.scale)

    return draw


@pytest.fixture(scope="session")
def outcome():
    """Returns a function that makes an outcome of samples and a reference."""

    def make(dataset, samples, reference=None, prepared=None, score=None, process=None):
        return Outcome(samples, reference, None, score, process, dataset, prepared)

    return make
