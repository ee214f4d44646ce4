"""Laws on curves: see `diffbench.datasets.surfaces` for what such a law has.

A curve is a sum of Gaussians on the Gauss-Legendre nodes of its arc length: for a node spacing
h <= s the sum agrees with the curve to about 2 exp(-2 pi^2 s^2/h^2) < 1e-8, ends included, where
equal weights would err by (h/s)^2/24.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from diffbench.contracts import Array, PRNGKey
from diffbench.laws.base import pytree
from diffbench.laws.mixtures import IsotropicMixture
from diffbench.pairwise import by_rows


@pytree
class Curve:
    """The arc-length measure of one or more curves of equal length.

    Attributes:
      nodes: Points with the quadrature weights of the arc length.
      starts: First ends of chords of equal length, fine enough to stand for the curve, `[M, D]`.
      ends: Their other ends, `[M, D]`.
    """

    nodes: IsotropicMixture
    starts: Array
    ends: Array

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        key_chord, key_place = jax.random.split(key)
        chord = jax.random.randint(key_chord, (n,), 0, self.starts.shape[0])
        place = jax.random.uniform(key_place, (n, 1))
        return self.starts[chord] + place * (self.ends - self.starts)[chord]

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""
        return self.nodes.log_prob(y, s)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""
        return self.nodes.score(y, s)

    def distance(self, y: Array) -> Array:
        """Returns the distance to the nearest point of a chord, `[n]`."""

        def rows(y: Array) -> Array:
            return jnp.sqrt(self._chords(y)[0].min(axis=1))

        return by_rows(rows, y, terms=4 * self.starts.shape[0])

    def intrinsic(self, y: Array) -> Array:
        """Returns the share of the length of all curves at the nearest point, `[n, 1]`."""

        def rows(y: Array) -> Array:
            square, along = self._chords(y)
            place = (jnp.arange(chords) + along) / chords
            # On a CPU an argmin takes five times as long. A NaN is nearest to none: infinity.
            is_nearest = square == square.min(axis=1, keepdims=True)
            return jnp.where(is_nearest, place, jnp.inf).min(axis=1, keepdims=True)

        chords = self.starts.shape[0]
        return by_rows(rows, y, terms=4 * chords)

    def _chords(self, y: Array) -> tuple[Array, Array]:
        """Returns squared distances to the chords and the nearest place along each, `[n, M]`."""
        step = self.ends - self.starts
        step_square = (step**2).sum(axis=1)
        dims = range(self.starts.shape[1])
        # Axis by axis, so that nothing of size rows x chords x D is held.
        away = [y[:, d, None] - self.starts[:, d] for d in dims]
        along = sum(away[d] * step[:, d] for d in dims) / step_square
        along = jnp.clip(along, 0.0, 1.0)
        square: Any = sum((away[d] - along * step[:, d]) ** 2 for d in dims)
        return square, along


@pytree
class Spines(Curve):
    """A mixture of Gaussians along curves: the nodes are the law, the curves its spines.

    Its width is part of the law, so the place along a spine is not uniform.
    """

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        return self.nodes.sample(key, n)
