"""Quadrature nodes of circles and intervals, from which those of surfaces are made.

Gaussians of standard deviation s on nodes h <= 1.5 s apart stand for the law along the curve to
2 exp(-2 pi^2/1.5^2) = 3e-4 of its density, a ripple of wavelength h that no average over it sees:
potentials differ by (h/2 pi)^2 of that, and less.
"""

from __future__ import annotations

import math

import numpy as np

from diffbench.laws.potentials import Spherical


def around(length: float, spacing: float) -> np.ndarray:
    """Returns equal nodes of the unit circle, `[k, 2]`, at most a spacing apart.

    Args:
      length: Length of the circle that they are for.
      spacing: Largest distance along it.
    """
    # Equal weights at equal angles are spectrally accurate on a circle; eight carry the lowest waves.
    angle = 2.0 * np.pi * np.arange(max(8, math.ceil(length / spacing)))
    angle /= len(angle)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def line(low: float, high: float, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns Gauss-Legendre nodes of an interval and their shares, `[k]` each.

    They are pi/2 further apart in the middle than equal ones.
    """
    # pi/2: so much further apart than equal ones they are in the middle.
    count = max(8, math.ceil(0.5 * math.pi * (high - low) / spacing))
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (high - low) * nodes + 0.5 * (high + low), 0.5 * weights


def equal(points: np.ndarray) -> Spherical:
    """Returns equal weights on points `[k, D]`."""
    return Spherical(points, np.full(len(points), 1.0 / len(points)), np.zeros(len(points)))
