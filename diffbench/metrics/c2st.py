"""The classifier two-sample test: how often a classifier names the side of a held-out point.

No one classifier sees everything, so three are trained and the one that is best on its own training
points, each judged without itself, is the one that is tested:

  votes      the k nearest training points vote: any difference where neighbours are near
  distances  how far the near points of each side are, as two Gaussians of the logs: a difference of
             density in many dimensions, where one side, the hubs, holds the neighbours of all points
             (of a Gaussian twice too wide in 64 dimensions the votes alone say 0.500)
  moments    quadratic discrimination: each side a Gaussian with a shrunk covariance

The choice looks at training points alone, so under truth the held-out accuracy keeps its null.

References:
  Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests, section 3.
  Radovanovic, Nanopoulos & Ivanovic (2010), Hubs in space, for what many dimensions do to votes.
  Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices, for
    the shrinkage.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import linalg, spatial
from scipy.spatial import distance

from diffbench import checks
from diffbench.contracts import METRICS, Column, Measured, Metric, Outcome, PRNGKey
from diffbench.metrics.base import first_rows
from diffbench.metrics.far import too_far

# Points asked about at once.
_BLOCK = 1024
# In more dimensions than this a tree looks at every point, slower than one matrix of distances.
_TREE_DIM = 12
# The neighbour of each side that `distances` asks for: the nearest ones are noisy.
_REACH = 5
_FOLDS = 5


@METRICS.register("c2st")
def c2st(*, k: int | None = None, points: int = 10_000) -> Metric:
    """Returns the held-out accuracy of a classifier of samples against reference.

    Columns: `c2st`, the accuracy, 1/2 for a perfect model; `c2st_z`, its z-score under the
    null N(1/2, 1/(4 n_test)), which is exact in the mean and, if anything, too wide. So it
    needs no floor; but all models meet one reference, so their scores are not independent.
    Every second row of each side trains, the others are tested. Secondary: on thin manifolds
    it soon says 1 for all models. Both are NaN where a sample is not finite.

    Args:
      k: Neighbours that vote, odd so that no vote is a draw; None for the root of the
        number of training points, made odd.
      points: Points at most of each side, the first ones; as many of both.
    """
    if k is not None:
        checks.count("k", k)
        if k % 2 == 0:
            raise ValueError(f"k must be odd; got {k}")
    checks.count("points", points, least=2)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        x, y = first_rows(outcome, points, least=2)
        if too_far(x):
            return dict.fromkeys(columns, math.nan), {}
        half = len(x) // 2
        voters = math.isqrt(2 * half) if k is None else k
        voters -= 1 - voters % 2
        if voters > 2 * half:
            raise ValueError(f"k must be at most the {2 * half} points that train; got {k}")
        # Alternate rows, as samples that come sorted by mode must not train on some and test on others.
        trained, tested = (np.concatenate([x[first::2], y[first::2]]) for first in (1, 0))
        says_x = classify(trained, tested, voters)
        of_x = np.arange(len(tested)) < len(tested) // 2
        accuracy = float((says_x == of_x).mean())
        return {"c2st": accuracy, "c2st_z": 2.0 * math.sqrt(len(tested)) * (accuracy - 0.5)}, {}

    columns = {"c2st": Column(perfect=0.5), "c2st_z": Column(perfect=0.0)}
    # Half of each side trains.
    fewest = 2 if k is None else k + 1
    return Metric(columns, measure, least={"samples": fewest, "reference": fewest}, version=2)


def classify(trained: np.ndarray, tested: np.ndarray, voters: int) -> np.ndarray:
    """Returns whether the classifier that is best on the training points says the first side, `[t]`.

    Args:
      trained: Training points, the first half of one side, the second of the other, `[2h, D]`.
      tested: Points to name the side of, `[t, D]`.
      voters: Neighbours that vote, odd, at most 2h.
    """
    of_first = np.arange(len(trained)) < len(trained) // 2
    found = [votes(trained, tested, voters)]
    if len(trained) >= 4 * _REACH:
        found += [quadratic(*distances(trained, tested)), quadratic(trained, tested)]
    # The first of equals: votes.
    return max(found, key=lambda one: (one[0] == of_first).mean())[1]


def votes(trained: np.ndarray, tested: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns whether most of the k nearest training points are of the first side.

    Returns:
      What is said of each training point by the others, `[2h]`, and of each tested one, `[t]`.
    """
    half, others = len(trained) // 2, min(k, len(trained) - 1)

    def of_first(far: np.ndarray, which: np.ndarray) -> np.ndarray:
        return (which < half).sum(axis=1)

    by_others = _nearest(of_first, trained, trained, others, among=True)
    return by_others > 0.5 * others, _nearest(of_first, trained, tested, k) > 0.5 * k


