"""Laws on manifolds whose Gaussian blur is known: see `Law` in `diffbench.datasets.base`.

Each has, besides the law's methods, `distance(y)`: the distance to the manifold, `[n]`, in
data coordinates; and `intrinsic(y)`: coordinates of the nearest point on it, `[n, k]`, each
in [0, 1] and uniform under the law. An angle is measured by its own distribution function;
where a manifold has pieces, the first coordinate counts through them.

A point u on a sphere of radius r, blurred by N(0, s^2 I) in R^D, has the log density

  -D/2 log(2 pi s^2) - (|y| - r)^2 / (2 s^2) + G(kappa),   kappa = r |y| / s^2,

with G the Bessel function of `diffbench.datasets.special`, and the posterior mean r A(kappa) y/|y|.
A torus is a sum of circles over the angle of its tube. Curves are in `diffbench.datasets.curves`.
"""

from __future__ import annotations

import functools
import math

import chex
import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, PRNGKey
from diffbench.laws.base import LOG_2PI, Manifold, pytree
from diffbench.laws.nodes import around, equal, line
from diffbench.laws.potentials import Spherical
from diffbench.laws.special import interval, log_sphere_mean
from diffbench.pairwise import by_rows


def _unit(y: Array) -> tuple[Array, Array]:
    """Returns the norms of rows, `[n]`, and the rows over their norms, `[n, D]`, 0 at the origin."""
    norm = jnp.linalg.norm(y, axis=1)
    return norm, y / jnp.maximum(norm, 1e-30)[:, None]


def _turn(x: Array, y: Array) -> Array:
    """Returns the angle of points in a plane as a share of the full turn, `[n]`."""
    return 0.5 + jnp.arctan2(y, x) / (2.0 * jnp.pi)


@pytree
class Sphere:
    """The uniform law on a sphere about the origin; a circle for D = 2.

    Attributes:
      radius: `[]`.
      origin: Zeros, `[D]`: its shape tells D.
    """

    radius: Array
    origin: Array

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        return self.radius * _unit(jax.random.normal(key, (n, self.origin.shape[0])))[1]

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""
        chex.assert_equal_shape_suffix([y, self.origin], 1)
        norm = jnp.linalg.norm(y, axis=1)
        # |y - z|^2 = (|y| - r)^2 + 2 (|y| r - y.z): the rest of the integral is a Bessel function.
        log_mean, _ = log_sphere_mean(y.shape[1], self.radius * norm / s**2)
        gauss = -0.5 * y.shape[1] * (LOG_2PI + 2.0 * jnp.log(s)) - 0.5 * ((norm - self.radius) / s) ** 2
        return gauss + log_mean

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""
        chex.assert_equal_shape_suffix([y, self.origin], 1)
        norm, unit = _unit(y)
        # A ratio of Bessel functions is 1 - short: at small noise its digits are in what is short of 1.
        _, short = log_sphere_mean(y.shape[1], self.radius * norm / s**2)
        return ((self.radius - norm) - self.radius * short)[:, None] * unit / s**2

    def components(self, spacing: float) -> Spherical | None:
        """See `Law.components`; in two and three dimensions."""
        dim, radius = self.origin.shape[0], float(self.radius)
        ring = around(2.0 * math.pi * radius, spacing)
        if dim == 2:
            return equal(radius * ring)
        if dim > 3:
            # A grid of angles in more dimensions has too many nodes.
            return None
        # The height on a sphere is uniform (Archimedes).
        height, share = line(-1.0, 1.0, spacing / radius)
        rho = np.sqrt(1.0 - height**2)
        points = [
            radius * np.column_stack([r * ring, np.full(len(ring), z)])
            for r, z in zip(rho, height, strict=True)
        ]
        return Spherical(
            np.concatenate(points), np.repeat(share / len(ring), len(ring)), np.zeros(len(height) * len(ring))
        )

    def distance(self, y: Array) -> Array:
        """Returns the distance to the sphere, `[n]`."""
        return jnp.abs(jnp.linalg.norm(y, axis=1) - self.radius)

    def intrinsic(self, y: Array) -> Array:
        """Returns the shares of the angles of spherical coordinates, `[n, D - 1]`.

        Given the axes before it, (1 + cos)/2 of the angle to the j-th of D axes has the law
        Beta((D - j)/2, (D - j)/2); the last angle runs around a circle.
        """
        dim = y.shape[1]
        rest = jnp.sqrt(jnp.cumsum(y[:, ::-1] ** 2, axis=1))[:, ::-1]  # of this axis and those after
        # At the pole there is no angle; any will do.
        cosine = y / jnp.maximum(rest, 1e-30)
        around = _turn(y[:, -2], y[:, -1])[:, None]
        half = 0.5 * jnp.arange(dim - 1, 1, -1)
        high = jnp.clip(0.5 * (1.0 + cosine[:, : dim - 2]), 0.0, 1.0)
        return jnp.concatenate([jax.scipy.special.betainc(half, half, high), around], axis=1)


