"""Processes in closed form: NCSN's levels, and constants that are none."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.process import PROCESSES


def test_ncsn_levels_are_geometric(facts):
    process = PROCESSES.build("ncsn", levels=10, sigma_min=0.01, sigma_max=1.0)
    np.testing.assert_allclose(facts(process, process.grid)[1], np.geomspace(0.01, 1, 10), rtol=1e-4)


@pytest.mark.parametrize("name", ["vp", "sub_vp"])
def test_whole_numbers_are_as_good_as_fractions(name):
    whole, fraction = PROCESSES.build(name, beta_min=1, beta_max=20), PROCESSES.build(name, beta_min=1.0)
    assert jax.tree.map(jnp.result_type, whole) == jax.tree.map(jnp.result_type, fraction)


@pytest.mark.parametrize(
    ("name", "params", "error", "text"),
    [
        ("vp", {"beta_min": 30.0}, ValueError, "beta_min must be below beta_max; got beta_min = 30.0"),
        ("vp", {"beta_min": 0.0}, ValueError, "beta_min must be positive and finite; got 0.0"),
        ("sub_vp", {"beta_max": 0.1}, ValueError, "beta_min must be below beta_max; got .* = 0.1$"),
        ("sub_vp", {"beta_max": "x"}, TypeError, "beta_max must be a number; got 'x'"),
        ("ve", {"sigma_min": 20.0}, ValueError, "sigma_min must be below sigma_max"),
        ("ve", {"sigma_max": math.inf}, ValueError, "sigma_max must be positive and finite; got inf"),
        ("edm", {"sigma_min": 90.0}, ValueError, "sigma_min must be below sigma_max"),
        ("ncsn", {"levels": 1}, ValueError, "levels must be at least 2; got 1"),
        ("ncsn", {"levels": 5.0}, TypeError, "levels must be a whole number; got 5.0"),
        ("ncsn", {"sigma_max": 0.01}, ValueError, "sigma_min must be below sigma_max"),
    ],
)
def test_wrong_constants_are_refused(name, params, error, text):
    with pytest.raises(error, match=text):
        PROCESSES.build(name, **params)
