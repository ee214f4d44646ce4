"""Mixtures of low-rank Gaussians: a law for images that has an exact diffused score.

A component is N(mu, nu I + U diag(l) U^T): r directions U in which it varies, and one noise for all
others (probabilistic PCA). Blur adds s^2 to every variance, so with v = nu + s^2, d = y - mu and
g = l/(l + v),

  score = -(d - U (g U^T d))/v,   log det = sum log(l + v) + (D - r) log v,
  d^T C^-1 d = (|d|^2 - (U^T d)^T g (U^T d))/v.

All of it is matrix products of the points with the K r directions: no covariance is ever formed.

References:
  Tipping & Bishop (1999), Mixtures of probabilistic principal component analysers.
"""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, PRNGKey
from diffbench.laws.base import LOG_2PI, pytree
from diffbench.laws.low_rank_potential import LowRank
from diffbench.laws.mixtures import EXACT, choose_components
from diffbench.pairwise import by_rows


@pytree
class LowRankMixture:
    """A mixture of K Gaussians of rank r and noise in D dimensions.

    Attributes:
      means: `[K, D]`.
      log_weights: Normalised, `[K]`.
      directions: Orthonormal columns, `[K, D, r]`.
      stretches: Variance along each direction beyond the noise, `[K, r]`.
      noises: Variance of the noise, `[K]`.
    """

    means: Array
    log_weights: Array
    directions: Array
    stretches: Array
    noises: Array

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        key_mode, key_along, key_noise = jax.random.split(key, 3)
        modes, dim, rank = self.directions.shape
        mode = choose_components(key_mode, self.log_weights, n)
        # Noise is in all D directions: along those of a component the variance is stretch + noise.
        noise = jax.random.normal(key_noise, (n, dim), self.means.dtype)
        along = jnp.sqrt(self.stretches)[mode] * jax.random.normal(key_along, (n, rank), self.means.dtype)
        # Into the columns of its own component: one product, where gathering directions takes n D r.
        spread = (along[:, None, :] * jax.nn.one_hot(mode, modes, dtype=along.dtype)[..., None]).reshape(
            n, -1
        )
        moved = jnp.matmul(spread, self._flat.T, precision=EXACT)
        return self.means[mode] + moved + jnp.sqrt(self.noises)[mode, None] * noise

    @property
    def _flat(self) -> Array:
        """Directions of all components side by side, `[D, K r]`."""
        return self.directions.transpose(1, 0, 2).reshape(self.means.shape[1], -1)

    def _along(self, y: Array) -> Array:
        """Returns the coordinates of y - mean along the directions of each component, `[n, K, r]`."""
        modes, _, rank = self.directions.shape
        # Points and means apart: y - mean of every component would be n K D numbers.
        means = jnp.einsum("kd,kdr->kr", self.means, self.directions, precision=EXACT)
        return jnp.matmul(y, self._flat, precision=EXACT).reshape(-1, modes, rank) - means

    def _squares(self, y: Array) -> Array:
        """Returns |y - mean|^2, `[n, K]`, by products: images are too many numbers for differences."""
        # About the middle of the means, where the squares that cancel are least.
        middle = self.means.mean(axis=0)
        y, means = y - middle, self.means - middle
        cross = jnp.matmul(y, means.T, precision=EXACT)
        return (y**2).sum(axis=1, keepdims=True) - 2.0 * cross + (means**2).sum(axis=1)

    def _parts(self, y: Array, s: Array) -> tuple[Array, Array, Array]:
        """Returns squared Mahalanobis distances `[n, K]`, what is along `[n, K, r]`, and v `[K]`."""
        chex.assert_rank(y, 2)
        v = self.noises + s**2
        # Woodbury's identity for orthonormal directions: l + v along them, v across, nothing to invert.
        gain = self.stretches / (self.stretches + v[:, None])
        along = self._along(y)
        return (self._squares(y) - (gain * along**2).sum(axis=2)) / v, gain * along, v

    def _joint(self, square: Array, v: Array) -> Array:
        """Returns log(weight x density) of each component, `[n, K]`."""
        _, dim, rank = self.directions.shape
        # The D - r variances across are alike: one logarithm for them.
        log_det = jnp.log(self.stretches + v[:, None]).sum(axis=1) + (dim - rank) * jnp.log(v)
        return self.log_weights - 0.5 * (dim * LOG_2PI + log_det) - 0.5 * square

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""

        def rows(y: Array) -> Array:
            square, _, v = self._parts(y, s)
            return jax.nn.logsumexp(self._joint(square, v), axis=1)

        return by_rows(rows, y, terms=self._terms)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""

        def rows(y: Array) -> Array:
            square, pulled, v = self._parts(y, s)
            # Divided by v first: the sum over components is two products, and no score of one is formed.
            share = jax.nn.softmax(self._joint(square, v), axis=1) / v
            back = (share[..., None] * pulled).reshape(y.shape[0], -1)
            to_means = jnp.matmul(share, self.means, precision=EXACT) - share.sum(axis=1, keepdims=True) * y
            return to_means + jnp.matmul(back, self._flat.T, precision=EXACT)

        return by_rows(rows, y, terms=self._terms)

    @property
    def _terms(self) -> int:
        # Numbers held for a row: the point, its score, and coordinates, gains and squares of each component.
        modes, dim, rank = self.directions.shape
        return 2 * dim + 3 * modes * (rank + 1)

    def mahalanobis(self, y: Array) -> Array:
        """Returns the squared Mahalanobis distance to each component, `[n, K]`."""
        square, _, _ = self._parts(y, jnp.zeros(()))
        # Rounding of the products may leave less than nothing.
        return jnp.maximum(square, 0.0)

    def responsibilities(self, y: Array) -> Array:
        """Returns the probability of each component given y, `[n, K]`."""
        square, _, v = self._parts(y, jnp.zeros(()))
        return jax.nn.softmax(self._joint(square, v), axis=1)

    def components(self, spacing: float) -> LowRank:
        """See `Law.components`."""
        weights = np.exp(np.asarray(self.log_weights, np.float64))
        parts = (self.directions, self.stretches, self.noises)
        directions, stretches, noises = (np.asarray(part, np.float64) for part in parts)
        return LowRank(
            np.asarray(self.means, np.float64), weights / weights.sum(), directions, stretches, noises
        )
