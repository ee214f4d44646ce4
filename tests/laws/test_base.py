"""The exact diffused truth of a law."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from diffbench.laws import mixtures as laws
from diffbench.laws.base import DiffusedTruth


@pytest.mark.slow
def test_diffused_truth_of_one_gaussian_is_by_hand():
    law = laws.IsotropicMixture(jnp.array([[3.0, 1.0]]), jnp.zeros(1), jnp.array([0.25]))
    truth = DiffusedTruth(law, jnp.array([1.0, 1.0]), jnp.asarray(2.0), jnp.asarray(0.3))
    x = jnp.array([[0.5, -1.0], [2.0, 2.0]])
    # x_0 = (y - 1)/2 has mean (1, 0) and variance 0.25/4 + 0.3^2 in each dimension.
    mean, variance = 0.8 * np.array([1.0, 0.0]), 0.8**2 * (0.25 / 4.0 + 0.09) + 0.6**2
    by_hand = stats.multivariate_normal(mean, variance).logpdf(x)
    np.testing.assert_allclose(truth.log_prob(x, 0.8, 0.6), by_hand, rtol=1e-5)
    np.testing.assert_allclose(truth.score(x, 0.8, 0.6), (mean - x) / variance, rtol=1e-5)
