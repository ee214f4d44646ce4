"""Laws on surfaces against integrals over them."""

import functools
import math

import numpy as np
import pytest
from compiled import quickly
from scipy import special

from diffbench.contracts import DATASETS


@functools.cache
def built(name, **params):
    return DATASETS.build(name, **params)


@quickly
def facts_of(truth, x, alpha, sigma):
    return truth.log_prob(x, alpha, sigma), truth.score(x, alpha, sigma)


@pytest.mark.parametrize("dim", [2, 10, 256])
def test_sphere_is_an_integral_over_the_polar_angle(dim):
    dataset = built("sphere", dim=dim)
    for sigma in (0.0, 0.5, 20.0):
        s = dataset.scale * math.hypot(0.05, sigma)
        radii = 1.0 + s * np.linspace(min(0.8 / s, 5.0) * -1.0, 5.0, 32)
        x = np.zeros((32, dim), np.float32)
        x[:, 0] = radii / dataset.scale
        log_prob, score = facts_of(dataset.truth, x, 1.0, sigma)
        for radius, ours, slope in list(zip(radii, log_prob, score[:, 0], strict=True))[::5]:
            u = np.linspace(-1.0, 1.0, 200_001)[1:-1]
            log_weight = 0.5 * (dim - 3.0) * np.log1p(-(u**2))
            joint = log_weight + radius * (u - 1.0) / s**2
            if dim == 2:  # The weight is singular at the poles: use the angle.
                u = np.cos(np.linspace(0.0, np.pi, 20_001)[:-1] + 0.5 * np.pi / 20_000)
                log_weight, joint = np.zeros(20_000), radius * (u - 1.0) / s**2
            log_mean = special.logsumexp(joint) - special.logsumexp(log_weight)
            pull = special.softmax(joint) @ u
            other = log_mean - 0.5 * ((radius - 1.0) / s) ** 2
            other = other - 0.5 * dim * math.log(2.0 * math.pi * s**2) + dim * math.log(dataset.scale)
            assert float(ours) == pytest.approx(other, rel=1e-5, abs=2e-4)
            assert float(slope) * s == pytest.approx((pull - radius) / s * dataset.scale, rel=1e-4, abs=1e-4)
