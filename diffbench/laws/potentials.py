"""Averages over a known law: E|x - Y| and E k(x, Y), so that a reference is not needed.

Two kinds of mixtures of Gaussians have them: spherical ones (which curves and surfaces are on
their quadrature nodes) and general ones, kept as principal axes. All in standardised coordinates.

For the Gaussian kernel k_h(x, y) = exp(-|x - y|^2/(2 h^2)) and a component of mean m and variances
v_d along its axes,

  E k_h(x, Y) = prod_d sqrt(h^2/(h^2 + v_d)) exp(-a_d^2/(2 (h^2 + v_d))),   a = x - m along the axes,

and between two components the same with their covariances added. The mean distance is `mean_norm`
where the variances are equal; elsewhere

  E|x - Y| = sqrt(2/pi) int_0^inf (1 - E k_h(x, Y)) dh,

for |r| = sqrt(2/pi) int (1 - exp(-r^2/(2 h^2))) dh. The integrand is analytic in log h and decays as
h and as 1/h at its ends, so a sum over equal steps of log h converges geometrically; what lies
beyond the ends is added in closed form.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, Points
from diffbench.laws.mean_norm import mean_norm, shortfall
from diffbench.pairwise import by_rows, squared_distances

# Of log(h/r), r the root mean square distance: the sum is then right to 1e-8.
STEP, _LEAST, _MOST = 0.3, math.log(1e-4), math.log(400.0)
STEPS = np.exp(np.arange(_LEAST, _MOST, STEP))
# Pairs of components that are held at once, and components whose pairs are too many for float64.
_PAIRS = 2**20
_MANY = 1024


@dataclasses.dataclass(frozen=True)
class Spherical:
    """A mixture of spherical Gaussians; see `contracts.Potential`.

    Attributes:
      means: `[K, D]`, float64.
      weights: Normalised, `[K]`, float64.
      variances: `[K]`, float64.
    """

    means: np.ndarray
    weights: np.ndarray
    variances: np.ndarray

    def mean_distance(self, x: Points) -> Array:
        """See `Potential.mean_distance`."""
        short = jnp.asarray(shortfall(self.means.shape[1]), float)
        return _spherical_distance(jnp.asarray(x, float), *self._on_device(), short)

    def mean_kernels(self, x: Points, bandwidths: np.ndarray) -> Array:
        """See `Potential.mean_kernels`."""
        h = jnp.asarray(bandwidths, float)
        return _spherical_kernels(jnp.asarray(x, float), *self._on_device(), h)

    def mean_excess(self, x: np.ndarray) -> np.ndarray:
        """See `Potential.mean_excess`."""
        around = (self.means.shape[1] - 1) * self.variances
        return mean_excess(x, self.means, self.weights, lambda unit: around)

    def self_distance(self) -> float:
        """See `Potential.self_distance`."""
        if self._is_large:
            # Y - Y' has twice the variance, so at the means themselves the mixture is blurred once more.
            wide = self.moved(1.0, np.zeros(1), math.sqrt(self.variances[0]))
            return float(np.asarray(wide.mean_distance(self.means), np.float64) @ self.weights)
        dim = self.means.shape[1]
        short = shortfall(dim)
        return sum(
            float(w @ mean_norm(square, variance, short, dim) @ self.weights)
            for w, square, variance in self._pairs()
        )

    def self_kernels(self, bandwidths: np.ndarray) -> np.ndarray:
        """See `Potential.self_kernels`."""
        if self._is_large:
            wide = self.moved(1.0, np.zeros(1), math.sqrt(self.variances[0]))
            return self.weights @ np.asarray(wide.mean_kernels(self.means, bandwidths), np.float64)
        h2, dim = np.asarray(bandwidths, np.float64) ** 2, self.means.shape[1]
        total = np.zeros(len(h2))
        for w, square, variance in self._pairs():
            for j in range(len(h2)):
                wide = h2[j] + variance
                # A Gaussian kernel is a density but for its front: blurred by N(0, v) it widens by v.
                total[j] += w @ ((h2[j] / wide) ** (0.5 * dim) * np.exp(-0.5 * square / wide)) @ self.weights
        return total

    def projected(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `Potential.projected`."""
        sd = np.sqrt(self.variances)[:, None]
        return self.weights, self.means @ directions, np.broadcast_to(sd, (len(sd), directions.shape[1]))

    def moved(self, scale: float, shift: np.ndarray, blur: float = 0.0) -> Spherical:
        """Returns the mixture of scale (Y + N(0, blur^2 I)) + shift."""
        return Spherical(scale * self.means + shift, self.weights, scale**2 * (self.variances + blur**2))

    def _on_device(self) -> tuple[Array, Array, Array]:
        return (
            jnp.asarray(self.means, float),
            jnp.asarray(self.weights, float),
            jnp.asarray(self.variances, float),
        )

    @property
    def _is_large(self) -> bool:
        """Whether pairs of components are left to the device: the nodes of a surface, all alike."""
        return len(self.weights) > _MANY and bool(np.ptp(self.variances) == 0.0)

    def _pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yields weights, squared distances and variances of blocks of pairs of components."""
        rows = max(1, _PAIRS // len(self.weights))
        for start in range(0, len(self.weights), rows):
            here = slice(start, start + rows)
            square = np.zeros((len(self.weights[here]), len(self.weights)))
            for axis in self.means.T:
                square += (axis[here, None] - axis) ** 2
            yield self.weights[here], square, self.variances[here, None] + self.variances


def mean_excess(
    x: np.ndarray, means: np.ndarray, weights: np.ndarray, across: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Returns E|x - Y| - |x| of points far from a mixture, `[n]`, float64.

    Right to the third power of its size over the distance, and to rounding in what |x| would take.

    Args:
      x: Points, `[n, D]`, float64.
      means: `[K, D]`.
      weights: `[K]`.
      across: Directions `[n, D]` -> the variance across each of every component, `[n, K]`.
    """
    # Scaled by the largest coordinate: its square may be beyond float64.
    largest = np.abs(x).max(axis=1)
    length = largest * np.sqrt(((x / largest[:, None]) ** 2).sum(axis=1))
    unit = x / length[:, None]
    total = np.zeros(len(x))
    # Component by component: surfaces have many and far points are few.
    spread = np.broadcast_to(across(unit), (len(x), len(weights)))
    for k, (mean, weight) in enumerate(zip(means, weights, strict=True)):
        small = mean / length[:, None]
        away = np.sqrt(((unit - small) ** 2).sum(axis=1))
        # |x - m| - |x| as a quotient, for as a difference of lengths near 1e150 nothing would be left.
        nearer = ((small * mean).sum(axis=1) - 2.0 * unit @ mean) / (away + 1.0)
        total += weight * (nearer + 0.5 * spread[:, k] / (length * away))
    return total


