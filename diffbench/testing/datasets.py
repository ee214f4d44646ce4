"""The contract of a dataset: samples, scale and truth agree, by identities and not by trust.

For points of the diffused law at any noise level, and with D dimensions:

  s = grad log p                by autodiff;
  E[s] = 0,  E[x . s] = -D      (Stein's identity of f = 1 and of f = x), so a score of zeros shows;
  E[s . f + div f] = 0          for any smooth field f: random waves make a test of the samples against
                                the score, with a chi-squared law (one sample: no second one is drawn);
  E[q / p] = 1                  for any density q that p covers: a test of samples against the density;
  log p -> log N(0, alpha^2 + sigma^2) where noise is all: the density's constant.

References:
  Stein (1972); Liu, Lee & Jordan (2016), for the test against a score.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from diffbench.contracts import Array, Dataset, key_for
from diffbench.testing.base import Examination, Findings

STANDARD_ERRORS = 5.0
GRADIENT = 1e-3
# Smallest p of the one-sample test: four of them in a check, so one right dataset in 250,000 is refused.
SMALLEST_P = 1e-6
WAVES = 12
LOG_SNR = (6.0, 2.0, 0.0, -4.0)
# A density q of this variance has lighter tails than data blurred at log_snr = 0, and covers little less.
NARROW = 0.6
MOST_DIMENSIONS = 8  # beyond, q/p spreads over too many powers of ten
ROWS = 64
_CLEAN = (1.0, 0.0)  # alpha and sigma of the data itself


def check_dataset(dataset: Dataset, n: int = 4096) -> Findings:
    """Checks a dataset: shapes, repeatable draws, mean and scale, and its truth by identities.

    Args:
      dataset: A built dataset.
      n: Samples drawn.

    Returns:
      What was measured against what bound.

    Raises:
      ContractError: If it breaks its contract.
    """
    look = Examination()
    look.instance("dataset", dataset, Dataset)
    key = key_for(0, "check", dataset.name)
    points = look.array("sample", dataset.sample(key, n), (n, dataset.dim))
    again = np.asarray(dataset.sample(key, n))
    same = np.array_equal(points, again)
    look.expect("sample with one key twice", same, "the same points", "the same points" if same else "others")
    x = dataset.standardise(jnp.asarray(points))
    _moments(look, np.asarray(x, np.float64))
    look.expect("resolution", 0 < dataset.resolution <= dataset.diameter, "0 < resolution <= diameter",
                f"{dataset.resolution:.4g} and {dataset.diameter:.4g}")  # fmt: skip
    programs = _Programs(dataset)
    for log_snr in LOG_SNR:
        _truth(look, dataset, programs, x, log_snr)
    _much_noise(look, dataset, programs, x)
    _entropy(look, dataset, programs, x)
    _modes(look, dataset, x)
    _manifold(look, dataset, x)
    look.version(dataset.version)
    return look.findings()


def _moments(look: Examination, x: np.ndarray) -> None:
    n = x.shape[0]
    mean, error = x.mean(axis=0), x.std(axis=0, ddof=1) / math.sqrt(n)
    worst = int(np.argmax(np.abs(mean) / (STANDARD_ERRORS * error + 1e-4)))
    bound = STANDARD_ERRORS * error[worst] + 1e-4
    wanted = f"that of the samples (0 within {bound:.2g}, standardised)"
    look.expect("mean", np.abs(mean[worst]) <= bound, wanted, f"{mean[worst]:.3g}")
    square = (x**2).mean(axis=1)
    bound = STANDARD_ERRORS * float(square.std(ddof=1)) / math.sqrt(n) + 1e-4
    wanted = f"that of the samples (mean square 1 within {bound:.2g})"
    got = f"ratio {math.sqrt(square.mean()):.4g}"
    look.expect("scale", abs(square.mean() - 1.0) <= bound, wanted, got)


def _at(dataset: Dataset, x: Array, log_snr: float) -> tuple[Array, Array, Array]:
    """Returns points diffused to a log_snr, alpha^2 + sigma^2 = 1, with alpha and sigma."""
    alpha = jnp.asarray(math.sqrt(1.0 / (1.0 + math.exp(-log_snr))), float)
    sigma = jnp.sqrt(1.0 - alpha**2)
    key = key_for(0, "check noise", dataset.name, str(log_snr))
    return alpha * x + sigma * jax.random.normal(key, x.shape), alpha, sigma


class _Programs:
    """Density, its gradient and score of a dataset, each compiled once for all noise levels."""

    def __init__(self, dataset: Dataset):
        def summed(x: Array, alpha: Array, sigma: Array) -> Array:
            return dataset.log_prob(x, alpha, sigma).sum()

        self.log_prob = jax.jit(dataset.log_prob)
        self.gradient = jax.jit(jax.grad(summed))
        self.score = jax.jit(dataset.score)


def _truth(look: Examination, dataset: Dataset, programs: _Programs, x: Array, log_snr: float) -> None:
    """Holds density and score at one noise level against one another and against the samples."""
    dim = x.shape[1]
    x_t, alpha, sigma = _at(dataset, x, log_snr)
    if float(sigma / alpha) < dataset.smallest_sigma:
        return
    where = f"at log_snr {log_snr:g}"

    level = (alpha, sigma)
    log_prob = look.array(f"log_prob {where}", programs.log_prob(x_t, *level), x.shape[:1])
    gradient = programs.gradient(x_t[:ROWS], *level)
    score = look.array(f"score {where}", programs.score(x_t, *level), x.shape)
    score = score.astype(np.float64)
    off = float(np.abs(score[:ROWS] - gradient).max())
    size = GRADIENT * (1.0 + float(np.abs(score).max()))
    look.expect(f"score {where}", off <= size, f"grad log_prob within {size:.2g}", f"off by {off:.2g}")
    points = np.asarray(x_t, np.float64)
    _zero(look, f"E[s] {where}", score, "0")
    _zero(look, f"E[x . s] + D {where}", (points * score).sum(axis=1, keepdims=True) + dim, "0")
    p = _waves(points, score, log_snr)
    look.expect(
        f"samples against the score {where}", p >= SMALLEST_P, f"p of at least {SMALLEST_P:g}", f"p = {p:.2g}"
    )
    if log_snr == 0.0 and dim <= MOST_DIMENSIONS:
        log_q = -0.5 * ((points**2).sum(axis=1) / NARROW + dim * math.log(2.0 * math.pi * NARROW))
        _zero(look, f"E[q/p] - 1 {where}", np.exp(log_q - log_prob.astype(np.float64))[:, None] - 1.0, "0")


def _zero(look: Examination, what: str, values: np.ndarray, expected: str) -> None:
    """Notes whether means over rows, `[n, k]`, are zero within standard errors."""
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(len(values))
    bound = STANDARD_ERRORS * error + 1e-4
    worst = int(np.argmax(np.abs(mean) / bound))
    look.expect(
        what, abs(mean[worst]) <= bound[worst], f"{expected} within {bound[worst]:.2g}", f"{mean[worst]:.3g}"
    )


def _waves(x: np.ndarray, score: np.ndarray, log_snr: float) -> float:
    """Returns the p-value of Stein's identity for fields u cos(w . x + b), all at once."""
    n, dim = x.shape
    random = np.random.RandomState(0)
    # Wave lengths from the whole of the data down to a third of their spread.
    lengths = np.geomspace(2.0, 1.0 / 3.0, WAVES)
    direction = random.standard_normal((WAVES, dim))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    w = direction / lengths[:, None]
    u = random.standard_normal((WAVES, dim))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    angle = x @ w.T + random.uniform(0.0, 2.0 * np.pi, WAVES)
    values = (score @ u.T) * np.cos(angle) - (w * u).sum(axis=1) * np.sin(angle)
    mean = values.mean(axis=0)
    size, axes = np.linalg.eigh(np.cov(values, rowvar=False))
    # In one dimension waves go together: what hardly varies would be all rounding and tails.
    told = size > 1e-2 * size[-1]
    statistic = n * float(((mean @ axes)[told] ** 2 / size[told]).sum())
    return float(stats.chi2.sf(statistic, told.sum()))


