"""Sliced W2: how sorted points are matched. Its values are tested beside those of the other distances."""

import numpy as np
import pytest

from diffbench.metrics.sliced import coupling


@pytest.mark.parametrize(("n", "m"), [(4, 4), (3, 5), (1, 7), (6, 4)])
def test_the_coupling_has_both_marginals(n, m):
    i, j, mass = coupling(n, m)
    np.testing.assert_allclose(np.bincount(i, mass), np.full(n, 1 / n))
    np.testing.assert_allclose(np.bincount(j, mass), np.full(m, 1 / m))
