"""Mixtures of Gaussians, and a law in a subspace.

A mixture of Gaussians, blurred, is the mixture with s^2 added to every variance.
"""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, PRNGKey
from diffbench.laws.base import LOG_2PI, Manifold, pytree
from diffbench.laws.potentials import General, Spherical
from diffbench.pairwise import by_rows, squared_distances

# Some accelerators round the factors of a default matrix product to ten bits: too few where
# a score is a small difference over s^2.
EXACT = jax.lax.Precision.HIGHEST


def choose_components(key: PRNGKey, log_weights: Array, n: int) -> Array:
    """Draws components by their weights, `[n]`."""
    # By inversion: a Gumbel draw would hold n x K numbers.
    ends = jnp.cumsum(jnp.exp(log_weights))
    place = jax.random.uniform(key, (n,), maxval=ends[-1])
    return jnp.minimum(jnp.searchsorted(ends, place, side="right"), len(log_weights) - 1)


@pytree
class IsotropicMixture:
    """A mixture of spherical Gaussians; with variance 0, a set of weighted points.

    Attributes:
      means: `[K, D]`.
      log_weights: Normalised, `[K]`.
      variances: `[K]`.
    """

    means: Array
    log_weights: Array
    variances: Array

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        key_mode, key_eps = jax.random.split(key)
        mode = choose_components(key_mode, self.log_weights, n)
        eps = jax.random.normal(key_eps, (n, self.means.shape[1]))
        return self.means[mode] + jnp.sqrt(self.variances)[mode, None] * eps

    def _joint(self, y: Array, s: Array) -> tuple[Array, Array]:
        """Returns log(weight x density) of each component at y, and the variances."""
        variance = self.variances + s**2
        dim = self.means.shape[1]
        # In logarithms throughout: at small s a density is exp(-1e4) everywhere but near one mode.
        log_norm = self.log_weights - 0.5 * dim * (LOG_2PI + jnp.log(variance))
        return log_norm - 0.5 * squared_distances(y, self.means) / variance, variance

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""

        def rows(y: Array) -> Array:
            return jax.nn.logsumexp(self._joint(y, s)[0], axis=1)

        return by_rows(rows, y, terms=self._terms)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""

        def rows(y: Array) -> Array:
            joint, variance = self._joint(y, s)
            pull = jax.nn.softmax(joint, axis=1) / variance
            # sum_k r_k (mu_k - y)/v_k, with the part in y taken out: [n, K] numbers and not [n, K, D].
            return jnp.matmul(pull, self.means, precision=EXACT) - pull.sum(axis=1, keepdims=True) * y

        return by_rows(rows, y, terms=self._terms)

    def components(self, spacing: float) -> Spherical:
        """See `Law.components`."""
        weights = np.exp(np.asarray(self.log_weights, np.float64))
        means, variances = np.asarray(self.means, np.float64), np.asarray(self.variances, np.float64)
        return Spherical(means, weights / weights.sum(), variances)

    @property
    def _terms(self) -> int:
        modes, dim = self.means.shape
        return modes if dim <= 16 else modes * dim

    def mahalanobis(self, y: Array) -> Array:
        """Returns the squared Mahalanobis distance to each component, `[n, K]`."""
        return squared_distances(y, self.means) / self.variances

    def responsibilities(self, y: Array) -> Array:
        """Returns the probability of each component given y, `[n, K]`."""
        return jax.nn.softmax(self._joint(y, jnp.zeros(()))[0], axis=1)


