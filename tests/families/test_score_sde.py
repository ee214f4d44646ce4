"""Score-SDE: its times, even in t or in log SNR."""

import haiku as hk
import jax.numpy as jnp
import numpy as np
import pytest
from called import called, draws
from scipy import stats

from diffbench.process import PROCESSES


def test_score_sde_trains_uniformly_in_time():
    noise = PROCESSES.build("vp")
    times = np.asarray(called("score_sde", noise, lambda made: made.sample_times(hk.next_rng_key(), 8000)))
    assert (times >= noise.t_min).all()
    assert (times <= noise.t_max).all()
    # False alarm in 1e-4 of seeds.
    assert stats.kstest(times, stats.uniform(noise.t_min, noise.t_max - noise.t_min).cdf).pvalue > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("process", ["vp", "sub_vp", "ve"])
def test_importance_draws_times_evenly_in_log_snr(process):
    noise = PROCESSES.build(process)
    times, weight = draws("score_sde", noise, weighting="importance")
    low, high = (float(noise.log_snr(jnp.asarray(t))) for t in (noise.t_max, noise.t_min))
    log_snr = np.asarray(noise.log_snr(jnp.asarray(times, float)))
    # False alarm in 1e-4 of seeds.
    assert stats.kstest(log_snr, stats.uniform(low, high - low).cdf).pvalue > 1e-4
    np.testing.assert_allclose(weight, (high - low) / (noise.t_max - noise.t_min), rtol=1e-5)


@pytest.mark.slow
def test_importance_is_less_noisy_than_the_weight_it_stands_for():
    noise = PROCESSES.build("vp")
    spread = [draws("score_sde", noise, weighting=w)[1].std() for w in ("likelihood", "importance")]
    assert spread[0] > 10
    assert spread[1] == pytest.approx(0.0, abs=1e-3)
