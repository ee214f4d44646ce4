"""Euler's steps on dx/dt = v, as flow matching samples, are DDIM's on the straight line.

The probability flow is dx/dt = alpha' x0_hat + sigma' eps_hat. On alpha = 1 - t, sigma = t that is
v = eps_hat - x0_hat, and Euler's step from t to s is

  x_s = x_t + (s - t)(eps_hat - x0_hat)
      = (alpha_t x0_hat + sigma_t eps_hat) + (alpha_s - alpha_t) x0_hat + (sigma_s - sigma_t) eps_hat
      = alpha_s x0_hat + sigma_s eps_hat,

which is DDIM with eta = 0, on any grid: alpha and sigma are linear in t, so their differences are
exactly (s - t) times their slopes. Where they are not, the two differ.
"""

import numpy as np
import pytest
from test_few_steps import together, two_points

SLOW = [pytest.param(grid, marks=pytest.mark.slow) for grid in ("log_snr", "karras")]


@pytest.mark.parametrize("grid", ["time", *SLOW])
def test_euler_of_flow_matching_is_ddim_on_the_straight_line(grid):
    steps = {"steps": 6, "grid": grid}
    ddim, euler = together(
        "rectified_flow", two_points, ("ddim", steps), ("probability_flow", {"solver": "euler", **steps})
    )
    np.testing.assert_allclose(euler, ddim, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_on_a_curved_path_they_differ():
    ddim, euler = together(
        "vp", two_points, ("ddim", {"steps": 6}), ("probability_flow", {"solver": "euler", "steps": 6})
    )
    assert np.abs(ddim - euler).max() > 1e-2