def _much_noise(look: Examination, dataset: Dataset, programs: _Programs, x: Array) -> None:
    """Where noise is all the density is a normal one, constant and all."""
    x_t, alpha, sigma = _at(dataset, x, -14.0)
    log_prob = look.array("log_prob where noise is all", programs.log_prob(x_t, alpha, sigma), x.shape[:1])
    normal = -0.5 * (np.asarray(x_t, np.float64) ** 2).sum(axis=1) - 0.5 * dataset.dim * math.log(
        2.0 * math.pi
    )
    # alpha is 1e-3: what it leaves of the data moves log p by |x| alpha, some hundredths.
    bound = 0.02 * math.sqrt(dataset.dim) + 2e-6 * float(np.abs(normal).max())
    look.below("log_prob - log N where noise is all", float(np.abs((log_prob - normal).mean())), bound, "0")


def _entropy(look: Examination, dataset: Dataset, programs: _Programs, x: Array) -> None:
    if not dataset.density:
        return
    log_prob = look.array("log_prob of the data", programs.log_prob(x, *_CLEAN), x.shape[:1])
    if dataset.exact_entropy is not None:
        surprise = -log_prob.astype(np.float64)[:, None]
        _zero(look, "E[-log p] - exact_entropy", surprise - dataset.exact_entropy, "0")


