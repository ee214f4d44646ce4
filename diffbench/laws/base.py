"""What a law is, and what its known blur gives: the exact diffused truth.

A *law* is a distribution in data coordinates whose convolution with N(0, s^2 I) is known, as a
log density and a score. That is all an exact diffused truth needs, since

  alpha x_0 + sigma eps = alpha (x_0 + (sigma/alpha) eps),

so the diffused density at x is the blurred one at x/alpha with s = sigma/alpha. A
Gaussian thickness of the data adds to s^2 and standardisation scales it: both are
handled once, in `DiffusedTruth`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Protocol, TypeVar, dataclass_transform

import chex
import jax
import jax.numpy as jnp

from diffbench.contracts import Array, Number, PRNGKey
from diffbench.laws.low_rank_potential import LowRank
from diffbench.laws.potentials import General, Spherical

LOG_2PI = math.log(2.0 * math.pi)

T = TypeVar("T")


class Law(Protocol):
    """A distribution in data coordinates with a known Gaussian blur; a pytree."""

    def sample(self, key: PRNGKey, n: int) -> Array:
        """Draws points, `[n, D]`."""

    def log_prob(self, y: Array, s: Array) -> Array:
        """Returns the log density blurred by N(0, s^2 I) at y `[n, D]`, `[n]`, in nats."""

    def score(self, y: Array, s: Array) -> Array:
        """Returns the gradient of that log density, `[n, D]`."""

    def components(self, spacing: float) -> Spherical | General | LowRank | None:
        """Returns the law as a mixture of Gaussians, in float64, or None where it is none.

        A surface is one on quadrature nodes, `spacing` apart at most. A law may lack the method.
        """


class Manifold(Law, Protocol):
    """A law on a manifold, which knows how far a point is from it and where on it the nearest one is."""

    def components(self, spacing: float) -> Spherical | None:
        """See `Law.components`."""

    def distance(self, y: Array) -> Array:
        """Returns the distance to the manifold, `[n]`."""

    def intrinsic(self, y: Array) -> Array:
        """Returns coordinates of the nearest point of the manifold, `[n, k]`, each in [0, 1]."""


@dataclass_transform(frozen_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Makes a class a frozen dataclass whose fields are all arrays of a pytree."""
    frozen: Any = dataclasses.dataclass(frozen=True)(cls)
    # No field is static: laws of one kind share a program, whatever their parameters.
    fields = [field.name for field in dataclasses.fields(frozen)]
    return jax.tree_util.register_dataclass(frozen, data_fields=fields, meta_fields=[])


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

    law: Law
    mean: Array
    scale: Array
    thickness: Array

    def _blur(self, x: Array, alpha: Number, sigma: Number) -> tuple[Array, Array]:
        chex.assert_rank(x, 2)
        # Thickness belongs to x_0, and so shrinks with alpha: it adds to sigma/alpha and not to sigma.
        s = jnp.sqrt(self.thickness**2 + (sigma / alpha) ** 2)
        return self.scale * x / alpha + self.mean, self.scale * s

    def log_prob(self, x: Array, alpha: Number, sigma: Number) -> Array:
        """See `Truth.log_prob`."""
        y, s = self._blur(x, alpha, sigma)
        # dy/dx = scale/alpha in each dimension.
        return self.law.log_prob(y, s) + x.shape[1] * jnp.log(self.scale / alpha)

    def score(self, x: Array, alpha: Number, sigma: Number) -> Array:
        """See `Truth.score`."""
        y, s = self._blur(x, alpha, sigma)
        return self.law.score(y, s) * self.scale / alpha
