"""Means over equal shares of a mixture on a line, against SciPy's quantiles and integrals."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from diffbench.laws.quantiles import Line


def test_shares_of_a_normal_are_differences_of_its_density():
    n, m, s = 64, 0.7, 0.3
    edges = stats.norm.ppf(np.arange(n + 1) / n)
    exact = m + s * n * (stats.norm.pdf(edges[:-1]) - stats.norm.pdf(edges[1:]))
    assert Line(np.ones(1), np.array([m]), np.array([s])).shares(n) == pytest.approx(exact, abs=1e-6)


MIXTURES = {
    "apart": ([0.2, 0.5, 0.3], [-3.0, 0.0, 4.0], [0.1, 0.02, 1.0]),
    "narrow": ([0.5, 0.5], [-1.0, 1.0], [1e-4, 1.0]),
    "many": (np.full(300, 1 / 300), np.linspace(-1.0, 1.0, 300) ** 3, np.full(300, 0.05)),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_shares_are_integrals_of_the_quantile_function(name):
    w, m, s = (np.asarray(part) for part in MIXTURES[name])

    def cdf(x):
        return float(w @ stats.norm.cdf((x - m) / s))

    n = 5
    told = Line(w, m, s).shares(n)
    edges = [optimize.brentq(lambda x, u=u: cdf(x) - u, -40.0, 40.0, xtol=1e-14) for u in np.arange(1, n) / n]
    edges = np.array([-np.inf, *edges, np.inf])
    z = (edges[:, None] - m) / s
    part = (w * (m * stats.norm.cdf(z) - s * stats.norm.pdf(z))).sum(axis=1)
    assert told == pytest.approx(n * np.diff(part), abs=3e-6)


def test_they_average_to_the_mean_and_ascend():
    w, m, s = (np.asarray(part) for part in MIXTURES["apart"])
    told = Line(w, m, s).shares(1000)
    assert told.mean() == pytest.approx(w @ m, abs=1e-12)
    assert (np.diff(told) > 0.0).all()


def test_many_components_gathered_agree_with_all_of_them():
    rng = np.random.default_rng(0)
    means, weights = rng.normal(size=3000), rng.dirichlet(np.ones(3000))
    same, apart = np.full(3000, 0.1), np.append(np.full(2999, 0.1), 0.1 + 1e-9)
    told, exact = Line(weights, means, same), Line(weights, means, apart)
    assert told.shares(50) == pytest.approx(exact.shares(50), abs=1e-3)
    assert math.sqrt(np.mean((told.shares(50) - exact.shares(50)) ** 2)) < 3e-4
    assert told.square == pytest.approx(exact.square, rel=1e-8)
