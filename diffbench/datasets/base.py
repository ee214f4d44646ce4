"""The Dataset of a law: of a mixture, or of a manifold with its thickness."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import Array, Dataset, PRNGKey
from diffbench.laws.base import DiffusedTruth, pytree
from diffbench.laws.mixtures import Embedded, isometry


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


def manifold_dataset(
    name: str,
    law: Any,
    *,
    mean: np.ndarray,
    variance: float,
    diameter: float,
    thickness: float,
    embed: int | None = None,
    nodes: int = 0,
    reach: float = 0.0,
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
      spread: Smallest standard deviation of the law itself, data coordinates.
      intrinsic: Whether the law has `intrinsic` coordinates, uniform at thickness 0.
      version: Version of the dataset.

    Raises:
      ValueError: If thickness is outside [0, 1), embed is below the law's dimension, or the
        nodes lie further apart than the thickness.
    """
    _check_thickness(thickness)
    dim = len(mean)
    if embed is not None:
        checks.count("embed", embed, least=dim)
        frame = isometry(embed, dim)
        law, mean, dim = Embedded(law=law, frame=jnp.asarray(frame, float)), frame @ mean, embed
    scale = math.sqrt(variance / dim / (1.0 - thickness**2))
    thick = thickness * scale
    needed = math.ceil(reach / thick) if thick > 0 else 0
    if nodes < needed:
        raise ValueError(f"nodes must be at least {needed} for thickness {thickness} of {name}; got {nodes}")
    finest = math.hypot(thickness, spread / scale)
    at = {"mean": jnp.asarray(mean, float), "scale": jnp.asarray(scale)}
    return Dataset(
        name=name,
        dim=dim,
        mean=mean.astype(np.float32),
        scale=scale,
        sample=functools.partial(draw_from, law, jnp.asarray(thick)),
        truth=DiffusedTruth(law=law, thickness=jnp.asarray(thickness, float), **at),
        resolution=finest or 0.01,
        diameter=diameter / scale + 4.0 * thickness,
        distance=functools.partial(distance_from, law, at["mean"], at["scale"]),
        intrinsic=functools.partial(intrinsic_from, law, at["mean"], at["scale"]) if intrinsic else None,
        density=finest > 0,
        smallest_sigma=2.0 * reach / nodes / scale if nodes and not finest else 0.0,
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
def distance_from(law: Any, mean: Array, scale: Array, x: Array) -> Array:
    """Returns the distance of standardised points to a manifold, `[n]`, standardised."""
    return law.distance(scale * x + mean) / scale


@jax.jit
def intrinsic_from(law: Any, mean: Array, scale: Array, x: Array) -> Array:
    """Returns coordinates on a manifold, in [0, 1], of standardised points, `[n, k]`."""
    return law.intrinsic(scale * x + mean)
