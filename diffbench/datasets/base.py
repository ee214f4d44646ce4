"""The Dataset of a law: of a mixture, or of a manifold with its thickness."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import Array, Dataset, Potential, PRNGKey
from diffbench.laws.base import DiffusedTruth, Law, Manifold, pytree
from diffbench.laws.curves import least_blur, least_nodes
from diffbench.laws.mixtures import Embedded, isometry

# Steps of float32 at the farthest coordinate that the smallest length of a law must span: rounding
# of the points is then below 1/60 of it, and its mean effect on a log density 1e-4 nats a dimension.
STEPS = 32
_EPS = float(np.finfo(np.float32).eps)


def carried(name: str, what: str, length: float, farthest: float, unit: float = 1.0) -> None:
    """Raises unless float32 resolves the smallest length of a law where its points lie.

    Points, densities and scores are float32 in data coordinates: below the steps of that, samples
    lie on a lattice and a log density is rounding.

    Args:
      name: Name of the dataset, for the message.
      what: What the length is, for the message.
      length: The smallest length, data coordinates.
      farthest: The largest coordinate, and the largest distance from the mean along an axis.
      unit: What the message divides lengths by, where `what` is in a unit of its own.

    Raises:
      ValueError: If float32 does not hold the square of either, or the length is below `STEPS` steps
        of float32 at the farthest coordinate.
    """
    if not (length >= checks.SHORTEST and farthest <= checks.LONGEST):  # true for NaN too
        raise ValueError(
            f"lengths of {name} must be from {checks.SHORTEST:g} to {checks.LONGEST:g}, so that float32 "
            f"holds their squares; got {length:.3g} to {farthest:.3g}"
        )
    least = STEPS * _EPS * farthest
    if length < least:
        raise ValueError(
            f"{what} of {name} must be at least {least / unit:.3g}, {STEPS} steps of float32 at its "
            f"coordinates (up to {farthest:.3g}); got {length / unit:.3g}"
        )


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
def sample_from(law: Law, thickness: Array, key: PRNGKey, n: int) -> Array:
    """Draws points of a law with Gaussian noise of a given thickness, `[n, D]`."""
    key_law, key_eps = jax.random.split(key)
    points = law.sample(key_law, n)
    return points + thickness * jax.random.normal(key_eps, points.shape)


# Nodes this far apart, in units of the thickness, stand for a surface: see `laws.nodes`.
_SPACING = 1.5


def potential_of(
    law: Law, mean: np.ndarray, scale: float, thick: float = 0.0
) -> Callable[[], Potential | None]:
    """Returns how to make the averages over a law, in standardised coordinates.

    Args:
      law: A law, data coordinates; one without `components` has no averages in closed form.
      mean: `[D]`, data coordinates.
      scale: Data coordinates.
      thick: Standard deviation of noise that is added to the law, data coordinates.
    """

    @functools.lru_cache(maxsize=1)
    def make() -> Potential | None:
        components = getattr(law, "components", None)
        found = components(_SPACING * thick or math.inf) if components else None
        return None if found is None else found.moved(1.0 / scale, -mean / scale, thick)

    return make


def mixture_dataset(name: str, law: Any, *, version: int = 1, entropy: float | None = None) -> Dataset:
    """Returns the dataset of a mixture law.

    Args:
      name: Registered name.
      law: An `IsotropicMixture` or a `GaussianMixture`.
      version: Version of the dataset.
      entropy: Entropy in nats, data coordinates, where a closed form is known.

    Raises:
      ValueError: If float32 does not carry the law; see `carried`.
    """
    weights = np.exp(np.asarray(law.log_weights, np.float64))
    means = np.asarray(law.means, np.float64)
    dim = means.shape[1]
    # `[K, D]` for both kinds: a spherical component has one variance for all axes.
    variances = np.asarray(law.variances, np.float64).reshape(len(weights), -1) * np.ones((1, dim))
    mean = weights @ means
    finest, widest = math.sqrt(variances.min()), math.sqrt(variances.max())
    farthest = float(max(np.abs(means).max(), np.abs(means - mean).max(), widest))
    carried(name, "the smallest standard deviation", finest, farthest)
    scale = math.sqrt((weights @ (((means - mean) ** 2).sum(1) + variances.sum(1))) / dim)
    spread = np.sqrt(((means[:, None] - means) ** 2).sum(-1).max()) + 4.0 * widest
    at = {"mean": jnp.asarray(mean, float), "scale": jnp.asarray(scale)}
    return Dataset(
        name=name,
        dim=dim,
        mean=mean.astype(np.float32),
        scale=scale,
        sample=functools.partial(sample_from, law, jnp.zeros(())),
        truth=DiffusedTruth(law=law, thickness=jnp.zeros(()), **at),
        resolution=finest / scale,
        diameter=spread / scale,
        modes=MixtureModes(law=law, **at),
        exact_entropy=None if entropy is None else entropy - dim * math.log(scale),
        potential=potential_of(law, mean, scale),
        version=version,
    )


def manifold_dataset(
    name: str,
    law: Manifold,
    *,
    mean: np.ndarray,
    variance: float,
    diameter: float,
    thickness: float,
    embed: int | None = None,
    nodes: int = 0,
    reach: float = 0.0,
    bend: float = math.inf,
    spare: int = 0,
    spread: float = 0.0,
    intrinsic: bool = True,
    version: int = 1,
) -> Dataset:
    """Returns the dataset of a law on a manifold.

    Args:
      name: Registered name.
      law: A law with a `distance`; see `diffbench.datasets.surfaces` and `curves`.
      mean: Mean of the law, data coordinates, `[d]`.
      variance: Sum of its variances over the dimensions, data coordinates.
      diameter: Its largest length, data coordinates.
      thickness: Standard deviation of the noise that is added, in [0, 1), standardised.
      embed: Dimension D to place it in by a fixed isometry, or None for its own.
      nodes: Quadrature nodes of the law, or 0 for a closed form.
      reach: Spacing of the nodes times their number, data coordinates.
      bend: Smallest radius of curvature across the nodes, data coordinates.
      spare: Nodes that the quadrature takes beyond their spacing.
      spread: Smallest standard deviation of the law itself, data coordinates.
      intrinsic: Whether the law has `intrinsic` coordinates, uniform at thickness 0.
      version: Version of the dataset.

    Raises:
      ValueError: If thickness is outside [0, 1) or below what float32 resolves (`carried`), embed
        is below the law's dimension, or the nodes are too few for the thickness (`least_nodes`).
    """
    _check_thickness(thickness)
    dim = len(mean)
    if embed is not None:
        checks.count("embed", embed, least=dim)
        frame = isometry(embed, dim)
        law, mean, dim = Embedded(law=law, frame=jnp.asarray(frame, float)), frame @ mean, embed
    scale = math.sqrt(variance / dim / (1.0 - thickness**2))
    thick = thickness * scale
    finest = math.hypot(thickness, spread / scale)
    if finest > 0:
        farthest = float(np.abs(mean).max()) + diameter
        carried(name, "thickness" if not spread else "the width", finest * scale, farthest, unit=scale)
    needed = spare + 1 if nodes else 0
    if thick > 0 and reach > 0:
        needed = least_nodes(reach, thick, bend, spare)
    if nodes < needed:
        raise ValueError(f"nodes must be at least {needed} for thickness {thickness} of {name}; got {nodes}")
    trusted = 0.0
    if nodes and not finest:
        # A score asks more of the nodes than a log density: twice their spacing.
        trusted = max(2.0 * reach / nodes, least_blur(reach, nodes, bend, spare)) / scale
    at = {"mean": jnp.asarray(mean, float), "scale": jnp.asarray(scale)}
    return Dataset(
        name=name,
        dim=dim,
        mean=mean.astype(np.float32),
        scale=scale,
        sample=functools.partial(sample_from, law, jnp.asarray(thick)),
        truth=DiffusedTruth(law=law, thickness=jnp.asarray(thickness, float), **at),
        resolution=finest or 0.01,
        diameter=diameter / scale + 4.0 * thickness,
        distance=functools.partial(distance_from, law, at["mean"], at["scale"]),
        intrinsic=functools.partial(intrinsic_from, law, at["mean"], at["scale"]) if intrinsic else None,
        density=finest > 0,
        smallest_sigma=trusted,
        potential=potential_of(law, np.asarray(mean), scale, thick) if finest else lambda: None,
        version=version,
    )


def _check_thickness(thickness: float) -> None:
    """Raises unless thickness is a number in [0, 1)."""
    if isinstance(thickness, bool) or not isinstance(thickness, int | float):
        raise TypeError(f"thickness must be a number; got {thickness!r}")
    if not 0.0 <= thickness < 1.0:
        raise ValueError(f"thickness must be in [0, 1); got {thickness}")


# The law is an argument of one compiled program per kind and shape.
@jax.jit
def distance_from(law: Manifold, mean: Array, scale: Array, x: Array) -> Array:
    """Returns the distance of standardised points to a manifold, `[n]`, standardised."""
    return law.distance(scale * x + mean) / scale


@jax.jit
def intrinsic_from(law: Manifold, mean: Array, scale: Array, x: Array) -> Array:
    """Returns coordinates on a manifold, in [0, 1], of standardised points, `[n, k]`."""
    return law.intrinsic(scale * x + mean)
