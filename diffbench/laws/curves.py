"""Laws on curves: see `diffbench.datasets.surfaces` for what such a law has.

A curve is a sum of Gaussians on the Gauss-Legendre nodes of its arc length, ends included, where
equal weights would err by (h/s)^2/24. From a point at a distance d on the outer side of a bend of
radius b the curve falls away faster, as if the blur s were s/sqrt(1 + d/b); so with a spacing h the
log density is off by about

  2 exp(-2 pi^2 (s/h)^2 / (1 + d/b)),

which h = s keeps below 1e-8 on the curve alone. `least_nodes` asks for as many as keep it below
1e-8 within `NEAR` blurs of the curve, and it is better for every larger blur. Farther out it grows
as the formula says: a point that is many blurs away has a log density of some hundred nats below,
and its digits are those of the formula.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from diffbench.contracts import Array, PRNGKey
from diffbench.laws.base import pytree
from diffbench.laws.mixtures import IsotropicMixture
from diffbench.laws.potentials import Spherical
from diffbench.pairwise import by_rows

# Distances, in blurs, at which the promise of a law's quadrature holds.
NEAR = 8.0
# Nodes of one Gauss-Legendre sum beyond its spacing: the rate of the formula holds for many nodes.
SPARE = 8


def least_nodes(reach: float, blur: float, bend: float, spare: int = 0) -> int:
    """Returns how many nodes keep a quadrature's log density right to 1e-8 within `NEAR` blurs.

    Args:
      reach: Spacing of the nodes times their number.
      blur: Standard deviation of the blur, in the same unit.
      bend: Smallest radius of curvature across the nodes, in the same unit; may be infinite.
      spare: Nodes beyond the spacing: `SPARE` for each smooth piece.
    """
    return math.ceil(reach / blur * math.sqrt(1.0 + NEAR * blur / bend)) + spare


def least_blur(reach: float, nodes: int, bend: float, spare: int = 0) -> float:
    """Returns the smallest blur for which that many nodes do; infinite where they are but spare."""
    if nodes <= spare:
        return math.inf
    # The positive root of (m s)^2 = reach^2 (1 + NEAR s/bend), m the nodes that space the law.
    m, slope = nodes - spare, 0.5 * NEAR * reach / bend
    return reach * (slope + math.sqrt(slope**2 + m**2)) / m**2


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

    def components(self, spacing: float) -> Spherical:
        """See `Law.components`; the nodes are those that the density has."""
        return self.nodes.components(spacing)

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
