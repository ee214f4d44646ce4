"""Manifolds with Gaussian thickness: datasets whose samples lie near a curve or surface.

A skeleton of lower dimension is blurred by N(0, thickness^2 I) in standardised units, in all
dimensions, so that it has a density, an entropy and an exact score at every noise level.

Units: with v the mean variance of the skeleton over the dimensions, the scale satisfies
scale^2 = v + (thickness scale)^2, hence scale = sqrt(v / (1 - thickness^2)). Means and variances
are those of the law, in closed form or by quadrature in float64, never those of a draw.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import interpolate, special

from diffbench import checks
from diffbench.contracts import DATASETS, Array, Dataset
from diffbench.datasets.base import manifold_dataset
from diffbench.laws.curves import SPARE, Curve, Spines
from diffbench.laws.mixtures import IsotropicMixture, isometry
from diffbench.laws.surfaces import Boxes, Extruded, Sphere, Torus

_MOMENT_NODES = 64  # Of each piece: enough for moments to rounding.
_CHORDS = 2048  # Their greatest distance from a shipped curve is below 1e-5, standardised.

Path = Callable[[np.ndarray], np.ndarray]
"""Share of the arc length in [0, 1], `[k]` -> points, `[k, D]`, in float64."""


def chords(paths: Sequence[Path]) -> dict[str, Array]:
    """Returns the ends of chords along curves, `starts` and `ends`, each `[M, D]`."""
    share = np.linspace(0.0, 1.0, _CHORDS // len(paths) + 1)
    points = [path(share) for path in paths]
    starts, ends = np.concatenate([p[:-1] for p in points]), np.concatenate([p[1:] for p in points])
    return {"starts": jnp.asarray(starts, float), "ends": jnp.asarray(ends, float)}


def curve(paths: Sequence[Path], length: float, nodes: int, bend: float) -> tuple[Curve, dict[str, Any]]:
    """Returns the law of curves of equal length, and what `manifold_dataset` asks of it.

    Args:
      paths: Smooth curves, each by its share of arc length.
      length: Length of each, data coordinates.
      nodes: Quadrature nodes in all, shared by the curves.
      bend: Smallest radius of curvature, data coordinates.
    """
    checks.count("nodes", nodes, least=len(paths))

    def quadrature(each: int) -> tuple[np.ndarray, np.ndarray]:
        u, weight = special.roots_legendre(each)
        points = np.concatenate([path(0.5 * (1.0 + u)) for path in paths])
        return points, np.tile(0.5 * weight, len(paths)) / len(paths)

    each = math.ceil(nodes / len(paths))
    points, weights = quadrature(each)
    mixture = IsotropicMixture(
        means=jnp.asarray(points, float),
        log_weights=jnp.asarray(np.log(weights), float),
        variances=jnp.zeros(len(points)),
    )
    # The scale decides how many nodes are needed, so it must not hang on too few of them.
    points, weights = quadrature(max(each, _MOMENT_NODES))
    mean = weights @ points
    facts = {
        "mean": mean,
        "variance": float(weights @ ((points - mean) ** 2).sum(axis=1)),
        "diameter": widest(paths),
        "nodes": nodes,
        # Gauss-Legendre nodes are pi/2 further apart in the middle than equal ones.
        "reach": 0.5 * math.pi * length * len(paths),
        "bend": bend,
        "spare": SPARE * len(paths),
    }
    return Curve(nodes=mixture, **chords(paths)), facts


def widest(paths: Sequence[Path]) -> float:
    """Returns the largest distance between two points of curves."""
    points = np.concatenate([path(np.linspace(0.0, 1.0, 129)) for path in paths])
    return float(np.sqrt(((points[:, None] - points) ** 2).sum(axis=-1).max()))


def sphere_like(name: str, dim: int, thickness: float, embed: int | None) -> Dataset:
    """Returns the dataset of a unit sphere in R^dim."""
    law = Sphere(radius=jnp.ones(()), origin=jnp.zeros(dim))
    mean = np.zeros(dim)
    return manifold_dataset(
        name, law, mean=mean, variance=1.0, diameter=2.0, thickness=thickness, embed=embed
    )


@DATASETS.register("circle")
def circle(*, thickness: float = 0.05, embed: int | None = None) -> Dataset:
    """Returns the uniform law on a circle.

    Args:
      thickness: Standard deviation of the noise, standardised.
      embed: Dimension to place it in, or None.

    Example:
      >>> circle(embed=8).dim
      8
    """
    built = sphere_like("circle", 2, thickness, embed)
    frame = np.eye(2) if embed is None else isometry(embed, 2)

    def even(n: int) -> np.ndarray:
        angle = 2.0 * np.pi * np.arange(n) / n
        return np.stack([np.cos(angle), np.sin(angle)], axis=1) @ frame.T

    return dataclasses.replace(built, even=even)


@DATASETS.register("sphere")
def sphere(*, dim: int = 3, thickness: float = 0.05, embed: int | None = None) -> Dataset:
    """Returns the uniform law on a sphere.

    Args:
      dim: Dimension of the space around it, at least 2.
      thickness: Standard deviation of the noise, standardised.
      embed: Dimension to place it in, or None.
    """
    checks.count("dim", dim, least=2)
    return sphere_like("sphere", dim, thickness, embed)


@DATASETS.register("torus")
def torus(*, thickness: float = 0.05, embed: int | None = None, nodes: int = 128) -> Dataset:
    """Returns the uniform area measure of a torus of radii 1 and 0.4.

    Args:
      thickness: Standard deviation of the noise, standardised.
      embed: Dimension to place it in, or None.
      nodes: Quadrature nodes of the tube angle; equal ones, as the angle is periodic.
    """
    checks.count("nodes", nodes)
    major, minor = 1.0, 0.4
    angle = 2.0 * np.pi * np.arange(nodes) / nodes
    radii = major + minor * np.cos(angle)
    law = Torus(
        major=jnp.asarray(major),
        minor=jnp.asarray(minor),
        radii=jnp.asarray(radii, float),
        heights=jnp.asarray(minor * np.sin(angle), float),
        log_weights=jnp.asarray(np.log(radii / (major * nodes)), float),
    )
    return manifold_dataset(
        "torus",
        law,
        mean=np.zeros(3),
        variance=major**2 + 2.0 * minor**2,
        diameter=2.0 * (major + minor),
        thickness=thickness,
        embed=embed,
        nodes=nodes,
        reach=2.0 * math.pi * minor,
        bend=minor,
        spare=SPARE,
    )


@DATASETS.register("two_moons")
def two_moons(*, thickness: float = 0.05, embed: int | None = None, nodes: int = 512) -> Dataset:
    """Returns two interleaved half circles.

    Args:
      thickness: Standard deviation of the noise, standardised.
      embed: Dimension to place it in, or None.
      nodes: Quadrature nodes of both together.

    References:
      Pedregosa et al. (2011), scikit-learn: `make_moons`.
    """

    def upper(u: np.ndarray) -> np.ndarray:
        return np.stack([np.cos(np.pi * u), np.sin(np.pi * u)], axis=1)

    def lower(u: np.ndarray) -> np.ndarray:
        return np.array([1.0, 0.5]) - upper(u)

    law, facts = curve([upper, lower], math.pi, nodes, bend=1.0)
    return manifold_dataset("two_moons", law, thickness=thickness, embed=embed, **facts)


@DATASETS.register("swiss_roll")
def swiss_roll(*, thickness: float = 0.05, embed: int | None = None, nodes: int = 512) -> Dataset:
    """Returns the spiral t (cos t, sin t), t in [1.5 pi, 4.5 pi], uniform in its arc length.

    Args:
      thickness: Standard deviation of the noise, standardised.
      embed: Dimension to place it in, or None.
      nodes: Quadrature nodes.

    References:
      Pedregosa et al. (2011), scikit-learn: `make_swiss_roll`, there uniform in t.
    """
    t = np.linspace(1.5 * np.pi, 4.5 * np.pi, 4097)
    arc = 0.5 * (t * np.sqrt(1.0 + t**2) + np.arcsinh(t))
    angle = interpolate.CubicSpline((arc - arc[0]) / (arc[-1] - arc[0]), t)

    def spiral(u: np.ndarray) -> np.ndarray:
        return np.stack([angle(u) * np.cos(angle(u)), angle(u) * np.sin(angle(u))], axis=1)

    # A spiral of radius t bends most at its inner end.
    bend = float((1.0 + t[0] ** 2) ** 1.5 / (2.0 + t[0] ** 2))
    law, facts = curve([spiral], float(arc[-1] - arc[0]), nodes, bend)
    return manifold_dataset("swiss_roll", law, thickness=thickness, embed=embed, **facts)


@DATASETS.register("s_curve")
def s_curve(*, thickness: float = 0.05, embed: int | None = None, nodes: int = 512) -> Dataset:
    """Returns an S-shaped curve in (x, z) times the interval [0, 2] in y.

    Args:
      thickness: Standard deviation of the noise, standardised.
      embed: Dimension to place it in, or None.
      nodes: Quadrature nodes of the curve.

    References:
      Pedregosa et al. (2011), scikit-learn: `make_s_curve`.
    """

    # Two arcs, as the curvature jumps where they meet.
    def upper(u: np.ndarray) -> np.ndarray:
        return np.stack([np.sin(1.5 * np.pi * u), np.cos(1.5 * np.pi * u) - 1.0], axis=1)

    def lower(u: np.ndarray) -> np.ndarray:
        return -upper(u)

    section, facts = curve([upper, lower], 1.5 * math.pi, nodes, bend=1.0)
    low, high = jnp.zeros((1, 1)), jnp.full((1, 1), 2.0)
    facts["mean"] = np.insert(facts["mean"], 1, 1.0)
    facts["variance"] += 2.0**2 / 12.0
    facts["diameter"] = math.hypot(facts["diameter"], 2.0)
    return manifold_dataset(
        "s_curve",
        Extruded(section=section, interval=Boxes(low=low, high=high)),
        thickness=thickness,
        embed=embed,
        **facts,
    )


@DATASETS.register("checkerboard")
def checkerboard(*, thickness: float = 0.05, embed: int | None = None) -> Dataset:
    """Returns the uniform law on the eight dark squares of a board [-2, 2]^2.

    Args:
      thickness: Standard deviation of the noise, standardised.
      embed: Dimension to place it in, or None.
    """
    low = np.array([[i - 2.0, j - 2.0] for i in range(4) for j in range(4) if (i + j) % 2 == 0])
    return manifold_dataset(
        "checkerboard",
        Boxes(low=jnp.asarray(low, float), high=jnp.asarray(low + 1.0, float)),
        mean=np.zeros(2),
        variance=2.0 * 4.0**2 / 12.0,
        diameter=4.0 * math.sqrt(2.0),
        thickness=thickness,
        embed=embed,
    )


@DATASETS.register("pinwheel")
def pinwheel(
    *, thickness: float = 0.05, embed: int | None = None, nodes: int = 512, arms: int = 5
) -> Dataset:
    """Returns curved arms that widen outwards: a mixture of Gaussians along spines.

    The nodes are the law here, not a quadrature of it. The distance is that to the spines.

    Args:
      thickness: Standard deviation of further noise, standardised.
      embed: Dimension to place it in, or None.
      nodes: Gaussians in all, shared by the arms.
      arms: Number of arms.

    References:
      Johnson et al. (2016), Composing graphical models with neural networks, section 5.
    """
    checks.count("arms", arms)
    checks.count("nodes", nodes, least=8 * arms)

    def arm(turn: float) -> Path:
        def path(u: np.ndarray) -> np.ndarray:
            radius, angle = 0.4 + 1.6 * u, turn + 1.2 * u
            return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

        return path

    paths = [arm(2.0 * math.pi * k / arms) for k in range(arms)]
    u = (np.arange(nodes // arms) + 0.5) / (nodes // arms)
    means = np.concatenate([path(u) for path in paths])
    sd = np.tile(0.05 + 0.13 * u, arms)
    mixture = IsotropicMixture(
        means=jnp.asarray(means, float),
        log_weights=jnp.full(len(means), -math.log(len(means))),
        variances=jnp.asarray(sd**2, float),
    )
    mean = means.mean(axis=0)
    return manifold_dataset(
        "pinwheel",
        Spines(nodes=mixture, **chords(paths)),
        mean=mean,
        variance=float((((means - mean) ** 2).sum(axis=1) + 2.0 * sd**2).mean()),
        diameter=widest(paths) + 4.0 * float(sd.max()),
        thickness=thickness,
        embed=embed,
        spread=float(sd.min()),
        intrinsic=False,
    )