@pytree
class GaussianMixture:
    """A mixture of Gaussians with any covariances, kept as principal axes.

    Attributes:
      means: `[K, D]`.
      log_weights: Normalised, `[K]`.
      axes: Orthonormal principal axes as columns, `[K, D, D]`.
      variances: Variance along each axis, `[K, D]`.
    """

    means: Array
    log_weights: Array
    axes: Array
    variances: Array

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        key_mode, key_eps = jax.random.split(key)
        mode = choose_components(key_mode, self.log_weights, n)
        eps = jax.random.normal(key_eps, (n, self.means.shape[1]))
        stretched = jnp.sqrt(self.variances)[mode] * eps
        return self.means[mode] + jnp.einsum("nij,nj->ni", self.axes[mode], stretched, precision=EXACT)

    def _joint(self, y: Array, s: Array) -> tuple[Array, Array]:
        """Returns log(weight x density) `[n, K]`, and precision x (mean - y) `[n, K, D]`."""
        variance = self.variances + s**2
        # Along the principal axes blur adds to each variance, so nothing is factorised anew at each s.
        along = jnp.einsum("nki,kij->nkj", y[:, None, :] - self.means, self.axes, precision=EXACT)
        log_norm = self.log_weights - 0.5 * (LOG_2PI + jnp.log(variance)).sum(axis=1)
        joint = log_norm - 0.5 * (along**2 / variance).sum(axis=2)
        return joint, -jnp.einsum("nkj,kij->nki", along / variance, self.axes, precision=EXACT)

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""

        def rows(y: Array) -> Array:
            return jax.nn.logsumexp(self._joint(y, s)[0], axis=1)

        return by_rows(rows, y, terms=self.means.size)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""

        def rows(y: Array) -> Array:
            joint, pull = self._joint(y, s)
            return jnp.einsum("nk,nki->ni", jax.nn.softmax(joint, axis=1), pull, precision=EXACT)

        return by_rows(rows, y, terms=self.means.size)

    def components(self, spacing: float) -> General:
        """See `Law.components`."""
        weights = np.exp(np.asarray(self.log_weights, np.float64))
        parts = (np.asarray(part, np.float64) for part in (self.axes, self.variances))
        return General(np.asarray(self.means, np.float64), weights / weights.sum(), *parts)

    def mahalanobis(self, y: Array) -> Array:
        """Returns the squared Mahalanobis distance to each component, `[n, K]`."""
        along = jnp.einsum("nki,kij->nkj", y[:, None, :] - self.means, self.axes, precision=EXACT)
        return (along**2 / self.variances).sum(axis=2)

    def responsibilities(self, y: Array) -> Array:
        """Returns the probability of each component given y, `[n, K]`."""
        return jax.nn.softmax(self._joint(y, jnp.zeros(()))[0], axis=1)


@pytree
class Embedded:
    """A law in a linear subspace of R^D; blurred, it is that law times a normal across.

    Attributes:
      law: A law in d dimensions.
      frame: Orthonormal columns that span the subspace, `[D, d]`.
    """

    law: Manifold
    frame: Array

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        return jnp.matmul(self.law.sample(key, n), self.frame.T, precision=EXACT)

    def _split(self, y: Array) -> tuple[Array, Array]:
        """Returns coordinates in the subspace, `[n, d]`, and what is across it, `[n, D]`."""
        chex.assert_equal(y.shape[1], self.frame.shape[0])
        # What is across is a difference: a projection on the complement would take D x (D - d) numbers.
        within = jnp.matmul(y, self.frame, precision=EXACT)
        return within, y - jnp.matmul(within, self.frame.T, precision=EXACT)

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""
        within, across = self._split(y)
        rest = self.frame.shape[0] - self.frame.shape[1]
        normal = -0.5 * rest * (LOG_2PI + 2.0 * jnp.log(s)) - 0.5 * ((across / s) ** 2).sum(axis=1)
        return self.law.log_prob(within, s) + normal

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""
        within, across = self._split(y)
        return jnp.matmul(self.law.score(within, s), self.frame.T, precision=EXACT) - across / s**2

    def components(self, spacing: float) -> Spherical | None:
        """See `Law.components`; None where the law has a width of its own in its subspace."""
        inner = self.law.components(spacing)
        if inner is None or np.any(inner.variances > 0.0):
            return None
        return Spherical(inner.means @ np.asarray(self.frame, np.float64).T, inner.weights, inner.variances)

    def distance(self, y: Array) -> Array:
        """Returns the distance to the manifold in R^D, `[n]`."""
        within, across = self._split(y)
        return jnp.hypot(self.law.distance(within), jnp.linalg.norm(across, axis=1))

    def intrinsic(self, y: Array) -> Array:
        """Returns the coordinates of the law at the nearest point of the subspace, `[n, k]`."""
        return self.law.intrinsic(self._split(y)[0])


def isometry(embed: int, dim: int) -> np.ndarray:
    """Returns orthonormal columns, `[embed, dim]`, the same for ever."""
    # RandomState's stream is frozen by NumPy's compatibility policy.
    q, r = np.linalg.qr(np.random.RandomState(0).standard_normal((embed, dim)))
    # LAPACK is free to choose the signs.
    return q * np.sign(np.diag(r))