def distances(trained: np.ndarray, tested: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns logs of the distances to the fifth nearest other point of each side.

    Returns:
      Of each training point, `[2h, 2]`, and of each tested one, `[t, 2]`.
    """
    half = len(trained) // 2
    sides = trained[:half], trained[half:]
    of_trained, of_tested = np.zeros((2, 2, half)), np.zeros((2, len(tested)))

    def last(far: np.ndarray, which: np.ndarray) -> np.ndarray:
        return far[:, -1]

    for number, side in enumerate(sides):
        for other, asked in enumerate(sides):
            of_trained[number, other] = _nearest(last, side, asked, _REACH, among=other == number)
        of_tested[number] = _nearest(last, side, tested, _REACH)
    away = of_trained.reshape(2, 2 * half)
    # Coincident points are at no distance: as if far nearer than any that are apart.
    apart = away[away > 0.0]
    least = 1e-6 * (apart.min() if apart.size else 1.0)
    return np.log(np.maximum(away, least)).T, np.log(np.maximum(of_tested, least)).T


def quadratic(trained: np.ndarray, tested: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns whether a point is likelier under the Gaussian of the first side.

    Returns:
      What is said of each training point by the Gaussians of the other folds, `[2h]`, and of each
      tested one, `[t]`.
    """
    half = len(trained) // 2
    # Numbers of the order of one: squares of squares are taken.
    middle = np.median(trained, axis=0)
    unit = float(np.abs(trained - middle).max()) or 1.0
    trained, tested = (trained - middle) / unit, (tested - middle) / unit
    # Above rounding of the largest eigenvalue, so that the root exists.
    least = 1e-10 * float(trained.var(axis=0).mean()) or 1.0
    fold = np.arange(half) % _FOLDS
    said = np.zeros(2 * half, bool)
    for number in range(_FOLDS):
        kept, held = fold != number, np.tile(fold == number, 2)
        said[held] = _likelier(trained[:half][kept], trained[half:][kept], trained[held], least)
    return said, _likelier(trained[:half], trained[half:], tested, least)


def _likelier(first: np.ndarray, second: np.ndarray, asked: np.ndarray, least: float) -> np.ndarray:
    """Returns whether the asked are likelier under the first side's Gaussian than the second's, `[t]`."""
    log_first, log_second = (_gaussian(side, least)(asked) for side in (first, second))
    return log_first > log_second


def _gaussian(x: np.ndarray, least: float) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the log density, but for a constant, of the Gaussian of points `[n, D]`.

    Its covariance is the empirical one drawn towards the multiple of the identity with the same
    trace, by as much as Ledoit and Wolf estimate to be best, and `least` more along each axis.
    """
    n, dim = x.shape
    mean = x.mean(axis=0)
    away = x - mean
    covariance = away.T @ away / n
    level = np.trace(covariance) / dim
    square = (covariance**2).sum()
    spread = square - dim * level**2
    noise = (((away**2).sum(axis=1) ** 2).mean() - square) / n
    shrink = min(1.0, noise / spread) if spread > 0.0 else 1.0
    covariance *= 1.0 - shrink
    covariance[np.diag_indices(dim)] += shrink * level + least
    root = np.linalg.cholesky(covariance)
    log_size = np.log(np.diag(root)).sum()

    def log_density(asked: np.ndarray) -> np.ndarray:
        along = linalg.solve_triangular(root, (asked - mean).T, lower=True, check_finite=False)
        return -0.5 * (along**2).sum(axis=0) - log_size

    return log_density


def _nearest(
    say: Callable[[np.ndarray, np.ndarray], np.ndarray],
    trained: np.ndarray,
    asked: np.ndarray,
    k: int,
    *,
    among: bool = False,
) -> np.ndarray:
    """Returns what is said of the k nearest training points of each of the asked, `[t]`.

    Args:
      say: (distances `[b, k]`, the nearest first, and which points they are) -> `[b]`.
      trained: `[m, D]`.
      asked: `[t, D]`.
      k: Neighbours, at most m; at most m - 1 with `among`.
      among: Whether the asked are the training points, which are not their own neighbours.
    """
    find, said = _finder(trained, k + among), []
    for start in range(0, len(asked), _BLOCK):
        far, which = find(asked[start : start + _BLOCK])
        if among:
            # A copy may stand in for the point itself, which then is not among them: the last one goes.
            itself = which == np.arange(start, start + len(which))[:, None]
            itself[~itself.any(axis=1), -1] = True
            far, which = (found[~itself].reshape(len(which), k) for found in (far, which))
        said.append(say(far, which))
    return np.concatenate(said)


def _finder(trained: np.ndarray, k: int) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns a function: points `[b, D]` -> distances to the k nearest, and which they are, `[b, k]`."""
    if trained.shape[1] <= _TREE_DIM:
        tree = spatial.KDTree(trained)
        return lambda asked: tree.query(asked, k=np.arange(1, k + 1))

    def find(asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        every = distance.cdist(asked, trained)
        some = np.argpartition(every, k - 1, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(every, some, axis=1), axis=1, kind="stable")
        which = np.take_along_axis(some, order, axis=1)
        return np.take_along_axis(every, which, axis=1), which

    return find
