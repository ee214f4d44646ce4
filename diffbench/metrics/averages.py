"""What a metric knows of the truth without a sample of it: E|x - Y| and E k(x, Y) at any x.

A law that is a mixture of Gaussians has both in closed form (`Dataset.potential`). Every other truth
knows itself blurred, which is as good, since for the Gaussian kernel of bandwidth h

  E k_h(x, Y) = (2 pi h^2)^(D/2) p_h(x),   p_h the density of Y + N(0, h^2 I),
  E|x - Y| = sqrt(2/pi) int_0^inf (1 - E k_h(x, Y)) dh.

That takes an evaluation of the density for each bandwidth, in float64, and its self terms E|Y - Y'|
and E k(Y, Y') are means over many points of the truth: an offset of every value of a dataset alike,
floor and models, which no z, p or difference sees.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import Array, Dataset, Points, Truth, key_for
from diffbench.metrics.far import norms

SELF_POINTS = 2**14
# Steps of log h, from well below the resolution to where 1 - E k is a quadratic to 1e-8.
_STEP, _BELOW, _BEYOND = 0.3, 1e-3, 1e3
# Lengths at which that of a far point is known: next in the expansion is 1e-6 then, as rounding is.
_LENGTHS = (20.0, 40.0, 80.0)
# Rows at once: a density may hold many numbers for each.
_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class ByDensity:
    """Averages over a truth by its blurred density; see `contracts.Potential`.

    Attributes:
      dataset: A dataset with a truth.
    """

    dataset: Dataset

    def mean_kernels(self, x: Points, bandwidths: np.ndarray) -> np.ndarray:
        """See `Potential.mean_kernels`."""
        front = 0.5 * self.dataset.dim * np.log(2.0 * np.pi * np.asarray(bandwidths, np.float64) ** 2)
        return np.exp(front + self._log_densities(x, bandwidths))

    def mean_distance(self, x: Points) -> np.ndarray:
        """See `Potential.mean_distance`."""
        reach = self.dataset.diameter + float(np.abs(np.asarray(x)).max(initial=0.0))
        low, high = _BELOW * self.dataset.resolution, _BEYOND * reach
        h = np.exp(np.arange(math.log(low), math.log(high), _STEP))
        # Weights kept in float32 sum to 1 + 1e-7, which the widest kernels show.
        kernels = self.mean_kernels(x, np.append(h, 1e6 * high))
        total = ((1.0 - kernels[:, :-1] / kernels[:, -1:]) * h).sum(axis=1)
        first, second = self.dataset.moments()
        square = ((np.asarray(x, np.float64) - first) ** 2).sum(axis=1) + np.trace(second)
        total += (h[0] + 0.5 * square / h[-1]) / math.expm1(_STEP)
        return math.sqrt(2.0 / math.pi) * _STEP * total

    def mean_excess(self, x: np.ndarray) -> np.ndarray:
        """See `Potential.mean_excess`: along a ray it is a parabola in the inverse of the length."""
        length = norms(x)
        unit, inverse, total = x / length[:, None], 1.0 / length, np.zeros(len(x))
        for far in _LENGTHS:
            excess = self.mean_distance(far * unit) - far
            for other in _LENGTHS:
                if other != far:
                    excess = excess * (inverse - 1.0 / other) / (1.0 / far - 1.0 / other)
            total += excess
        return total

    def self_distance(self) -> float:
        """See `Potential.self_distance`."""
        return float(self.mean_distance(self._truth).mean())

    def self_kernels(self, bandwidths: np.ndarray) -> np.ndarray:
        """See `Potential.self_kernels`."""
        return self.mean_kernels(self._truth, bandwidths).mean(axis=0)

    @property
    def _truth(self) -> Array:
        points = self.dataset.sample(key_for(0, "averages", self.dataset.name), SELF_POINTS)
        return self.dataset.standardise(points)

    def _log_densities(self, x: Points, bandwidths: np.ndarray) -> np.ndarray:
        """Returns the log density blurred by each bandwidth, `[n, J]`, in float64."""
        x = np.asarray(x, np.float64)
        with jax.enable_x64(True):
            truth = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), self.dataset.truth)
            h = jnp.asarray(bandwidths, jnp.float64)
            blocks = [x[i : i + _ROWS] for i in range(0, len(x), _ROWS)]
            return np.concatenate([np.asarray(_log_densities(truth, jnp.asarray(b), h)) for b in blocks])


@jax.jit
def _log_densities(truth: Truth, x: Array, bandwidths: Array) -> Array:
    return jax.lax.map(lambda h: truth.log_prob(x, 1.0, h), bandwidths).T


class Averages(Protocol):
    """What metrics ask of a truth: a `Potential` without its own geometry, or `ByDensity`."""

    def mean_distance(self, x: Points) -> Points:
        """See `Potential.mean_distance`."""

    def mean_excess(self, x: np.ndarray) -> np.ndarray:
        """See `Potential.mean_excess`."""

    def mean_kernels(self, x: Points, bandwidths: np.ndarray) -> Points:
        """See `Potential.mean_kernels`."""

    def self_distance(self) -> float:
        """See `Potential.self_distance`."""

    def self_kernels(self, bandwidths: np.ndarray) -> np.ndarray:
        """See `Potential.self_kernels`."""


Against = Literal["truth", "reference"]
AGAINST = ("truth", "reference")


def averages_of(dataset: Dataset, against: Against) -> Averages | None:
    """Returns the averages over the truth of a dataset, or None where points stand for it.

    Args:
      dataset: The dataset.
      against: "truth" for what is known of it, "reference" for a sample.
    """
    checks.choice("against", against, AGAINST)
    if against == "reference" or dataset.truth is None:
        return None
    return dataset.potential() or ByDensity(dataset)


# What stands for the truth, as rows say it.
CLOSED_FORM, BY_DENSITY = "closed form", "blurred density"


def by_reference(m: int) -> str:
    """Returns what rows say where m points of the truth stand for it."""
    return f"reference of {m}"


def form_of(dataset: Dataset, against: Against, m: int) -> str:
    """Returns what stands for the truth in `averages_of`: its closed form, its density, or m points."""
    found = averages_of(dataset, against)
    if found is None:
        return by_reference(m)
    return BY_DENSITY if isinstance(found, ByDensity) else CLOSED_FORM
