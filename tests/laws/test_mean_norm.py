"""The mean distance to a Gaussian, against numerical integrals of SciPy."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from diffbench.laws.mean_norm import mean_norm, shortfall


def integral(r, dim):
    """Returns E|r e + Z| by integrating the tail of the noncentral chi-squared law."""
    if dim == 1:
        return r * special.erf(r / math.sqrt(2.0)) + math.sqrt(2.0 / math.pi) * math.exp(-0.5 * r * r)
    law = stats.ncx2(dim, r * r) if r > 0.0 else stats.chi2(dim)
    top = math.sqrt(r * r + dim)
    return integrate.quad(lambda y: law.sf(y * y), 0.0, top + 14.0, points=[top], epsabs=1e-12, limit=400)[0]


@pytest.mark.parametrize("dim", [1, 2, 3, 16, 64])
@pytest.mark.parametrize("r", [0.0, 0.3, 2.0, 9.0])
def test_it_is_the_integral_of_the_noncentral_chi_law(dim, r):
    told = mean_norm(np.float64(r * r), np.float64(1.0), shortfall(dim), dim)
    assert told == pytest.approx(integral(r, dim), rel=1e-8)


@pytest.mark.parametrize("dim", [1, 2, 3, 784])
def test_far_away_it_is_the_distance_and_half_the_variance_across(dim):
    r, sd = 1e4, 0.5
    told = mean_norm(np.float64(r * r), np.float64(sd**2), shortfall(dim), dim)
    assert told == pytest.approx(r + 0.5 * (dim - 1) * sd**2 / r, rel=1e-12)


def test_without_a_width_it_is_the_distance_itself():
    square = np.array([0.0, 1e-12, 4.0])
    assert mean_norm(square, np.zeros(3), shortfall(3), 3) == pytest.approx([0.0, 1e-6, 2.0], rel=1e-12)
