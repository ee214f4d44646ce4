"""The mean distance to a Gaussian, E|a + sd Z|, Z ~ N(0, I_D).

In closed form it is sd g(|a|/sd), with

  g(r) = sqrt(2) Gamma((D + 1)/2)/Gamma(D/2) 1F1(-1/2; D/2; -r^2/2),

the mean of a noncentral chi law. What is kept is how far it falls short of the root mean square,

  F(t) = (sqrt(r^2 + D) - g(r)) sqrt(r^2 + D),   t = sqrt(D/(r^2 + D)) in (0, 1],

a bounded smooth function, as a Chebyshev series: with it g is right to 1e-9 relative from two
dimensions on, at any r, and to 3e-9 in one.

References:
  Johnson, Kotz & Balakrishnan (1995), Continuous univariate distributions 2, chapter 29.
  DLMF, 13.7.2, for 1F1 at large arguments.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from scipy import special

_DEGREE = 40
# Beyond r^2/2 = 60 + D the asymptotic series of 1F1 is right to 1e-15 within 24 terms.
_FAR = 60.0


@functools.lru_cache(maxsize=64)
def shortfall(dim: int) -> np.ndarray:
    """Returns the Chebyshev coefficients of F on [0, 1], `[41]`, float64.

    Args:
      dim: Dimension D, at least 1.
    """
    nodes = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
    t = 0.5 * (nodes + 1.0)
    r_square = dim / t**2 - dim
    root = np.sqrt(r_square + dim)
    values = np.array([_short(square, dim) for square in r_square]) * root
    return np.polynomial.chebyshev.chebfit(nodes, values, _DEGREE)


def _short(r_square: float, dim: int) -> float:
    """Returns sqrt(r^2 + D) - g(r)."""
    root = math.sqrt(r_square + dim)
    if 0.5 * r_square < _FAR + dim:
        # A noncentral chi is a chi of D + 2 K degrees, K Poisson: a sum of positive terms.
        z = 0.5 * r_square
        extra = np.arange(int(z + 40.0 + 12.0 * math.sqrt(z + 1.0)))
        share = np.exp(special.xlogy(extra, z) - z - special.gammaln(extra + 1.0))
        chi = np.exp(special.gammaln(extra + 0.5 * (dim + 1)) - special.gammaln(extra + 0.5 * dim))
        return root - math.sqrt(2.0) * float(share @ chi)
    # g = r sum_k (-1/2)_k (1/2 - D/2)_k / k! (r^2/2)^-k; the leading r cancels in closed form.
    r, term, total = math.sqrt(r_square), 1.0, 0.0
    for k in range(1, 25):
        term *= (k - 1.5) * (k - 0.5 - 0.5 * dim) / (k * 0.5 * r_square)
        total += term
        if abs(term) < 1e-18:
            break
    return dim / (root + r) - r * total


def mean_norm(square: Any, variance: Any, coefficients: Any, dim: int, xp: Any = np) -> Any:
    """Returns E|a + sd Z| elementwise.

    Args:
      square: |a|^2, any shape.
      variance: sd^2, 0 included, shaped alike.
      coefficients: `shortfall(dim)`, in the working dtype.
      dim: Dimension D.
      xp: NumPy, or jax.numpy.
    """
    spread = dim * variance
    whole = square + spread
    # A point on a point: nothing to divide.
    safe = xp.where(whole > 0.0, whole, 1.0)
    root = xp.sqrt(safe)
    t = xp.sqrt(spread / safe)
    # Clenshaw's recurrence.
    twice = 2.0 * (2.0 * t - 1.0)
    above, here = xp.zeros_like(t), xp.zeros_like(t)
    for c in coefficients[:0:-1]:
        above, here = here, c + twice * here - above
    short = coefficients[0] + 0.5 * twice * here - above
    return xp.where(whole > 0.0, root - variance / root * short, 0.0)
