"""Special functions against their integrals in float64."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import quickly
from scipy import integrate, special, stats

from diffbench.laws.special import interval, log_sphere_mean


def log_sphere_mean_64(dim, kappa):
    """Returns G and A by scipy's Bessel functions in float64."""
    nu = 0.5 * dim - 1.0
    if kappa < 30.0:
        near, above = (special.hyp0f1(k, 0.25 * kappa**2) for k in (nu + 1.0, nu + 2.0))
        return math.log(near) - kappa, above / near * kappa / dim
    bessel = special.ive(nu, kappa)
    log_mean = math.log(bessel) + special.gammaln(nu + 1.0) + nu * math.log(2.0 / kappa)
    return log_mean, special.ive(nu + 1.0, kappa) / bessel


@pytest.mark.parametrize("dim", [2, 3, 10, 64, 256])
def test_bessel_functions_of_the_sphere(dim):
    kappa = np.logspace(-6, 5 if dim < 256 else 4.5, 64).astype(np.float32)
    program = quickly(lambda k: jax.jvp(functools.partial(log_sphere_mean, dim), (k,), (jnp.ones_like(k),)))
    (log_mean, short), (slope, _) = program(kappa)
    other = np.array([log_sphere_mean_64(dim, float(k)) for k in kappa])
    np.testing.assert_allclose(log_mean, other[:, 0], rtol=1e-6, atol=3e-5)
    np.testing.assert_allclose(short, 1.0 - other[:, 1], rtol=2e-5)
    np.testing.assert_allclose(slope, -short, atol=5e-6)


@quickly
def interval_of(y, s):
    return interval(y, jnp.zeros(()), jnp.ones(()), s)


@pytest.mark.slow
@pytest.mark.parametrize("s", [0.01, 0.3, 0.6, 3.0, 150.0])
def test_interval_is_a_difference_of_normal_cdfs(s):
    y = np.concatenate([np.linspace(-1.0, 2.0, 31), 0.5 + s * np.linspace(-8.0, 8.0, 33)]).astype(np.float32)
    log_density, slope = interval_of(y, s)
    for point, ours, our_slope in zip(y, log_density, slope, strict=True):
        near = abs(float(point) - 0.5) - 0.5  # Distance outside the nearer end.
        if near > 6.0 * s and near / s > 30.0:
            continue  # The reference underflows.
        kernel = functools.partial(stats.norm.pdf, loc=float(point), scale=s)
        breaks = np.clip(float(point) + s * np.arange(-8.0, 9.0, 2.0), 0.0, 1.0)
        breaks = np.unique(np.concatenate([breaks, [0.0, 1.0, min(s, 1.0), max(0.0, 1.0 - s)]]))
        parts = [integrate.fixed_quad(kernel, a, b, n=40)[0] for a, b in itertools.pairwise(breaks)]
        mass = sum(parts)
        assert float(ours) == pytest.approx(math.log(mass), rel=1e-5, abs=1e-5)
        other = (kernel(0.0) - kernel(1.0)) / mass
        assert float(our_slope) * s == pytest.approx(other * s, rel=1e-4, abs=1e-4)


def test_interval_far_from_its_ends_and_at_large_noise():
    # Ten standard deviations out, where the mass is 1e-23, and where it is exp(-5e5).
    log_density, slope = interval_of(np.float32([2.0, 101.0] * 32), 0.1)
    assert float(log_density[0]) == pytest.approx(stats.norm.logcdf(-10.0), rel=1e-6)
    np.testing.assert_allclose(slope[:2], [-100.980971, -10000.1], rtol=1e-5)
    log_density, slope = interval_of(np.full(64, 150.0, np.float32), 150.0)
    assert float(log_density[0]) == pytest.approx(stats.norm.logpdf(149.5, scale=150.0), abs=1e-4)
    np.testing.assert_allclose(slope, -149.5 / 150.0**2, rtol=1e-4)
