"""Euler-Maruyama and predictor-corrector: where they end, and what they refuse."""

import pytest

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES


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
