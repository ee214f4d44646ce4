"""A dataset for models that see data coordinates, as some tutorials train them."""

from __future__ import annotations

import dataclasses
import math

import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, Dataset, Modes, Number, Potential, Truth
from diffbench.laws.base import pytree


@pytree
class RawTruth:
    """A truth in standardised coordinates, read in data coordinates.

    x = alpha (scale u + mean) + sigma eps is scale (alpha u + (sigma/scale) eps) + alpha mean.

    Attributes:
      inner: A `Truth` in standardised coordinates.
      mean: `[D]`.
      scale: `[]`.
    """

    inner: Truth
    mean: Array
    scale: Array

    def log_prob(self, x: Array, alpha: Number, sigma: Number) -> Array:
        """See `Truth.log_prob`."""
        inner = self.inner.log_prob((x - alpha * self.mean) / self.scale, alpha, sigma / self.scale)
        return inner - x.shape[1] * jnp.log(self.scale)

    def score(self, x: Array, alpha: Number, sigma: Number) -> Array:
        """See `Truth.score`."""
        u = (x - alpha * self.mean) / self.scale
        return self.inner.score(u, alpha, sigma / self.scale) / self.scale


@pytree
class RawModes:
    """Modes in standardised coordinates, read in data coordinates; see `contracts.Modes`."""

    inner: Modes
    mean: Array
    scale: Array

    @property
    def weights(self) -> Array:
        """Share of each mode, `[K]`."""
        return self.inner.weights

    def responsibilities(self, x: Array) -> Array:
        """See `Modes.responsibilities`."""
        return self.inner.responsibilities((x - self.mean) / self.scale)

    def mahalanobis(self, x: Array) -> Array:
        """See `Modes.mahalanobis`."""
        return self.inner.mahalanobis((x - self.mean) / self.scale)


def in_data_coordinates(dataset: Dataset) -> Dataset:
    """Returns the same dataset for models that see data coordinates: mean 0, scale 1."""
    mean, scale = jnp.asarray(dataset.mean), jnp.asarray(dataset.scale)

    def potential() -> Potential | None:
        inner = dataset.potential()
        return None if inner is None else inner.moved(dataset.scale, np.asarray(dataset.mean, np.float64))

    moments = dataset.exact_moments
    if moments is not None:
        moments = dataset.scale * moments[0] + dataset.mean, dataset.scale**2 * moments[1]
    distance, intrinsic, entropy = dataset.distance, dataset.intrinsic, dataset.exact_entropy
    return dataclasses.replace(
        dataset,
        mean=np.zeros_like(dataset.mean),
        scale=1.0,
        truth=None if dataset.truth is None else RawTruth(inner=dataset.truth, mean=mean, scale=scale),
        resolution=dataset.resolution * dataset.scale,
        diameter=dataset.diameter * dataset.scale,
        modes=None if dataset.modes is None else RawModes(inner=dataset.modes, mean=mean, scale=scale),
        distance=None if distance is None else lambda x: scale * distance((x - mean) / scale),
        intrinsic=None if intrinsic is None else lambda x: intrinsic((x - mean) / scale),
        smallest_sigma=dataset.smallest_sigma * dataset.scale,
        potential=potential,
        exact_moments=moments,
        grain=None if dataset.grain is None else dataset.grain * dataset.scale,
        exact_entropy=None if entropy is None else entropy + dataset.dim * math.log(dataset.scale),
    )
