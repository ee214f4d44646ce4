"""Averages over a mixture of low-rank Gaussians: E|x - Y| and E k(x, Y) of images.

The covariance nu I + U diag(l) U^T has r + 1 different variances, so with a = U^T (x - mu) and
b = |x - mu|^2 - |a|^2, what is across,

  log E k_h = -1/2 [sum_j log(1 + (l_j + nu)/h^2) + (D - r) log(1 + nu/h^2)
                    + sum_j a_j^2/(h^2 + l_j + nu) + b/(h^2 + nu)],

a product of `[n, K, r + 1]` squares with as many inverse variances for each h: no axis of the D - r
that are alike is looked at. The mean distance is its integral over h; see `laws.potentials`.
"""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, Points
from diffbench.laws.potentials import STEP, STEPS, mean_excess
from diffbench.pairwise import by_rows

EXACT = jax.lax.Precision.HIGHEST
# Of log(h/r), r of the nearest points: those that are e^9 times as far have steps enough beyond them.
_LONG = np.exp(np.arange(math.log(1e-4), math.log(400.0) + 9.0, STEP))


@dataclasses.dataclass(frozen=True)
class LowRank:
    """A mixture of low-rank Gaussians; see `contracts.Potential`.

    Attributes:
      means: `[K, D]`, float64.
      weights: Normalised, `[K]`, float64.
      directions: Orthonormal columns, `[K, D, r]`, float64.
      stretches: Variance along each beyond the noise, `[K, r]`, float64.
      noises: Variance of the noise, `[K]`, float64.
    """

    means: np.ndarray
    weights: np.ndarray
    directions: np.ndarray
    stretches: np.ndarray
    noises: np.ndarray

    def mean_distance(self, x: Points) -> Array:
        """See `Potential.mean_distance`."""
        return _mean_distance(jnp.asarray(x, float), *self._on_device())

    def mean_kernels(self, x: Points, bandwidths: np.ndarray) -> Array:
        """See `Potential.mean_kernels`."""
        return _mean_kernels(jnp.asarray(x, float), *self._on_device(), jnp.asarray(bandwidths, float))

    def mean_excess(self, x: np.ndarray) -> np.ndarray:
        """See `Potential.mean_excess`."""
        dim = self.means.shape[1]
        total = dim * self.noises + self.stretches.sum(axis=1)

        def across(unit: np.ndarray) -> np.ndarray:
            along = np.einsum("nd,kdr->nkr", unit, self.directions)
            return total - self.noises - (along**2 * self.stretches).sum(axis=2)

        return mean_excess(x, self.means, self.weights, across)

    def self_distance(self) -> float:
        """See `Potential.self_distance`."""
        weights, squares, variances, counts = self._pairs()
        return float(weights @ _distances(squares, variances, counts))

    def self_kernels(self, bandwidths: np.ndarray) -> np.ndarray:
        """See `Potential.self_kernels`."""
        weights, squares, variances, counts = self._pairs()
        h2 = np.asarray(bandwidths, np.float64) ** 2
        return np.array([weights @ np.exp(_log_kernel(squares, variances, counts, one)) for one in h2])

    def projected(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `Potential.projected`."""
        along = np.einsum("kdr,dl->krl", self.directions, directions)
        inner = (directions**2).sum(axis=0)
        variances = self.noises[:, None] * inner + np.einsum("krl,kr->kl", along**2, self.stretches)
        return self.weights, self.means @ directions, np.sqrt(variances)

    def moved(self, scale: float, shift: np.ndarray, blur: float = 0.0) -> LowRank:
        """Returns the mixture of scale (Y + N(0, blur^2 I)) + shift."""
        noises = scale**2 * (self.noises + blur**2)
        return LowRank(
            scale * self.means + shift, self.weights, self.directions, scale**2 * self.stretches, noises
        )

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns mean `[D]` and covariance `[D, D]`, float64."""
        mean = self.weights @ self.means
        away = np.sqrt(self.weights)[:, None] * (self.means - mean)
        sides = self.directions * np.sqrt(self.weights[:, None] * self.stretches)[:, None, :]
        flat = sides.transpose(1, 0, 2).reshape(len(mean), -1)
        return mean, away.T @ away + flat @ flat.T + (self.weights @ self.noises) * np.eye(len(mean))

    def _on_device(self) -> tuple[Array, ...]:
        """Returns means, weights, directions, variances `[K, r + 1]` and how often each is there."""
        dim, rank = self.directions.shape[1:]
        variances = np.append(self.stretches, np.zeros((len(self.noises), 1)), axis=1) + self.noises[:, None]
        counts = np.append(np.ones(rank), dim - rank)
        parts = (self.means, self.weights, self.directions, variances, counts)
        return tuple(jnp.asarray(part, float) for part in parts)

    def _pairs(self) -> tuple[np.ndarray, ...]:
        """Returns weights `[P]`, squares and variances `[P, 2 r + 1]`, and counts `[2 r + 1]`.

        The covariances of two components add up to noise and at most 2 r directions (D at least
        that many); equal pairs are counted twice.
        """
        dim, rank = self.directions.shape[1:]
        sides = self.directions * np.sqrt(self.stretches)[:, None, :]
        weights, squares, variances = [], [], []
        for i in range(len(self.weights)):
            for j in range(i + 1):
                both = np.concatenate([sides[i], sides[j]], axis=1)
                away, noise = self.means[i] - self.means[j], self.noises[i] + self.noises[j]
                # The small product has the sizes of the large one.
                sizes, turn = np.linalg.eigh(both.T @ both)
                along = (away @ both) @ turn
                # Directions that both share are there twice: what is left over has no size.
                real = sizes > 1e-12 * max(sizes[-1], 1e-300)
                square = np.where(real, along**2 / np.where(real, sizes, 1.0), 0.0)
                across = max(0.0, float(away @ away - square.sum()))
                weights.append((1.0 if i == j else 2.0) * self.weights[i] * self.weights[j])
                squares.append(np.append(square, across))
                variances.append(np.append(np.where(real, sizes, 0.0), 0.0) + noise)
        counts = np.append(np.ones(2 * rank), dim - 2.0 * rank)
        return np.array(weights), np.array(squares), np.array(variances), counts


def _log_kernel(squares: np.ndarray, variances: np.ndarray, counts: np.ndarray, h2: float) -> np.ndarray:
    """Returns log E k_h of components, squares and variances `[..., r + 1]`."""
    return -0.5 * (counts * np.log1p(variances / h2) + squares / (h2 + variances)).sum(axis=-1)


def _distances(squares: np.ndarray, variances: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns mean distances from mean kernels, `[...]`."""
    r = np.sqrt(np.maximum((squares + counts * variances).sum(axis=-1), 1e-30))
    total = r * (STEPS[0] + 0.5 / STEPS[-1]) / math.expm1(STEP)
    for step in STEPS:
        h = step * r
        total -= h * np.expm1(_log_kernel(squares, variances, counts, (h**2)[..., None]))
    return math.sqrt(2.0 / math.pi) * STEP * total


def _squares(x: Array, means: Array, directions: Array) -> Array:
    """Returns squares along each direction, and of all that is across, `[n, K, r + 1]`."""
    modes, dim, rank = directions.shape
    middle = means.mean(axis=0)
    x, means = x - middle, means - middle
    flat = directions.transpose(1, 0, 2).reshape(dim, -1)
    along = jnp.matmul(x, flat, precision=EXACT).reshape(-1, modes, rank)
    along = (along - jnp.einsum("kd,kdr->kr", means, directions, precision=EXACT)) ** 2
    whole = (x**2).sum(axis=1, keepdims=True) - 2.0 * jnp.matmul(x, means.T, precision=EXACT)
    across = whole + (means**2).sum(axis=1) - along.sum(axis=2)
    return jnp.append(along, jnp.maximum(across, 0.0)[..., None], axis=2)


def _log_kernels(squares: Array, variances: Array, counts: Array, h2: Array) -> Array:
    """Returns log E k_h, `[n, K]`: squares `[n, K, r + 1]`, variances `[K, r + 1]`."""
    shrink = (counts * jnp.log1p(variances / h2)).sum(axis=1)
    return -0.5 * (shrink + jnp.einsum("nkr,kr->nk", squares, 1.0 / (h2 + variances), precision=EXACT))


@jax.jit
def _mean_distance(
    x: Array, means: Array, weights: Array, directions: Array, variances: Array, counts: Array
) -> Array:
    # One row of h for all points of a component, from below what is nearest to beyond what is
    # farthest: then what each adds to log E k is a matrix product, and no logarithm is of a point.
    nearest = jnp.sqrt(jnp.maximum((counts * variances).sum(axis=1), 1e-30))
    h = jnp.asarray(_LONG, x.dtype)[:, None] * nearest  # [H, K]
    wide = h[..., None] ** 2 + variances  # [H, K, r + 1]
    shrink = (counts * jnp.log1p(variances / h[..., None] ** 2)).sum(axis=2)

    def rows(x: Array) -> Array:
        squares = _squares(x, means, directions)
        r2 = squares.sum(axis=2) + nearest**2

        def step(number: Array, total: Array) -> Array:
            logs = jnp.einsum("nkr,kr->nk", squares, 1.0 / wide[number], precision=EXACT) + shrink[number]
            return total - h[number] * jnp.expm1(-0.5 * logs)

        total = jax.lax.fori_loop(0, len(_LONG), step, jnp.zeros_like(r2))
        total = total + (h[0] + 0.5 * r2 / h[-1]) / math.expm1(STEP)
        return math.sqrt(2.0 / math.pi) * STEP * (total @ weights)

    return by_rows(rows, x, terms=4 * variances.size + x.shape[1])


@jax.jit
def _mean_kernels(
    x: Array, means: Array, weights: Array, directions: Array, variances: Array, counts: Array, h: Array
) -> Array:
    def rows(x: Array) -> Array:
        squares = _squares(x, means, directions)

        def one(h: Array) -> Array:
            return jnp.exp(_log_kernels(squares, variances, counts, h**2)) @ weights

        return jax.lax.map(one, h).T

    return by_rows(rows, x, terms=4 * variances.size + x.shape[1])