def _modes(look: Examination, dataset: Dataset, x: Array) -> None:
    modes = dataset.modes
    if modes is None:
        return
    weights = np.asarray(modes.weights, np.float64)
    k, n = len(weights), x.shape[0]
    look.expect("mode weights", abs(weights.sum() - 1) < 1e-4, "a sum of 1", float(weights.sum()))
    shares = look.array("responsibilities", modes.responsibilities(x), (n, k)).astype(np.float64)
    sums = shares.sum(axis=1)
    holds = np.abs(sums - 1).max() < 1e-3 and shares.min() >= 0
    got = f"sums from {sums.min():.4g} to {sums.max():.4g}, the least of all {shares.min():.3g}"
    look.expect("responsibilities", holds, "rows that sum to 1", got)
    # The error of the known weights: a mode that was never drawn has none of its own.
    bound = STANDARD_ERRORS * np.sqrt(weights * (1 - weights) / n) + 2.0 / n
    off = np.abs(shares.mean(axis=0) - weights)
    worst = int(np.argmax(off / bound))
    wanted = f"the weight {weights[worst]:.4g} within {bound[worst]:.2g}"
    look.expect("shares of the modes", off[worst] <= bound[worst], wanted, float(shares[:, worst].mean()))
    squared = look.array("mahalanobis", modes.mahalanobis(x[:ROWS]), (ROWS, k))
    look.expect("mahalanobis", squared.min() >= 0, "numbers of at least 0", squared.min())


def _manifold(look: Examination, dataset: Dataset, x: Array) -> None:
    rows = np.asarray(x[:ROWS], np.float64)
    if dataset.distance is not None:
        away = look.array("distance", _distance(dataset, rows), (ROWS,))
        look.expect("distance", away.min() >= 0, "numbers of at least 0", float(away.min()))
        near = 10.0 * dataset.resolution * math.sqrt(dataset.dim)
        look.below("distance of the samples, median", float(np.median(away)), near)
        # A step against the slope, as long as the distance, ends on the manifold.
        reached = float(np.median(_distance(dataset, rows - away[:, None] * _slope(dataset, rows))))
        bound = 0.1 * float(np.median(away)) + 1e-3
        look.below("distance on the manifold", reached, bound, "0")
        far = 10.0 * dataset.diameter * rows / np.linalg.norm(rows, axis=1, keepdims=True)
        least, most = 8.0 * dataset.diameter, 12.0 * dataset.diameter
        distant = look.array("distance far away", _distance(dataset, far), (ROWS,))
        holds = least < distant.min() <= distant.max() < most
        wanted, got = f"between {least:.3g} and {most:.3g}", f"{distant.min():.3g} to {distant.max():.3g}"
        look.expect("distance of what is ten diameters away", holds, wanted, got)
    if dataset.intrinsic is not None:
        place = np.asarray(dataset.intrinsic(jnp.asarray(rows, float)))
        place = look.array("intrinsic", place, (ROWS, *place.shape[1:2]))
        look.expect("intrinsic", place.ndim == 2, f"shape ({ROWS}, k)", f"shape {place.shape}")
        look.expect("intrinsic", ((place >= 0) & (place <= 1)).all(), "numbers in [0, 1]",
                    f"{place.min():g} to {place.max():g}")  # fmt: skip


def _distance(dataset: Dataset, x: np.ndarray) -> np.ndarray:
    assert dataset.distance is not None
    return np.asarray(dataset.distance(jnp.asarray(x, float)), np.float64)


def _slope(dataset: Dataset, x: np.ndarray, h: float = 5e-3) -> np.ndarray:
    """Returns the gradient of the distance by differences, for a builder may measure it without JAX."""
    # All steps in one call, one program for it.
    steps = h * np.concatenate([np.eye(x.shape[1]), -np.eye(x.shape[1])])
    moved = _distance(dataset, (x[:, None] + steps).reshape(-1, x.shape[1])).reshape(len(x), 2, -1)
    return (moved[:, 0] - moved[:, 1]) / (2.0 * h)
