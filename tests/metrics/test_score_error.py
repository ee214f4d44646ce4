import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS, METRICS, key_for
from diffbench.process import PROCESSES, time_of_log_snr
from diffbench.programs import model as models
from diffbench.programs import scores

KEY = key_for(0, "score_error test")


def exact_of(dataset, process):
    return lambda x, t: dataset.score(x, process.alpha(t), process.sigma(t))


@pytest.fixture(scope="module")
def gaussian():
    """Returns a standard normal in three dimensions, in standardised coordinates."""
    return DATASETS.build("gaussian_mixture", modes=1, dim=3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vp", "ve", "ddpm_cosine"])
def test_exact_score_has_no_error_and_a_scaled_one_has_its_own(nine, outcome, name):
    # s = 1.1 s* errs by 1% of |s*|^2 at every level, whatever the process and the draw.
    process = PROCESSES.build(name)
    exact = exact_of(nine, process)
    metric = METRICS.build("score_error", points=4, samples=256)
    if name == "vp":
        values, _ = metric.measure(KEY, outcome(nine, None, score=exact, process=process))
        assert abs(values["score_error"]) < 1e-10
        assert abs(values["score_kl"]) < 1e-10
    got = outcome(nine, None, score=lambda x, t: 1.1 * exact(x, t), process=process)
    values, arrays = metric.measure(KEY, got)
    np.testing.assert_allclose(arrays["score_error_curve"], 0.01, rtol=1e-4)
    assert values["score_error"] == pytest.approx(0.01, rel=1e-4)
    assert type(values["score_error"]) is float
    assert type(values["score_kl"]) is float


@pytest.mark.slow
def test_a_shifted_score_has_its_closed_form(gaussian, outcome):
    # Under VP a standard normal stays one: s* = -x, E|s*|^2 = D, and with s = s* + c
    # score_kl = |c|^2/2 times the integral of sigma^2 = sigmoid(-log_snr).
    process, c = PROCESSES.build("vp"), jnp.array([0.3, -0.4, 1.2])
    exact = exact_of(gaussian, process)
    got = outcome(gaussian, None, score=lambda x, t: exact(x, t) + c, process=process)
    values, arrays = METRICS.build("score_error", points=64, samples=2048).measure(KEY, got)
    size = float(c @ c)
    # 2048 chi-squared numbers of 3 degrees: 1.8% standard error at each level.
    np.testing.assert_allclose(arrays["score_error_curve"], size / 3, rtol=0.09)
    assert values["score_error"] == pytest.approx(size / 3, rel=0.02)
    integral = np.logaddexp(0, 3.5) - np.logaddexp(0, -9.0)
    assert values["score_kl"] == pytest.approx(0.5 * size * integral, rel=1e-3)


@pytest.mark.slow
def test_it_equals_a_sum_over_levels_in_numpy(gaussian, outcome):
    # s = -x/2 against s* = -x/(alpha^2 + sigma^2), by the moments of x_t.
    process = PROCESSES.build("ve")
    got = outcome(gaussian, None, score=lambda x, t: -0.5 * x, process=process)
    values, arrays = METRICS.build("score_error", samples=4096).measure(KEY, got)
    log_snr = arrays["score_error_log_snr"]
    np.testing.assert_allclose(log_snr, np.linspace(-3.5, 9.0, 16))
    sigma2 = np.exp(-log_snr)
    variance = 1 + sigma2
    relative = (0.5 - 1 / variance) ** 2 * variance**2
    np.testing.assert_allclose(arrays["score_error_curve"], relative, rtol=1e-3, atol=1e-6)
    fine = np.linspace(-3.5, 9.0, 20_001)
    variance = 1 + np.exp(-fine)
    integrand = 0.5 * np.exp(-fine) * 3 * variance * (0.5 - 1 / variance) ** 2
    assert values["score_kl"] == pytest.approx(np.trapezoid(integrand, fine), rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vp", "sub_vp", "ve", "ddpm_linear"])
def test_an_error_that_is_constant_or_a_power_of_the_noise_is_integrated_exactly(gaussian, outcome, name):
    process, c = PROCESSES.build(name), np.array([0.3, -0.4, 1.2], np.float32)
    exact, fine = exact_of(gaussian, process), np.linspace(-3.5, 9.0, 20_001)
    times = time_of_log_snr(process, fine.astype(np.float32))
    sigma2 = np.asarray(process.sigma(times), np.float64) ** 2
    # A constant error of the score, and on a VE process, where it is a power, one of the noise.
    cases = [(lambda t: 1.0, np.ones_like(fine))]
    if name == "ve":
        cases.append((lambda t: 1.0 / process.sigma(t), 1.0 / sigma2))
    for size, square in cases:
        got = outcome(
            gaussian, None, score=lambda x, t, size=size: exact(x, t) + c * size(t), process=process
        )
        for points in (4, 16):
            found = METRICS.build("score_error", points=points, samples=8).measure(KEY, got)[0]["score_kl"]
            integral = np.trapezoid(0.5 * sigma2 * square * float(c @ c), fine)
            assert found == pytest.approx(integral, rel=2e-4)


@pytest.mark.slow
def test_no_error_is_no_divergence_and_one_that_is_not_finite_is_none(gaussian, outcome):
    process = PROCESSES.build("vp")
    exact = exact_of(gaussian, process)
    for score, told in ((exact, 0.0), (lambda x, t: x * jnp.nan, math.nan)):
        got = outcome(gaussian, None, score=score, process=process)
        found = METRICS.build("score_error", samples=8).measure(KEY, got)[0]["score_kl"]
        assert found == pytest.approx(told, nan_ok=True, abs=1e-9)


@pytest.mark.slow
def test_the_field_is_that_of_score_and_truth(nine, outcome):
    process = PROCESSES.build("ve")
    got = outcome(nine, None, score=lambda x, t: jnp.full_like(x, t), process=process)
    _, arrays = METRICS.build("score_error", points=2, samples=64).measure(KEY, got)
    np.testing.assert_array_equal(arrays["field_log_snr"], [6.0, 2.0, -2.0])
    assert arrays["field_x"].shape == (400, 2)
    assert arrays["field_score"].shape == arrays["field_exact"].shape == (3, 400, 2)
    for level, field, exact in zip(
        (6.0, 2.0, -2.0), arrays["field_score"], arrays["field_exact"], strict=True
    ):
        np.testing.assert_allclose(process.log_snr(field[0, 0]), level, atol=1e-3)
        expected = nine.score(arrays["field_x"].astype(np.float32), 1.0, math.exp(-level / 2))
        np.testing.assert_allclose(exact, expected, rtol=1e-3, atol=1e-2)


@pytest.mark.slow
def test_there_is_a_field_in_two_dimensions_and_within_the_range_only(nine, gaussian, outcome):
    process = PROCESSES.build("vp")
    metric = METRICS.build("score_error", low=0.0, high=4.0, points=2, samples=64)
    got = outcome(nine, None, score=exact_of(nine, process), process=process)
    assert metric.measure(KEY, got)[1]["field_log_snr"] == [2.0]
    got = outcome(gaussian, None, score=exact_of(gaussian, process), process=process)
    assert set(metric.measure(KEY, got)[1]) == {"score_error_log_snr", "score_error_curve"}


@pytest.mark.slow
def test_the_score_is_called_once_for_each_level_and_each_field(nine, outcome):
    process, calls = PROCESSES.build("vp"), []

    def score(x, t):
        calls.append((x.shape, jnp.shape(t)))
        return -x

    METRICS.build("score_error", samples=128).measure(KEY, outcome(nine, None, score=score, process=process))
    assert calls == [((128, 2), ())] * 16 + [((400, 2), ())] * 3


@pytest.mark.slow
def test_another_model_of_the_same_kind_compiles_nothing_new(nine, outcome):
    process = PROCESSES.build("vp")
    family, network = {"name": "score_sde", "params": {}}, {"name": "mlp", "params": {"widths": [8, 8]}}
    metric = METRICS.build("score_error", samples=128)

    def measure(seed):
        params = models.initialise(network, key_for(seed, "init"), 2)
        score = scores.evaluator(scores.of_model(family, network, params), process)
        return metric.measure(KEY, outcome(nine, None, score=score, process=process))[0], score.func

    first, program = measure(0)
    compiled = program._cache_size()
    second, again = measure(1)
    assert first != second
    assert again is program
    assert program._cache_size() == compiled == 2  # the points of a level, and of the field


@pytest.mark.slow
def test_a_grid_out_of_reach_gives_nan(nine, outcome):
    metric = METRICS.build("score_error")

    def fields_alone(dataset, process):
        """The levels of the fields, where columns are NaN and there are no curves."""
        values, arrays = metric.measure(
            KEY, outcome(dataset, None, score=exact_of(dataset, process), process=process)
        )
        assert list(values) == list(metric.columns)
        assert np.isnan([*values.values()]).all()
        assert "score_error_curve" not in arrays
        return list(arrays.get("field_log_snr", []))

    assert fields_alone(nine, PROCESSES.build("ve", sigma_max=5.0)) == [6.0, 2.0, -2.0]
    assert fields_alone(nine, PROCESSES.build("ve", sigma_min=0.02)) == [6.0, 2.0, -2.0]
    assert fields_alone(dataclasses.replace(nine, smallest_sigma=0.02), PROCESSES.build("vp")) == [6, 2, -2]
    assert fields_alone(nine, PROCESSES.build("vp", beta_min=0.001, beta_max=3.0)) == [6.0, 2.0]
    assert fields_alone(dataclasses.replace(nine, smallest_sigma=0.5), PROCESSES.build("vp")) == [-2.0]
    assert fields_alone(dataclasses.replace(nine, smallest_sigma=9.0), PROCESSES.build("vp")) == []


def test_what_is_wrong_is_named(nine, outcome):
    with pytest.raises(
        ValueError, match=r"low must be below high, both finite; got low = 2\.0 and high = 1\.0"
    ):
        METRICS.build("score_error", low=2.0, high=1.0)
    with pytest.raises(ValueError, match="points must be at least 2; got 1"):
        METRICS.build("score_error", points=1)
    with pytest.raises(ValueError, match="samples must be at least 1; got 0"):
        METRICS.build("score_error", samples=0)
    with pytest.raises(ValueError, match="it needs a score, and this row has none"):
        METRICS.build("score_error").measure(KEY, outcome(nine, np.zeros((5, 2))))
