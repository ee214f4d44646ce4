"""What the datasets share: laws with known Gaussian blur, and the Dataset made of one.

A *law* is a distribution in data coordinates whose convolution with N(0, s^2 I) is
known, as a log density and a score. That is all an exact diffused truth needs, since

  alpha x_0 + sigma eps = alpha (x_0 + (sigma/alpha) eps),

so the diffused density at x is the blurred one at x/alpha with s = sigma/alpha. A
Gaussian thickness of the data adds to s^2 and standardisation scales it: both are
handled once, in `DiffusedTruth`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, Protocol

import chex
import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, Dataset, PRNGKey
from diffbench.pairwise import by_rows, squared_distances

LOG_2PI = math.log(2.0 * math.pi)


class Law(Protocol):
    """A distribution in data coordinates with a known Gaussian blur; a pytree."""

    def sample(self, key: PRNGKey, n: int) -> Array:
        """Draws points, `[n, D]`."""

    def log_prob(self, y: Array, s: Array) -> Array:
        """Returns the log density blurred by N(0, s^2 I) at y `[n, D]`, `[n]`, in nats."""

    def score(self, y: Array, s: Array) -> Array:
        """Returns the gradient of that log density, `[n, D]`."""


def pytree(cls: Any) -> Any:
    """Makes a class a frozen dataclass whose fields are all arrays of a pytree."""
    cls = dataclasses.dataclass(frozen=True)(cls)
    fields = [field.name for field in dataclasses.fields(cls)]
    return jax.tree_util.register_dataclass(cls, data_fields=fields, meta_fields=[])


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
        mode = jax.random.categorical(key_mode, self.log_weights, shape=(n,))
        eps = jax.random.normal(key_eps, (n, self.means.shape[1]))
        return self.means[mode] + jnp.sqrt(self.variances)[mode, None] * eps

    def _joint(self, y: Array, s: Array) -> tuple[Array, Array]:
        """Returns log(weight x density) of each component at y, and the variances."""
        variance = self.variances + s**2
        dim = self.means.shape[1]
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
            return pull @ self.means - pull.sum(axis=1, keepdims=True) * y

        return by_rows(rows, y, terms=self._terms)

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
        mode = jax.random.categorical(key_mode, self.log_weights, shape=(n,))
        eps = jax.random.normal(key_eps, (n, self.means.shape[1]))
        stretched = jnp.sqrt(self.variances)[mode] * eps
        return self.means[mode] + jnp.einsum("nij,nj->ni", self.axes[mode], stretched)

    def _joint(self, y: Array, s: Array) -> tuple[Array, Array]:
        """Returns log(weight x density) `[n, K]`, and precision x (mean - y) `[n, K, D]`."""
        variance = self.variances + s**2
        along = jnp.einsum("nki,kij->nkj", y[:, None, :] - self.means, self.axes)
        log_norm = self.log_weights - 0.5 * (LOG_2PI + jnp.log(variance)).sum(axis=1)
        joint = log_norm - 0.5 * (along**2 / variance).sum(axis=2)
        return joint, -jnp.einsum("nkj,kij->nki", along / variance, self.axes)

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""

        def rows(y: Array) -> Array:
            return jax.nn.logsumexp(self._joint(y, s)[0], axis=1)

        return by_rows(rows, y, terms=self.means.size)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""

        def rows(y: Array) -> Array:
            joint, pull = self._joint(y, s)
            return jnp.einsum("nk,nki->ni", jax.nn.softmax(joint, axis=1), pull)

        return by_rows(rows, y, terms=self.means.size)

    def mahalanobis(self, y: Array) -> Array:
        """Returns the squared Mahalanobis distance to each component, `[n, K]`."""
        along = jnp.einsum("nki,kij->nkj", y[:, None, :] - self.means, self.axes)
        return (along**2 / self.variances).sum(axis=2)

    def responsibilities(self, y: Array) -> Array:
        """Returns the probability of each component given y, `[n, K]`."""
        return jax.nn.softmax(self._joint(y, jnp.zeros(()))[0], axis=1)


@pytree
class DiffusedTruth:
    """The exact diffused density and score of a law, in standardised coordinates.

    Attributes:
      law: A law in data coordinates.
      mean: `[D]`, data coordinates.
      scale: `[]`, data coordinates.
      thickness: Standard deviation of Gaussian noise that belongs to the data, `[]`,
        standardised.
    """

    law: Any
    mean: Array
    scale: Array
    thickness: Array

    def _blur(self, x: Array, alpha: Array, sigma: Array) -> tuple[Array, Array]:
        chex.assert_rank(x, 2)
        s = jnp.sqrt(self.thickness**2 + (sigma / alpha) ** 2)
        return self.scale * x / alpha + self.mean, self.scale * s

    def log_prob(self, x: Array, alpha: Array, sigma: Array) -> Array:
        """See `Truth.log_prob`."""
        y, s = self._blur(x, alpha, sigma)
        return self.law.log_prob(y, s) + x.shape[1] * jnp.log(self.scale / alpha)

    def score(self, x: Array, alpha: Array, sigma: Array) -> Array:
        """See `Truth.score`."""
        y, s = self._blur(x, alpha, sigma)
        return self.law.score(y, s) * self.scale / alpha


@pytree
class MixtureModes:
    """The modes of a mixture law, in standardised coordinates; see `contracts.Modes`."""

    law: Any
    mean: Array
    scale: Array

    @property
    def weights(self) -> Array:
        """Share of each mode, `[K]`."""
        return jnp.exp(self.law.log_weights)

    def responsibilities(self, x: Array) -> Array:
        """See `Modes.responsibilities`."""
        return self.law.responsibilities(self.scale * x + self.mean)

    def mahalanobis(self, x: Array) -> Array:
        """See `Modes.mahalanobis`."""
        return self.law.mahalanobis(self.scale * x + self.mean)


# The law is an argument of one compiled program per kind and shape.
@functools.partial(jax.jit, static_argnames="n")
def draw_from(law: Any, thickness: Array, key: PRNGKey, n: int) -> Array:
    """Draws points of a law with Gaussian noise of a given thickness, `[n, D]`."""
    key_law, key_eps = jax.random.split(key)
    points = law.sample(key_law, n)
    return points + thickness * jax.random.normal(key_eps, points.shape)


def mixture_dataset(name: str, law: Any, *, version: int = 1, entropy: float | None = None) -> Dataset:
    """Returns the dataset of a mixture law.

    Args:
      name: Registered name.
      law: An `IsotropicMixture` or a `GaussianMixture`.
      version: Version of the dataset.
      entropy: Entropy in nats, data coordinates, where a closed form is known.
    """
    weights = np.exp(np.asarray(law.log_weights, np.float64))
    means = np.asarray(law.means, np.float64)
    dim = means.shape[1]
    # `[K, D]` for both kinds: a spherical component has one variance for all axes.
    variances = np.asarray(law.variances, np.float64).reshape(len(weights), -1) * np.ones((1, dim))
    mean = weights @ means
    scale = math.sqrt((weights @ (((means - mean) ** 2).sum(1) + variances.sum(1))) / dim)
    spread = np.sqrt(((means[:, None] - means) ** 2).sum(-1).max()) + 4.0 * math.sqrt(variances.max())
    at = {"mean": jnp.asarray(mean, float), "scale": jnp.asarray(scale)}
    return Dataset(
        name=name,
        dim=dim,
        mean=mean.astype(np.float32),
        scale=scale,
        sample=functools.partial(draw_from, law, jnp.zeros(())),
        truth=DiffusedTruth(law=law, thickness=jnp.zeros(()), **at),
        resolution=math.sqrt(variances.min()) / scale,
        diameter=spread / scale,
        modes=MixtureModes(law=law, **at),
        exact_entropy=None if entropy is None else entropy - dim * math.log(scale),
        version=version,
    )
