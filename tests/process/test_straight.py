"""Rectified flow: a straight line from data to noise, of which its margin is left out."""

import numpy as np
import pytest

from diffbench.process import PROCESSES


def test_signal_and_noise_add_up_to_one_and_the_margin_is_left_out_at_either_end(facts):
    process = PROCESSES.build("rectified_flow", margin=0.01)
    alpha, sigma = facts(process, np.linspace(0.01, 0.99, 99))[:2]
    np.testing.assert_allclose(alpha + sigma, 1.0, rtol=1e-6)
    np.testing.assert_allclose(sigma, np.linspace(0.01, 0.99, 99), rtol=1e-5)
    assert (process.t_min, process.t_max, process.t_end) == (0.01, 0.99, 0.01)


@pytest.mark.parametrize(
    ("name", "params", "error", "text"),
    [
        ("rectified_flow", {"margin": 0.0}, ValueError, "margin must be positive and finite; got 0.0"),
        ("rectified_flow", {"margin": 0.2}, ValueError, "margin must be at most 0.1; got 0.2"),
    ],
)
def test_wrong_constants_are_refused(name, params, error, text):
    with pytest.raises(error, match=text):
        PROCESSES.build(name, **params)
