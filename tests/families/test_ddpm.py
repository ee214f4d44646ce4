"""DDPM trains on the steps of its table, each counting alike: Ho et al. (2020), Algorithm 1 and equation 14."""

import numpy as np
from called import draws

from diffbench.process import PROCESSES


def test_times_are_the_steps_of_the_table_and_all_count_alike():
    noise = PROCESSES.build("ddpm_linear", steps=30)
    times, weight = draws("ddpm", noise)
    np.testing.assert_allclose(np.unique(times), np.arange(1, 31) / 30, rtol=1e-6)
    np.testing.assert_array_equal(weight, 1.0)
