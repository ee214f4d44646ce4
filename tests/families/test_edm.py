"""EDM: log-normal levels, and a loss whose target is of one size at every one of them."""

import jax.numpy as jnp
import numpy as np
import pytest
from called import called, draws
from scipy import stats

from diffbench.networks.base import eps_from_output
from diffbench.process import PROCESSES


@pytest.mark.slow
def test_levels_are_log_normal():
    noise = PROCESSES.build("edm")
    for params, mean, sd in (({}, -1.2, 1.2), ({"log_mean": 0.5, "log_sd": 0.7}, 0.5, 0.7)):
        t, _ = draws("edm", noise, **params)
        # False alarm in 1e-4 of seeds.
        assert stats.kstest(np.log(80.0 * t), stats.norm(mean, sd).cdf).pvalue > 1e-4


def test_levels_stay_inside_the_process():
    noise = PROCESSES.build("vp")
    t, _ = draws("edm", noise, log_mean=-20.0)
    np.testing.assert_allclose(t, noise.t_min, rtol=1e-3)


@pytest.mark.parametrize("process", ["edm", "vp"])
def test_the_weighted_loss_is_that_of_the_preconditioned_output(process):
    # Karras et al. (2022), equation 8: lambda |D - y|^2 = |F - target|^2 for lambda = 1/c_out^2.
    noise, t = PROCESSES.build(process), jnp.asarray([0.01, 0.3, 0.9])
    weight = called("edm", noise, lambda made: made.weight(t))
    alpha, sigma = noise.alpha(t)[:, None], noise.sigma(t)[:, None]
    x, raw = jnp.ones((3, 2)), jnp.asarray([[0.3, -0.2]] * 3)
    gap = eps_from_output("edm", raw, x, alpha, sigma) - eps_from_output("edm", raw + 1.0, x, alpha, sigma)
    np.testing.assert_allclose(weight[:, None] * gap**2, 1.0, rtol=1e-4)


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"log_sd": 0.0}, ValueError, "log_sd must be positive and finite; got 0.0"),
        ({"log_mean": float("inf")}, ValueError, "log_mean must be finite; got inf"),
        ({"log_mean": "low"}, TypeError, "log_mean must be a number; got 'low'"),
    ],
)
def test_wrong_values_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        called("edm", PROCESSES.build("edm"), lambda made: jnp.zeros(()), **params)