@pytree
class Torus:
    """The uniform area measure of a torus in R^3 about the z axis.

    Attributes:
      major: Radius of the ring, `[]`.
      minor: Radius of the tube, below the ring's, `[]`.
      radii: Radius of the circle at each node of the tube angle, `[K]`.
      heights: Height of that circle, `[K]`.
      log_weights: Its share of the area, `[K]`.
    """

    major: Array
    minor: Array
    radii: Array
    heights: Array
    log_weights: Array

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        key_ring, key_tube, key_flip = jax.random.split(key, 3)
        ring = jax.random.uniform(key_ring, (n,), maxval=2.0 * jnp.pi)
        tube = jax.random.uniform(key_tube, (n,), maxval=2.0 * jnp.pi)
        # Keeping an angle with chance (1 + e cos)/2 and mirroring it otherwise gives it
        # the density (1 + e cos)/(2 pi) of the area, e = minor/major.
        keep = jax.random.uniform(key_flip, (n,)) < 0.5 * (1.0 + self.minor / self.major * jnp.cos(tube))
        tube = jnp.where(keep, tube, jnp.pi - tube)
        rho = self.major + self.minor * jnp.cos(tube)
        return jnp.stack([rho * jnp.cos(ring), rho * jnp.sin(ring), self.minor * jnp.sin(tube)], axis=1)

    def _joint(self, y: Array, s: Array) -> tuple[Array, Array]:
        """Returns log(weight x density) of each circle, `[n, K]`, and its concentration."""
        rho = jnp.linalg.norm(y[:, :2], axis=1)[:, None]
        kappa = rho * self.radii / s**2
        square = (rho - self.radii) ** 2 + (y[:, 2:] - self.heights) ** 2
        # Scaled by exp(-kappa), which square has already: i0 itself overflows at 89.
        bessel = jnp.log(jax.scipy.special.i0e(kappa))
        return self.log_weights - 1.5 * (LOG_2PI + 2.0 * jnp.log(s)) - 0.5 * square / s**2 + bessel, kappa

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""
        chex.assert_axis_dimension(y, 1, 3)

        def rows(y: Array) -> Array:
            return jax.nn.logsumexp(self._joint(y, s)[0], axis=1)

        return by_rows(rows, y, terms=4 * self.radii.size)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""
        chex.assert_axis_dimension(y, 1, 3)

        def rows(y: Array) -> Array:
            joint, kappa = self._joint(y, s)
            share = jax.nn.softmax(joint, axis=1)
            # The mean of the cosine of an angle with density exp(kappa cos).
            ratio = jax.scipy.special.i1e(kappa) / jax.scipy.special.i0e(kappa)
            rho, unit = _unit(y[:, :2])
            outward = (share * (ratio * self.radii - rho[:, None])).sum(axis=1, keepdims=True)
            upward = (share * (self.heights - y[:, 2:])).sum(axis=1, keepdims=True)
            return jnp.concatenate([outward * unit, upward], axis=1) / s**2

        return by_rows(rows, y, terms=4 * self.radii.size)

    def components(self, spacing: float) -> Spherical:
        """See `Law.components`."""
        major, minor = float(self.major), float(self.minor)
        tube = around(2.0 * math.pi * minor, spacing)
        # The area at a tube angle is that of its circle, so circles weigh by their radius.
        rho, height = major + minor * tube[:, 0], minor * tube[:, 1]
        ring = around(2.0 * math.pi * (major + minor), spacing)
        points = [
            np.column_stack([r * ring, np.full(len(ring), z)]) for r, z in zip(rho, height, strict=True)
        ]
        weights = np.repeat(rho / rho.sum() / len(ring), len(ring))
        return Spherical(np.concatenate(points), weights, np.zeros(len(weights)))

    def distance(self, y: Array) -> Array:
        """Returns the distance to the torus, `[n]`."""
        rho = jnp.linalg.norm(y[:, :2], axis=1)
        return jnp.abs(jnp.hypot(rho - self.major, y[:, 2]) - self.minor)

    def intrinsic(self, y: Array) -> Array:
        """Returns the share of the ring and that of the tube's area, `[n, 2]`."""
        rho = jnp.linalg.norm(y[:, :2], axis=1)
        tube = jnp.arctan2(y[:, 2], rho - self.major)
        # The tube's angle has the density (1 + e cos)/(2 pi), e = minor/major.
        area = tube + self.minor / self.major * jnp.sin(tube)
        return jnp.stack([_turn(y[:, 0], y[:, 1]), 0.5 + area / (2.0 * jnp.pi)], axis=1)


