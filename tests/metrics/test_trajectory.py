"""The trajectory error: closed forms of Gaussian paths, when they part, and what is kept."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS, METRICS, key_for
from diffbench.process import PROCESSES
from diffbench.programs.flow import starts

KEY = key_for(0, "trajectory test")


@pytest.fixture(scope="module")
def gaussian():
    """Returns a standard normal in three dimensions, in standardised coordinates."""
    return DATASETS.build("gaussian_mixture", modes=1, dim=3)


def of_gaussian(process, mean, variance):
    return lambda x, t: (
        (process.alpha(t) * mean - x) / (process.alpha(t) ** 2 * variance + process.sigma(t) ** 2)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vp", "ve"])
def test_the_score_of_another_gaussian_has_its_closed_form(gaussian, outcome, name):
    # Both flows keep quantiles, x_t = alpha m + sd_t/sd_T (x_T - alpha_T m): alpha from log_snr in float64.
    process, mean, variance = PROCESSES.build(name), np.array([0.3, 0.0, -0.2]), 0.5
    metric = METRICS.build("trajectory_error", points=128, frames=9)
    row = outcome(gaussian, None, score=of_gaussian(process, mean, variance), process=process)
    values, arrays = metric.measure(KEY, row)
    snr = np.exp(arrays["trajectory_log_snr"])[:, None, None]
    alpha2 = snr / (1 + snr) if name == "vp" else np.ones_like(snr)
    alpha, sigma2 = np.sqrt(alpha2), alpha2 / snr
    x = starts(process, key_for(0, "trajectory", gaussian.name), 128, 3).astype(np.float64)

    def path(mean, variance):
        sd = np.sqrt(alpha2 * variance + sigma2)
        return (alpha * mean + sd / sd[0] * (x - alpha[0] * mean)) / np.sqrt(alpha2 + sigma2)

    gap = path(mean, variance) - path(np.zeros(3), 1.0)
    curve = np.sqrt((gap**2).sum(axis=2).mean(axis=1))
    np.testing.assert_allclose(arrays["trajectory_curve"], curve, atol=1e-3)
    assert arrays["trajectory_curve"][0] == 0.0
    assert values == {"trajectory_error": pytest.approx(curve.mean(), abs=5e-4)}
    assert type(values["trajectory_error"]) is float
    for kept, wanted in (("learned", path(mean, variance)), ("exact", path(np.zeros(3), 1.0))):
        np.testing.assert_allclose(arrays[f"trajectory_{kept}"], gaussian.restore(wanted), atol=2e-3)


@pytest.mark.slow
def test_the_exact_score_strays_by_rounding_alone_and_a_late_error_late(nine, outcome):
    process = PROCESSES.build("vp")

    def measured(factor):
        def score(x, t):
            return factor(process.log_snr(t)) * nine.score(x, process.alpha(t), process.sigma(t))

        return METRICS.build("trajectory_error").measure(
            KEY, outcome(nine, None, score=score, process=process)
        )

    assert measured(lambda log_snr: 1.0)[0]["trajectory_error"] < 1e-4
    values, arrays = measured(lambda log_snr: jnp.where(log_snr > 2.0, 0.5, 1.0))
    curve, log_snr = arrays["trajectory_curve"], arrays["trajectory_log_snr"]
    assert curve[log_snr < 2.0].max() < 1e-4
    assert curve[log_snr > 4.0].min() > 0.01
    assert values["trajectory_error"] == pytest.approx(curve.mean())


@pytest.mark.slow
def test_paths_are_bounded_and_their_last_frame_is_data(outcome):
    data, process = DATASETS.build("random_field", size=12), PROCESSES.build("vp")
    metric = METRICS.build("trajectory_error", points=128, frames=3)
    row = outcome(data, None, score=lambda x, t: -x, process=process)
    _, arrays = metric.measure(KEY, row)
    assert arrays["trajectory_learned"].shape == arrays["trajectory_exact"].shape == (3, 2**14 // 144, 144)
    # The flow of a standard normal is the identity: the last frame is the first, restored.
    x = starts(process, key_for(0, "trajectory", data.name), 128, 144)[:113]
    np.testing.assert_allclose(arrays["trajectory_learned"], np.stack([data.restore(x)] * 3), atol=2e-3)
    # The exact one has the spread of the field.
    end = (arrays["trajectory_exact"][-1] - data.mean) / data.scale
    assert (end**2).mean() == pytest.approx(1.0, rel=0.1)


@pytest.mark.slow
def test_what_is_not_finite_or_not_to_be_trusted_has_no_value(nine, outcome):
    process, metric = PROCESSES.build("vp"), METRICS.build("trajectory_error", points=8, frames=3)
    row = outcome(nine, None, score=lambda x, t: x * jnp.where(t < 0.1, jnp.inf, -1.0), process=process)
    values, arrays = metric.measure(KEY, row)
    assert not math.isfinite(values["trajectory_error"])
    assert np.isfinite(arrays["trajectory_curve"]).tolist() == [True, True, False]
    coarse = dataclasses.replace(nine, smallest_sigma=0.02)
    assert METRICS.build("trajectory_error").skips == ("exact",)
    values, arrays = metric.measure(KEY, outcome(coarse, None, score=lambda x, t: -x, process=process))
    assert math.isnan(values["trajectory_error"])
    assert arrays == {}


def test_what_is_wrong_is_named(nine, outcome):
    with pytest.raises(ValueError, match="points must be at least 1; got 0"):
        METRICS.build("trajectory_error", points=0)
    with pytest.raises(ValueError, match="frames must be at least 2; got 1"):
        METRICS.build("trajectory_error", frames=1)
    with pytest.raises(ValueError, match="it needs a score, and this row has none"):
        METRICS.build("trajectory_error").measure(KEY, outcome(nine, np.zeros((5, 2))))
