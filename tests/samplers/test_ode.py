"""The probability-flow ODE: adaptive solves against a fine one, solves that fail."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS, SAMPLERS
from diffbench.process import PROCESSES
from diffbench.samplers.ode import SOLVERS


@pytest.mark.slow
@pytest.mark.parametrize(
    "params", [{"solver": "tsit5"}, {"solver": "heun", "steps": 20}, {"solver": "euler", "steps": 20}]
)
def test_no_noise_is_drawn(points, gaussian, monkeypatch, params):
    process = PROCESSES.build("vp")
    monkeypatch.setattr(jax.random, "normal", None)
    sampler = SAMPLERS.build("probability_flow", **params)
    x = jnp.asarray(points[0], float)
    run = jax.jit(lambda key: sampler.run(key, x, gaussian(process, 1.0).score, process)[0])
    # Unit data under VP stays where it is: drift and score cancel.
    np.testing.assert_allclose(run(jax.random.key(0)), x, rtol=1e-4)


@pytest.fixture(scope="module")
def nine():
    """Returns a function: (sampler parameters, process) -> samples of nine Gaussians from fixed starts, nfe."""
    dataset = DATASETS.build("nine_gaussians")

    def solve(process, **params):
        noise = PROCESSES.build(process)
        x = noise.prior(2).sample(seed=jax.random.key(0), sample_shape=(64,))
        sampler = SAMPLERS.build("probability_flow", **params)

        @jax.jit
        def run(x, noise):
            def score(x, t):
                return dataset.score(x, noise.alpha(t), noise.sigma(t))

            return sampler.run(jax.random.key(1), x, score, noise)

        samples, nfe = run(x, noise)
        return np.asarray(samples, np.float64), int(nfe)

    return solve


@pytest.mark.slow
@pytest.mark.parametrize(
    ("process", "solver"),
    [
        ("vp", "tsit5"),
        pytest.param("vp", "dopri5", marks=pytest.mark.slow),
        pytest.param("ve", "tsit5", marks=pytest.mark.slow),
        pytest.param("ve", "dopri5", marks=pytest.mark.slow),
    ],
)
def test_adaptive_solves_meet_a_fine_heun(nine, process, solver):
    fine, _ = nine(process, solver="heun", steps=4000)
    samples, nfe = nine(process, solver=solver)
    # The flow of nine narrow modes stretches errors made early, by up to some hundred times.
    assert np.sqrt(((samples - fine) ** 2).mean()) < 1e-3
    assert np.abs(samples - fine).max() < 1e-2
    assert nfe < 1000


@pytest.mark.slow
def test_a_looser_tolerance_is_cheaper_and_further_off(nine):
    fine, _ = nine("vp", rtol=1e-6, atol=1e-6)
    errors, costs = [], []
    for tolerance in (1e-2, 1e-4):
        samples, nfe = nine("vp", rtol=tolerance, atol=tolerance)
        errors.append(np.sqrt(((samples - fine) ** 2).mean()))
        costs.append(nfe)
    assert errors[0] > 5 * errors[1]
    assert costs[0] < costs[1]


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["tsit5", pytest.param("dopri5", marks=pytest.mark.slow)])
def test_a_solve_that_does_not_end_is_nan_and_its_cost_is_told(nine, solver):
    samples, nfe = nine("vp", solver=solver, max_steps=3)
    assert np.isnan(samples).all()
    assert nfe == 6 * 3 + 1


def test_both_pairs_reuse_their_last_slope():
    for name, (solver, stages) in SOLVERS.items():
        made = solver()
        assert made.tableau.fsal, name
        assert made.tableau.num_stages == stages + 1, name
    assert SOLVERS["tsit5"][0] is diffrax.Tsit5


def test_unfit_says_why():
    process = PROCESSES.build("ve")
    assert SAMPLERS.build("probability_flow").unfit(process) is None
    assert SAMPLERS.build("probability_flow", t_end=1e-7).unfit(process) == (
        "t_end = 1e-07 is below t_min = 1e-05 of process 've'"
    )


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"solver": "rk4"}, ValueError, "solver must be one of tsit5, dopri5, heun, euler; got 'rk4'"),
        (
            {"grid": "karras"},
            ValueError,
            "grid is for solver 'heun' or 'euler'; 'tsit5' chooses its times; got grid = 'karras'",
        ),
        (
            {"solver": "heun", "rtol": 0.1},
            ValueError,
            "rtol is for solver 'tsit5' or 'dopri5'; 'heun' takes its steps as told; got 0.1",
        ),
        (
            {"solver": "euler", "max_steps": 7},
            ValueError,
            "max_steps is for solver 'tsit5' or 'dopri5'; 'euler' takes its steps as told; got 7",
        ),
        ({"rtol": 0.0}, ValueError, "rtol must be positive and finite; got 0.0"),
        ({"atol": -1.0}, ValueError, "atol must be positive and finite; got -1.0"),
        ({"steps": 0}, ValueError, "steps must be at least 1; got 0"),
        ({"max_steps": 0}, ValueError, "max_steps must be at least 1; got 0"),
        ({"t_end": 1.0}, ValueError, r"t_end must be in \(0, 1\); got 1.0"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        SAMPLERS.build("probability_flow", **params)
