"""Second sources: the definitions, written out in NumPy and float64."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

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


def spacings(x, k):
    # The smallest of a row is the point itself.
    return np.sort(distances(x, x), axis=1)[:, k]


def prdc(x, y, k):
    d = distances(x, y)
    in_y, in_x = d < spacings(y, k), d < spacings(x, k)[:, None]
    return {
        "precision": in_y.any(axis=1).mean(),
        "recall": in_x.any(axis=0).mean(),
        "density": in_y.sum() / (k * len(x)),
        "coverage": in_y.any(axis=0).mean(),
    }


def c2st(x, y, k):
    """The accuracy of that of three classifiers which is right most often on the training points."""
    trained, tested = (np.concatenate([x[i::2], y[i::2]]).astype(np.float64) for i in (1, 0))
    said = [votes(trained, tested, k)]
    if len(trained) >= 20:
        said += [quadratic(*log_distances(trained, tested)), quadratic(trained, tested)]
    first = [np.arange(len(z)) < len(z) // 2 for z in (trained, tested)]
    right = [[(one[i] == first[i]).mean() for i in range(2)] for one in said]
    return right[int(np.argmax([one[0] for one in right]))][1]


def votes(trained, tested, k):
    half, others = len(trained) // 2, min(k, len(trained) - 1)
    d = distances(trained, trained)
    np.fill_diagonal(d, np.inf)
    alone = (np.argsort(d, axis=1)[:, :others] < half).mean(axis=1) > 0.5
    return alone, (np.argsort(distances(tested, trained), axis=1)[:, :k] < half).mean(axis=1) > 0.5


def log_distances(trained, tested):
    half = len(trained) // 2
    d = distances(trained, trained)
    np.fill_diagonal(d, np.inf)
    away = (d, distances(tested, trained))
    return [
        np.log(np.stack([np.sort(z[:, :half], axis=1)[:, 4], np.sort(z[:, half:], axis=1)[:, 4]], axis=1))
        for z in away
    ]


def quadratic(trained, tested):
    half = len(trained) // 2
    sides, fold, alone = (trained[:half], trained[half:]), np.arange(half) % 5, np.zeros(2 * half, bool)
    for f in range(5):
        held = np.tile(fold == f, 2)
        first, second = (log_gaussian(side[fold != f], trained[held]) for side in sides)
        alone[held] = first > second
    first, second = (log_gaussian(side, tested) for side in sides)
    return alone, first > second


def log_gaussian(x, asked):
    # Ledoit and Wolf (2004), section 3.2, sample by sample.
    mean, s = x.mean(axis=0), np.cov(x, rowvar=False, bias=True)
    level = np.trace(s) / len(s) * np.eye(len(s))
    noise = np.mean([((np.outer(z, z) - s) ** 2).sum() for z in x - mean]) / len(x)
    shrink = min(1.0, noise / ((s - level) ** 2).sum())
    return stats.multivariate_normal(mean, (1 - shrink) * s + shrink * level).logpdf(asked)


def memorisation(x, y, train):
    d, spacing = distances(x, train), spacings(train, 1)
    which = d.argmin(axis=1)
    a, b = d.min(axis=1), distances(y, train).min(axis=1)
    above = (a[:, None] > b).sum() + 0.5 * (a[:, None] == b).sum()
    n, m = len(a), len(b)
    return {
        "copied": (a < spacing[which]).mean(),
        "ct": (above - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12),
        "authenticity": (a > spacing[which]).mean(),
    }


@pytest.fixture(scope="session")
def brute():
    definitions = (distances, energy, mmd2, sliced_w2, prdc, c2st, votes, quadratic, memorisation)
    return SimpleNamespace(**{function.__name__: function for function in definitions})


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

    def make(dataset, samples, reference=None, prepared=None, score=None, process=None, train=None):
        return Outcome(samples, reference, train, score, process, dataset, prepared)

    return make
