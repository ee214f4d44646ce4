"""NCSN trains on its levels, with lambda = sigma^2 on the score: Song & Ermon (2019), section 4.2."""

import numpy as np
from called import draws

from diffbench.process import PROCESSES


def test_levels_are_geometric_and_the_error_of_each_score_counts_by_its_variance():
    noise = PROCESSES.build("ncsn", levels=8, sigma_min=0.01, sigma_max=1.0)
    times, weight = draws("ncsn", noise)
    levels = np.unique(np.asarray(noise.sigma(times.astype(np.float32)), np.float64))
    np.testing.assert_allclose(levels, np.geomspace(0.01, 1.0, 8), rtol=1e-4)
    # sigma^2 |s + eps/sigma|^2 is |sigma s + eps|^2, the loss that is shared: there it weighs 1.
    np.testing.assert_array_equal(weight, 1.0)
