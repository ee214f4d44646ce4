"""Euler-Maruyama and predictor-corrector against Song's equations for VP, sub-VP and VE."""

import math

import numpy as np
import pytest

from diffbench import samplers as samplers
from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES

VARIANCE = 0.4


def song(name, t):
    """Returns drift coefficient, g^2, log alpha and the score of N(0, VARIANCE) at t, float64."""
    if name == "ve":
        variance = (0.01 * 2000**t) ** 2
        return 0.0, variance * 2 * math.log(2000), 0.0, -1 / (VARIANCE + variance)
    beta, b = 0.1 + 19.9 * t, 0.1 * t + 19.9 * t**2 / 2
    if name == "vp":
        return -beta / 2, beta, -b / 2, -1 / (math.exp(-b) * VARIANCE - math.expm1(-b))
    g2 = beta * -math.expm1(-2 * b)
    return -beta / 2, g2, -b / 2, -1 / (math.exp(-b) * VARIANCE + math.expm1(-b) ** 2)


def reverse_step(name, x, t, s, z):
    """Song et al. (2021), equation 6, from t to s."""
    f, g2, _, slope = song(name, t)
    return x - (f * x - g2 * slope * x) * (t - s) + math.sqrt(g2 * (t - s)) * z


@pytest.mark.parametrize("name", ["vp", "sub_vp", "ve"])
def test_every_euler_maruyama_step_is_equation_6(run_openly, gaussian, points, name):
    process, (x, z) = PROCESSES.build(name), points
    sampler = SAMPLERS.build("euler_maruyama", steps=6, t_end=0.1)
    asked, samples, nfe = run_openly(sampler, process, gaussian(process, VARIANCE).score, x, z)
    assert nfe == len(asked) == 6
    times = np.linspace(1, 0.1, 7)
    np.testing.assert_allclose([t for _, t in asked], times[:-1], rtol=1e-5)
    after = [x for x, _ in asked[1:]] + [samples]
    for i, ((x_i, _), x_next) in enumerate(zip(asked, after, strict=True)):
        last = i == 5  # no noise on the last step
        expected = reverse_step(name, x_i, times[i], times[i + 1], 0 * z if last else z)
        np.testing.assert_allclose(x_next, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["vp", "sub_vp", "ve"])
@pytest.mark.parametrize("corrections", [1, 2])
def test_every_predictor_corrector_step_is_song_s(run_openly, gaussian, points, name, corrections):
    process, (x, z) = PROCESSES.build(name), points
    sampler = SAMPLERS.build("predictor_corrector", steps=4, corrections=corrections, snr=0.2, t_end=0.2)
    asked, samples, nfe = run_openly(sampler, process, gaussian(process, VARIANCE).score, x, z)
    each = corrections + 1
    assert nfe == len(asked) == 4 * each
    times = np.linspace(1, 0.2, 5)
    after = [x for x, _ in asked[1:]] + [samples]
    for i, ((x_i, t_i), x_next) in enumerate(zip(asked, after, strict=True)):
        t, s = times[i // each], times[i // each + 1]
        assert t_i == pytest.approx(t, rel=1e-5)
        if i % each < corrections:
            slope = song(name, t)[3] * x_i
            a = math.exp(2 * (song(name, t)[2] - song(name, s)[2]))
            norms = [np.linalg.norm(value, axis=1).mean() for value in (z, slope)]
            h = 2 * a * (0.2 * norms[0] / norms[1]) ** 2
            expected = x_i + h * slope + math.sqrt(2 * h) * z
        else:
            expected = reverse_step(name, x_i, t, s, 0 * z if i == len(asked) - 1 else z)
        np.testing.assert_allclose(x_next, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["euler_maruyama", "predictor_corrector"])
def test_the_end_is_the_process_s_own_by_default(run_openly, gaussian, points, name):
    x, z = points
    for process, end in ((PROCESSES.build("vp"), 1e-3), (PROCESSES.build("ve"), 1e-5)):
        asked, _, _ = run_openly(SAMPLERS.build(name, steps=2), process, gaussian(process, 1.0).score, x, z)
        assert asked[-1][1] == pytest.approx((1 + end) / 2, rel=1e-6)


@pytest.mark.parametrize("name", ["euler_maruyama", "predictor_corrector"])
def test_unfit_says_why(name):
    process = PROCESSES.build("sub_vp")
    assert SAMPLERS.build(name, t_end=1e-5).unfit(process) is None
    assert SAMPLERS.build(name).unfit(process) is None
    assert SAMPLERS.build(name, t_end=2e-6).unfit(process) == (
        "t_end = 2e-06 is below t_min = 1e-05 of process 'sub_vp'"
    )


@pytest.mark.parametrize(
    ("name", "params", "error", "text"),
    [
        ("euler_maruyama", {"steps": 0}, ValueError, "steps must be at least 1; got 0"),
        ("euler_maruyama", {"t_end": -1.0}, ValueError, "t_end must be positive and finite; got -1.0"),
        ("predictor_corrector", {"steps": True}, TypeError, "steps must be a whole number; got True"),
        ("predictor_corrector", {"corrections": 0}, ValueError, "corrections must be at least 1; got 0"),
        ("predictor_corrector", {"snr": 0.0}, ValueError, "snr must be positive and finite; got 0.0"),
        ("predictor_corrector", {"t_end": 2.0}, ValueError, r"t_end must be in \(0, 1\); got 2.0"),
        (
            "euler_maruyama",
            {"snr": 1.0},
            ValueError,
            "'euler_maruyama' takes no 'snr'; it takes: steps, t_end",
        ),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(name, params, error, text):
    with pytest.raises(error, match=text):
        SAMPLERS.build(name, **params)
