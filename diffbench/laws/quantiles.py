"""The quantile function of a mixture of Gaussians on a line, averaged over equal shares.

The squared Wasserstein-2 distance between n sorted points x_i and a law of quantile function Q is

  sum_i int_{(i-1)/n}^{i/n} (x_i - Q(u))^2 du = 1/n sum_i (x_i - b_i)^2 + (E Y^2 - 1/n sum_i b_i^2),

b_i = n int Q over the i-th share: the mean of the law there. With F the distribution function and
G(u) = E[Y; F(Y) <= u], b_i is a difference of G, whose derivative is Q: so G is interpolated by
cubics through its values and slopes at points where F and G are known in closed form,
F = sum_k w_k Phi(z_k), G = sum_k w_k (m_k Phi(z_k) - s_k phi(z_k)).
"""

from __future__ import annotations

import numpy as np
from scipy import interpolate, special

# Grid points per standard deviation, and how many deviations the grid reaches beyond a mean.
_FINE, _REACH = 16.0, 9.0
# Beyond as many components they are gathered on a grid of their own first.
_MANY = 64
_MOST_POINTS = 2**14


class Line:
    """A mixture of Gaussians on a line, by its quantiles.

    Attributes:
      square: E Y^2.
    """

    def __init__(self, weights: np.ndarray, means: np.ndarray, sds: np.ndarray):
        """Tabulates the distribution.

        Args:
          weights: Normalised, `[K]`.
          means: `[K]`.
          sds: Above 0, `[K]`.
        """
        self.square = float(weights @ (means**2 + sds**2))
        mean = float(weights @ means)
        if len(weights) > _MANY and np.ptp(sds) == 0.0:
            weights, means = _gathered(weights, means, float(sds[0]) / _FINE)
            # Sharing adds to the spread what is then taken from the widths.
            sds = np.full(len(means), np.sqrt(self.square - weights @ means**2))
        x = _grid(means, sds)
        share, part = np.zeros_like(x), np.zeros_like(x)
        for w, m, s in zip(weights, means, sds, strict=True):
            z = (x - m) / s
            cdf = special.ndtr(z)
            share += w * cdf
            part += w * (m * cdf - s * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi))
        # Shares that do not grow by more than rounding say nothing of the slope between them.
        keep = np.diff(share, prepend=0.0) > 1e-13
        keep &= share < 1.0 - 1e-13
        u = np.concatenate([[0.0], share[keep], [1.0]])
        slope = np.concatenate([[x[keep][0]], x[keep], [x[keep][-1]]])
        self._n, self._shares = 0, np.empty(0)
        self._parts = interpolate.CubicHermiteSpline(u, np.concatenate([[0.0], part[keep], [mean]]), slope)

    def shares(self, n: int) -> np.ndarray:
        """Returns the mean of the law over each of n equal shares, ascending, `[n]`."""
        if n != self._n:
            # A floor asks for one n many times.
            self._n, self._shares = n, n * np.diff(self._parts(np.arange(n + 1) / n))
        return self._shares

    def squared_w2(self, x: np.ndarray) -> float:
        """Returns the squared Wasserstein-2 distance of points, ascending, `[n]`, to the law."""
        shares = self.shares(len(x))
        gap = x.astype(np.float64) - shares
        return float((gap**2).mean() + self.square - (shares**2).mean())


def _gathered(weights: np.ndarray, means: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns fewer components of one width: each shared by the two grid points beside it."""
    low = means.min()
    place = (means - low) / step
    left = np.minimum(place.astype(int), int(place.max()))
    rest = place - left
    size = left.max() + 2
    total = np.bincount(left, weights * (1.0 - rest), size) + np.bincount(left + 1, weights * rest, size)
    return total[total > 0.0], (low + step * np.arange(size))[total > 0.0]


def _grid(means: np.ndarray, sds: np.ndarray) -> np.ndarray:
    """Returns points at which the distribution is tabulated, ascending."""
    low, high = (means - _REACH * sds).min(), (means + _REACH * sds).max()
    count = int((high - low) / sds.min() * _FINE) + 2
    if len(means) > _MANY or count < 4096:
        return np.linspace(low, high, min(count, _MOST_POINTS))
    steps = np.arange(-_REACH, _REACH + 0.5 / _FINE, 1.0 / _FINE)
    return np.unique((means[:, None] + sds[:, None] * steps).ravel())