@jax.jit
def _spherical_distance(x: Array, means: Array, weights: Array, variances: Array, short: Array) -> Array:
    def rows(x: Array) -> Array:
        return mean_norm(squared_distances(x, means), variances, short, x.shape[1], jnp) @ weights

    return by_rows(rows, x, terms=_terms(means))


@jax.jit
def _spherical_kernels(x: Array, means: Array, weights: Array, variances: Array, h: Array) -> Array:
    def rows(x: Array) -> Array:
        square = squared_distances(x, means)

        def one(h: Array) -> Array:
            wide = h**2 + variances
            return jnp.exp(-0.5 * square / wide) @ (weights * (h**2 / wide) ** (0.5 * x.shape[1]))

        return jnp.stack([one(h[j]) for j in range(h.shape[0])], axis=1)

    return by_rows(rows, x, terms=_terms(means))


def _terms(means: Array) -> int:
    components, dim = means.shape
    return components if dim <= 16 else components * dim


@dataclasses.dataclass(frozen=True)
class General:
    """A mixture of Gaussians with any covariances; see `contracts.Potential`.

    Attributes:
      means: `[K, D]`, float64.
      weights: Normalised, `[K]`, float64.
      axes: Orthonormal principal axes as columns, `[K, D, D]`, float64.
      variances: Along each axis, `[K, D]`, float64.
    """

    means: np.ndarray
    weights: np.ndarray
    axes: np.ndarray
    variances: np.ndarray

    def mean_distance(self, x: Points) -> Array:
        """See `Potential.mean_distance`."""
        return _general_distance(jnp.asarray(x, float), *self._on_device())

    def mean_kernels(self, x: Points, bandwidths: np.ndarray) -> Array:
        """See `Potential.mean_kernels`."""
        return _general_kernels(jnp.asarray(x, float), *self._on_device(), jnp.asarray(bandwidths, float))

    def mean_excess(self, x: np.ndarray) -> np.ndarray:
        """See `Potential.mean_excess`."""
        # Only what is across the ray lengthens it: along it a spread averages out.
        covariances = np.einsum("kij,kj,klj->kil", self.axes, self.variances, self.axes)

        def across(unit: np.ndarray) -> np.ndarray:
            return self.variances.sum(axis=1) - np.einsum("ni,kil,nl->nk", unit, covariances, unit)

        return mean_excess(x, self.means, self.weights, across)

    def self_distance(self) -> float:
        """See `Potential.self_distance`."""
        weights, away, variances = self._pairs()
        return float(weights @ _distance_by_kernels(away**2, variances, np))

    def self_kernels(self, bandwidths: np.ndarray) -> np.ndarray:
        """See `Potential.self_kernels`."""
        weights, away, variances = self._pairs()
        h2 = np.asarray(bandwidths, np.float64)[:, None, None] ** 2
        return np.exp(_log_kernel(away**2, variances, h2, np)) @ weights

    def projected(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `Potential.projected`."""
        along = np.einsum("kij,il->kjl", self.axes, directions)
        sd = np.sqrt(np.einsum("kjl,kj->kl", along**2, self.variances))
        return self.weights, self.means @ directions, sd

    def moved(self, scale: float, shift: np.ndarray, blur: float = 0.0) -> General:
        """Returns the mixture of scale (Y + N(0, blur^2 I)) + shift."""
        variances = scale**2 * (self.variances + blur**2)
        return General(scale * self.means + shift, self.weights, self.axes, variances)

    def _on_device(self) -> tuple[Array, Array, Array, Array]:
        means, weights = jnp.asarray(self.means, float), jnp.asarray(self.weights, float)
        return means, weights, jnp.asarray(self.axes, float), jnp.asarray(self.variances, float)

    def _pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns weights `[K^2]`, differences along their own axes and variances `[K^2, D]`."""
        covariances = np.einsum("kij,kj,klj->kil", self.axes, self.variances, self.axes)
        both = (covariances[:, None] + covariances).reshape(-1, *covariances.shape[1:])
        # A sum of two covariances has axes of its own.
        variances, axes = np.linalg.eigh(both)
        away = (self.means[:, None] - self.means).reshape(-1, self.means.shape[1])
        along = np.einsum("pi,pij->pj", away, axes)
        return np.outer(self.weights, self.weights).ravel(), along, np.maximum(variances, 0.0)


def _log_kernel(squares: Any, variances: Any, h2: Any, xp: Any) -> Any:
    """Returns log E k_h of components: squares and variances along their axes, `[..., D]`."""
    return -0.5 * (xp.log1p(variances / h2) + squares / (h2 + variances)).sum(axis=-1)


def _distance_by_kernels(squares: Any, variances: Any, xp: Any) -> Any:
    """Returns the mean distance from the mean kernels; both arguments are `[..., D]`."""
    # In units of the root mean square distance the same steps serve every pair.
    r = xp.sqrt(xp.maximum((squares + variances).sum(axis=-1), 1e-30))

    def step(number: Any, total: Any) -> Any:
        h = steps[number] * r
        # expm1 keeps the digits of 1 - E k where the kernel is wide.
        return total - h * xp.expm1(_log_kernel(squares, variances, (h**2)[..., None], xp))

    steps, total = xp.asarray(STEPS, r.dtype), xp.zeros_like(r)
    if xp is np:
        for number in range(len(STEPS)):
            total = step(number, total)
    else:  # one body for XLA to compile
        total = jax.lax.fori_loop(0, len(STEPS), step, total)
    # Below the first step nothing is near; beyond the last 1 - E k is r^2/(2 h^2).
    total = total + r * (STEPS[0] + 0.5 / STEPS[-1]) / math.expm1(STEP)
    return math.sqrt(2.0 / math.pi) * STEP * total


@jax.jit
def _general_distance(x: Array, means: Array, weights: Array, axes: Array, variances: Array) -> Array:
    def rows(x: Array) -> Array:
        return _distance_by_kernels(_along(x, means, axes) ** 2, variances, jnp) @ weights

    return by_rows(rows, x, terms=4 * means.size)


@jax.jit
def _general_kernels(
    x: Array, means: Array, weights: Array, axes: Array, variances: Array, h: Array
) -> Array:
    def rows(x: Array) -> Array:
        squares = _along(x, means, axes) ** 2
        kernels = [jnp.exp(_log_kernel(squares, variances, h[j] ** 2, jnp)) for j in range(h.shape[0])]
        return jnp.stack([kernel @ weights for kernel in kernels], axis=1)

    return by_rows(rows, x, terms=4 * means.size)


def _along(x: Array, means: Array, axes: Array) -> Array:
    return jnp.einsum("nki,kij->nkj", x[:, None, :] - means, axes, precision=jax.lax.Precision.HIGHEST)
