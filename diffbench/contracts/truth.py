"""What may be known of the data: its diffused density and score, its modes, averages over it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from diffbench.contracts.arrays import Array, Number, Points


class Truth(Protocol):
    """What is known of the data in standardised coordinates; a pytree of arrays."""

    def log_prob(self, x: Array, alpha: Number, sigma: Number) -> Array:
        """Returns the log density of alpha x_0 + sigma eps at x, `[n]`, in nats."""

    def score(self, x: Array, alpha: Number, sigma: Number) -> Array:
        """Returns the gradient of that log density, `[n, D]`."""


class Modes(Protocol):
    """The modes of a mixture, in standardised coordinates; K modes."""

    @property
    def weights(self) -> Array:
        """Returns the share of each mode, `[K]`."""

    def responsibilities(self, x: Array) -> Array:
        """Returns the probability that x came from each mode, `[n, K]`."""

    def mahalanobis(self, x: Array) -> Array:
        """Returns the squared Mahalanobis distance to each mode, `[n, K]`."""


class Potential(Protocol):
    """Averages over the truth in closed form, in standardised coordinates; Y, Y' ~ truth."""

    def mean_distance(self, x: Points) -> Array:
        """Returns E|x - Y| at x `[n, D]`, `[n]`."""

    def mean_excess(self, x: np.ndarray) -> np.ndarray:
        """Returns E|x - Y| - |x| at points far from the data, `[n]`, float64, up to 1e150."""

    def mean_kernels(self, x: Points, bandwidths: np.ndarray) -> Array:
        """Returns E exp(-|x - Y|^2/(2 h^2)) at x `[n, D]` for each bandwidth `[J]`, `[n, J]`."""

    def self_distance(self) -> float:
        """Returns E|Y - Y'|."""

    def self_kernels(self, bandwidths: np.ndarray) -> np.ndarray:
        """Returns E exp(-|Y - Y'|^2/(2 h^2)) for each bandwidth `[J]`, `[J]`."""

    def moved(self, scale: float, shift: np.ndarray) -> Potential:
        """Returns the averages over scale Y + shift."""

    def projected(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns weights `[K]`, means and deviations of Y in each direction `[D, L]`, `[K, L]`."""