@pytree
class Boxes:
    """The uniform law on the union of boxes of one size.

    Attributes:
      low: Lower corners, `[K, D]`.
      high: Upper corners, `[K, D]`.
    """

    low: Array
    high: Array

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        key_box, key_place = jax.random.split(key)
        box = jax.random.randint(key_box, (n,), 0, self.low.shape[0])
        place = jax.random.uniform(key_place, (n, self.low.shape[1]))
        return self.low[box] + place * (self.high - self.low)[box]

    def _axes(self, y: Array, s: Array) -> tuple[Array, Array]:
        """Returns the log density and score of each box along each axis, `[n, K, D]`."""
        chex.assert_equal_shape_suffix([y, self.low], 1)
        return interval(y[:, None, :], self.low, self.high, s)

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""

        def rows(y: Array) -> Array:
            # A box is a product of intervals, and so is its blur.
            return jax.nn.logsumexp(self._axes(y, s)[0].sum(-1), axis=1) - jnp.log(self.low.shape[0])

        return by_rows(rows, y, terms=8 * self.low.size)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""

        def rows(y: Array) -> Array:
            log_density, slope = self._axes(y, s)
            return (jax.nn.softmax(log_density.sum(-1), axis=1)[:, :, None] * slope).sum(axis=1)

        return by_rows(rows, y, terms=8 * self.low.size)

    def components(self, spacing: float) -> Spherical:
        """See `Law.components`."""
        low, high = np.asarray(self.low, np.float64), np.asarray(self.high, np.float64)
        points, weights = [], []
        for corner, opposite in zip(low, high, strict=True):
            axes = [line(a, b, spacing) for a, b in zip(corner, opposite, strict=True)]
            points.append(
                np.stack(np.meshgrid(*(place for place, _ in axes), indexing="ij"), -1).reshape(
                    -1, low.shape[1]
                )
            )
            weights.append(
                functools.reduce(np.multiply.outer, [share for _, share in axes]).ravel() / len(low)
            )
        return Spherical(np.concatenate(points), np.concatenate(weights), np.zeros(sum(map(len, weights))))

    def distance(self, y: Array) -> Array:
        """Returns the distance to the nearest box, `[n]`, 0 inside."""
        return self._outside(y).min(axis=1)

    def intrinsic(self, y: Array) -> Array:
        """Returns the place in the nearest box, `[n, D]`, the first axis through all boxes in order."""
        box = self._outside(y).argmin(axis=1)
        place = jnp.clip((y - self.low[box]) / (self.high - self.low)[box], 0.0, 1.0)
        return place.at[:, 0].set((box + place[:, 0]) / self.low.shape[0])

    def _outside(self, y: Array) -> Array:
        """Returns the distance to each box, `[n, K]`."""
        outside = jnp.maximum(jnp.maximum(self.low - y[:, None, :], y[:, None, :] - self.high), 0.0)
        return jnp.linalg.norm(outside, axis=2)


@pytree
class Extruded:
    """A law in the first and third coordinates times an interval in the second.

    Attributes:
      section: A law in two dimensions.
      interval: One box in one dimension.
    """

    section: Manifold
    interval: Boxes

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        key_section, key_interval = jax.random.split(key)
        across = self.section.sample(key_section, n)
        return jnp.insert(across, 1, self.interval.sample(key_interval, n)[:, 0], axis=1)

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""
        return self.section.log_prob(y[:, ::2], s) + self.interval.log_prob(y[:, 1:2], s)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""
        across = self.section.score(y[:, ::2], s)
        return jnp.insert(across, 1, self.interval.score(y[:, 1:2], s)[:, 0], axis=1)

    def components(self, spacing: float) -> Spherical | None:
        """See `Law.components`."""
        section, across = self.section.components(spacing), self.interval.components(spacing)
        if section is None or np.any(section.variances > 0.0):
            return None
        length = len(across.weights)
        points = np.insert(np.repeat(section.means, length, axis=0), 1, 0.0, axis=1)
        points[:, 1] = np.tile(across.means[:, 0], len(section.weights))
        weights = np.multiply.outer(section.weights, across.weights).ravel()
        return Spherical(points, weights, np.zeros(len(weights)))

    def distance(self, y: Array) -> Array:
        """Returns the distance to the extruded manifold, `[n]`."""
        return jnp.hypot(self.section.distance(y[:, ::2]), self.interval.distance(y[:, 1:2]))

    def intrinsic(self, y: Array) -> Array:
        """Returns the coordinates in the section, and the share of the interval, `[n, k + 1]`."""
        return jnp.concatenate(
            [self.section.intrinsic(y[:, ::2]), self.interval.intrinsic(y[:, 1:2])], axis=1
        )
