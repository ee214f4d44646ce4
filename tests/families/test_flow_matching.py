"""Flow matching: its loss is that of the velocity, its times are uniform or logit-normal."""

import jax.numpy as jnp
import numpy as np
import pytest
from called import N, called, draws, guess
from scipy import stats

from diffbench.process import PROCESSES


@pytest.mark.slow
def test_the_loss_is_that_of_the_velocity():
    noise, y = PROCESSES.build("rectified_flow"), np.random.RandomState(1).standard_normal((N, 3))

    def loss_and_what_the_network_saw(made):
        seen = {}

        def spy(x, t, alpha, sigma, is_training):
            seen.update(x=x, t=t)
            return guess(x, t, alpha, sigma, is_training)

        made.network = spy
        return made.loss(jnp.asarray(y, float)), seen

    loss, seen = called("flow_matching", noise, loss_and_what_the_network_saw)
    x, t = np.asarray(seen["x"], np.float64), np.asarray(seen["t"], np.float64)[:, None]
    # Lipman et al. (2022), equation 23: the field that the network means, against eps - x_0.
    eps = (x - (1 - t) * y) / t
    velocity = (0.3 * x + t - 0.1 - x) / (1 - t)
    expected = ((velocity - (eps - y)) ** 2).mean(axis=1)
    # eps comes back from x in float32 with fewer digits where t is small.
    usual = t[:, 0] > 0.02
    assert usual.sum() > N / 2
    np.testing.assert_allclose(np.asarray(loss)[usual], expected[usual], rtol=1e-3)


@pytest.mark.slow
def test_times_are_uniform_or_logit_normal():
    noise = PROCESSES.build("rectified_flow")
    even = draws("flow_matching", noise)[0]
    # Each test: false alarm in 1e-4 of seeds.
    assert stats.kstest(even, stats.uniform(1e-3, 0.998).cdf).pvalue > 1e-4
    logit = draws("flow_matching", noise, times="logit_normal")[0]
    assert stats.kstest(np.log(logit / (1 - logit)), "norm").pvalue > 1e-4


def test_wrong_times_are_refused():
    with pytest.raises(ValueError, match="times must be one of uniform, logit_normal; got 'even'"):
        called("flow_matching", PROCESSES.build("vp"), lambda made: jnp.zeros(()), times="even")


@pytest.mark.slow
def test_without_a_weight_of_its_own_it_is_the_simple_loss():
    noise = PROCESSES.build("rectified_flow")
    t, weight = draws("flow_matching", noise)
    np.testing.assert_allclose(weight, 1 / (1 - t) ** 2, rtol=1e-3)
    np.testing.assert_array_equal(draws("flow_matching", noise, weighting="simple")[1], 1.0)
    assert (
        called("flow_matching", noise, lambda made: made.weight(jnp.asarray([0.5])), weighting="likelihood")
        > 1.0
    )
