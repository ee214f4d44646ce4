"""Mixtures of Gaussians: datasets with modes, whose diffused truth is again a mixture."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import DATASETS, Dataset
from diffbench.datasets.base import mixture_dataset
from diffbench.laws.base import LOG_2PI
from diffbench.laws.mixtures import GaussianMixture, IsotropicMixture

# The weights that the case study's random key gave at the time, as literals: drawn
# again, they would differ on another version of JAX. Order: x outer, y inner.
NINE_WEIGHTS = (0.01351, 0.221446, 0.13097, 0.108557, 0.111724, 0.12327, 0.03514, 0.243297, 0.012087)


def spherical(name: str, means: np.ndarray, weights: np.ndarray, sd: np.ndarray) -> Dataset:
    """Returns a dataset of spherical Gaussians.

    Args:
      name: Registered name.
      means: `[K, D]`.
      weights: Positive, normalised here, `[K]`.
      sd: Standard deviation of each, `[K]`.
    """
    weights = np.asarray(weights, np.float64) / np.sum(weights)
    law = IsotropicMixture(
        means=jnp.asarray(means, float),
        log_weights=jnp.asarray(np.log(weights), float),
        variances=jnp.asarray(np.broadcast_to(sd, weights.shape) ** 2, float),
    )
    dim = np.shape(means)[1]
    entropy = 0.5 * dim * (LOG_2PI + 1.0 + 2.0 * math.log(float(np.max(sd)))) if len(weights) == 1 else None
    return mixture_dataset(name, law, entropy=entropy)


@DATASETS.register("nine_gaussians")
def nine_gaussians(*, sd: float = 0.25) -> Dataset:
    """Returns the case study's nine Gaussians at {-2, 0, 2}^2 with uneven weights.

    Args:
      sd: Standard deviation of each mode; the case study's covariance is I/16.
    """
    checks.length(sd=sd)
    grid = np.array([-2.0, 0.0, 2.0])
    means = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    return spherical("nine_gaussians", means, np.array(NINE_WEIGHTS), np.full(9, sd))


@DATASETS.register("eight_gaussians")
def eight_gaussians(*, radius: float = 2.0, sd: float = 0.2) -> Dataset:
    """Returns eight equal Gaussians on a ring.

    Args:
      radius: Radius of the ring.
      sd: Standard deviation of each mode.
    """
    checks.length(radius=radius, sd=sd)
    angle = 2.0 * np.pi * np.arange(8) / 8
    means = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return spherical("eight_gaussians", means, np.ones(8), np.full(8, sd))


@DATASETS.register("imbalanced")
def imbalanced(*, sd: float = 0.2) -> Dataset:
    """Returns four modes with weights 0.9, 0.09, 0.009 and 0.001.

    Args:
      sd: Standard deviation of each mode.
    """
    checks.length(sd=sd)
    means = np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    return spherical("imbalanced", means, np.array([0.9, 0.09, 0.009, 0.001]), np.full(4, sd))


@DATASETS.register("anisotropic")
def anisotropic(*, modes: int = 5, long: float = 0.7, short: float = 0.1) -> Dataset:
    """Returns stretched Gaussians on a ring, each turned by its own angle.

    Args:
      modes: Number of modes.
      long: Standard deviation along the long axis.
      short: Standard deviation along the short axis.
    """
    checks.count("modes", modes)
    checks.length(long=long, short=short)
    place = 2.0 * np.pi * np.arange(modes) / modes
    means = 2.5 * np.stack([np.cos(place), np.sin(place)], axis=1)
    # Turning by 3/2 of the place meets the ring at a different angle in each mode.
    turn = 1.5 * place
    axes = np.stack([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]).transpose(2, 0, 1)
    law = GaussianMixture(
        means=jnp.asarray(means, float),
        log_weights=jnp.full(modes, -math.log(modes)),
        axes=jnp.asarray(axes, float),
        variances=jnp.tile(jnp.asarray([long**2, short**2], float), (modes, 1)),
    )
    return mixture_dataset("anisotropic", law)


@DATASETS.register("gaussian_mixture")
def gaussian_mixture(*, dim: int = 2, modes: int = 10, sd: float = 0.3, layout: int = 0) -> Dataset:
    """Returns spherical Gaussians at random places, for any dimension and number of modes.

    Means are standard normal draws; standard deviations spread evenly in log from
    sd/1.5 to 1.5 sd; weights fall linearly to a third of the first.

    Args:
      dim: Dimension, from 1 to 256.
      modes: Number of modes.
      sd: Middle standard deviation of the modes, in units of the means' spread.
      layout: Which random placement: the same number gives the same means for ever.
    """
    checks.count("dim", dim)
    checks.count("modes", modes)
    checks.count("layout", layout, least=0)
    checks.length(sd=sd)
    if dim > 256:
        raise ValueError(f"dim must be at most 256; got {dim}")
    # RandomState's stream is frozen by NumPy's compatibility policy.
    means = np.random.RandomState(layout).standard_normal((modes, dim))
    spread = np.linspace(-1.0, 1.0, modes) if modes > 1 else np.zeros(1)
    return spherical("gaussian_mixture", means, np.linspace(3.0, 1.0, modes), sd * 1.5**spread)
