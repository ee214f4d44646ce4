"""Two special functions behind exact scores, accurate in float32 and free of branches.

Sphere. For u uniform on the unit sphere of R^D and nu = D/2 - 1, with I the modified
Bessel function,

  E exp(kappa u_1) = Gamma(nu + 1) (2/kappa)^nu I_nu(kappa),
  A_nu(kappa) = d/dkappa of its log = I_{nu+1}(kappa) / I_nu(kappa).

With G_nu = log E exp(kappa (u_1 - 1)), the recurrence of I gives, from high orders down,

  A_nu = kappa / (2 (nu + 1) + kappa A_{nu+1}),
  G_nu = G_{nu+1} + log(1 + kappa A_{nu+1} / (2 (nu + 1))),

both stable: errors of A shrink by A^2 at each step. They start from the uniform expansion
for large orders. The code carries 1 - A, which keeps its digits where kappa is large and
the sphere's score is decided.

Interval. The uniform law on an interval of width w, blurred by N(0, s^2), is a difference
of normal CDFs; where w is short against s that difference is rounding, and a Gauss-Legendre
sum over the interval takes its place.

References:
  DLMF, 10.41.3 and 10.41.10 (uniform expansion), 10.29.1 (recurrence), 7.9 (Mills ratio).
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array

_ORDER = 8.0  # The uniform expansion is used at this order and above: its error there is below 2e-6.
# DLMF 10.41.10: the polynomials U_1, U_2, U_3 of p, lowest power first.
_U1 = np.array([0, 3, 0, -5, 0, 0, 0, 0, 0, 0]) / 24.0
_U2 = np.array([0, 0, 81, 0, -462, 0, 385, 0, 0, 0]) / 1152.0
_U3 = np.array([0, 0, 0, 30375, 0, -369603, 0, 765765, 0, -425425]) / 414720.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


def log_sphere_mean(dim: int, kappa: Array) -> tuple[Array, Array]:
    """Returns log E exp(kappa (u_1 - 1)) and 1 - A, u uniform on the unit sphere.

    Args:
      dim: Dimension D of the space, at least 2.
      kappa: Concentration, at least 0, any shape.

    Returns:
      G and 1 - A = -dG/dkappa, both shaped as kappa; A is the mean of u_1 under the
      von Mises-Fisher law of that concentration.
    """
    nu = 0.5 * dim - 1.0
    down = max(0, math.ceil(_ORDER - nu))
    order = nu + down
    log_mean, short = _uniform_expansion(order, kappa)
    for _ in range(down):
        twice = 2.0 * order  # 2 (nu + 1) of the order below
        along = kappa * (1.0 - short)
        log_mean = log_mean + jnp.log1p(along / twice)
        short = (twice - kappa * short) / (twice + along)
        order -= 1.0
    return log_mean, short


def _uniform_expansion(order: float, kappa: Array) -> tuple[Array, Array]:
    """Returns G and -dG/dkappa at a large order; every difference is written without cancellation."""
    q = jnp.sqrt(order**2 + kappa**2)
    rise = kappa**2 / (q + order)  # q - order
    lead = -2.0 * order * kappa / (q + order + kappa)  # q - order - kappa
    lead = lead - order * jnp.log1p(rise / (2.0 * order)) - 0.5 * jnp.log1p(rise / order)
    stirling = 1.0 / (12.0 * order) - 1.0 / (360.0 * order**3)
    p = order / q
    terms, slope = _horner(_U1 / order + _U2 / order**2 + _U3 / order**3, p)
    short = (order + order**2 / (q + kappa)) / (q + order) + kappa / (2.0 * q**2)
    # dp/dkappa = -p kappa / q^2
    return lead + stirling + jnp.log1p(terms), short + slope / (1.0 + terms) * p * kappa / q**2


def _horner(coefficients: np.ndarray, p: Array) -> tuple[Array, Array]:
    """Returns a polynomial, lowest power first, and its derivative."""
    value, slope = jnp.zeros_like(p), jnp.zeros_like(p)
    for coefficient in coefficients[::-1]:
        value, slope = value * p + float(coefficient), slope * p + value
    return value, slope


def interval(y: Array, low: Array, high: Array, s: Array) -> tuple[Array, Array]:
    """Returns the log density of a blurred uniform interval, and its derivative in y.

    Args:
      y: Points, any shape that broadcasts with the ends.
      low: Lower ends.
      high: Upper ends, above the lower ones.
      s: Standard deviation of the blur, positive.
    """
    width = high - low
    middle = 0.5 * (low + high)
    away = y - middle
    # Log of the largest ratio of the Gaussian kernel over the interval.
    fall = width * jnp.abs(away) / s**2
    short = jnp.maximum(fall, width / s) < 2.0

    # Where the kernel hardly varies: a sum over the interval.
    points = 0.5 * width[..., None] * _NODES.astype(np.float32)
    kernel = -0.5 * ((away[..., None] - points) / s) ** 2 + np.log(0.5 * _WEIGHTS).astype(np.float32)
    summed = jax.nn.logsumexp(kernel, axis=-1) - 0.5 * math.log(2.0 * math.pi) - jnp.log(s)
    pulled = ((jax.nn.softmax(kernel, axis=-1) * points).sum(-1) - away) / s**2

    # Elsewhere: Phi(-near) - Phi(-far), measured from the nearer end.
    near = (jnp.abs(away) - 0.5 * width) / s
    log_near = jax.scipy.special.log_ndtr(-near)
    log_ratio = jax.scipy.special.log_ndtr(-near - width / s) - log_near
    # The unused branch must stay finite, or its gradient is NaN.
    log_ratio = jnp.where(short, -1.0, log_ratio)
    cut = log_near + jnp.log(-jnp.expm1(log_ratio)) - jnp.log(width)
    slope = -jnp.sign(away) * _mills(near) / s * jnp.expm1(-fall) / jnp.expm1(log_ratio)
    return jnp.where(short, summed, cut), jnp.where(short, pulled, slope)


def _mills(x: Array) -> Array:
    """Returns phi(x)/Phi(-x), the inverse of Mills' ratio, by a continued fraction in the tail."""
    body = jnp.minimum(x, 5.0)
    tail = jnp.maximum(x, 5.0)
    fraction = tail
    for k in range(12, 0, -1):
        fraction = tail + k / fraction
    log_phi = -0.5 * body**2 - 0.5 * math.log(2.0 * math.pi)
    return jnp.where(x > 5.0, fraction, jnp.exp(log_phi - jax.scipy.special.log_ndtr(-body)))
