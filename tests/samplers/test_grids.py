"""Grids: even in what they say, exact at both ends, each knot of a table at most once; and what they refuse."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES, from_betas
from diffbench.samplers.grids import GRIDS, Grid

CONTINUOUS = ("vp", "sub_vp", "ve")
# What each grid is even in, of t and the ratio r = sigma/alpha, as its paper says.
MEASURES = {
    "time": lambda t, r: t,
    "quadratic": lambda t, r: np.sqrt(t),
    "log_snr": lambda t, r: np.log(r),
    "karras": lambda t, r: r ** (1 / 7),
    "kl_optimal": lambda t, r: np.arctan(r),
}
TABLES = {"ddpm_linear": {"steps": 100}, "ddpm_cosine": {"steps": 60}}


def ratio(process, t):
    return np.exp(-0.5 * np.asarray(process.log_snr(jnp.asarray(t, float)), np.float64))


def test_every_grid_is_measured():
    assert {*MEASURES} == {*GRIDS}


def every(process, count, **params):
    """Returns the times of every grid, by name, float64; one program for all."""

    @jax.jit
    def times(process):
        return {grid: Grid(grid, **params).times(process, count) for grid in GRIDS}

    return {grid: np.asarray(t, np.float64) for grid, t in times(process).items()}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_times_are_even_in_what_the_grid_says(name):
    with jax.enable_x64(True):
        process = PROCESSES.build(name)
        for grid, t in every(process, 9).items():
            even = MEASURES[grid](t, ratio(process, t))
            np.testing.assert_allclose(np.diff(even), (even[-1] - even[0]) / 8, rtol=1e-6, err_msg=grid)
            assert t[0] == process.t_max
            assert t[-1] == process.t_end


@pytest.mark.parametrize("name", CONTINUOUS)
def test_times_fall_from_one_exact_end_to_the_other_in_float32(name):
    process = PROCESSES.build(name)
    for grid, t in every(process, 51, t_end=0.01).items():
        assert (np.diff(t) < 0).all(), grid
        assert (t[0], t[-1]) == (np.float32(process.t_max), np.float32(0.01))


def test_rho_is_the_power_of_karras():
    process = PROCESSES.build("ve")
    t = Grid("karras", rho=3.0).times(process, 5)
    np.testing.assert_allclose(
        np.diff(ratio(process, t) ** (1 / 3)), -(20 ** (1 / 3) - 0.01 ** (1 / 3)) / 4, rtol=1e-3
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_chain_is_asked_at_knots_each_at_most_once(name):
    process = PROCESSES.build(name, **TABLES[name])
    knots = np.asarray(process.grid, np.float64)
    for count in (1, 7, knots.size):
        for grid, t in every(process, count, chained=True).items():
            assert t.size == count, grid
            assert np.isin(t, knots).all()
            assert (np.diff(t) < 0).all()
            assert t[0] == knots[-1]
            assert count == 1 or t[-1] == knots[0]


@pytest.mark.slow
def test_few_times_of_a_long_table_are_the_nearest_knots():
    table = PROCESSES.build("ddpm_linear")
    taken, free = every(table, 6, chained=True), every(table, 6)
    for grid in GRIDS[1:]:
        assert np.abs(taken[grid] - free[grid]).max() <= 0.5 / 1000 + 1e-6, grid


def test_a_sampler_that_is_no_chain_takes_a_table_for_the_process_that_joins_it():
    table, vp = PROCESSES.build("ddpm_linear", steps=50), PROCESSES.build("vp")
    np.testing.assert_array_equal(Grid().times(table, 200), Grid().times(vp, 200))


def test_a_list_of_times_is_taken_as_it_is():
    process, times = PROCESSES.build("vp"), [1.0, 0.4, 0.02]
    lie = Grid(times)
    np.testing.assert_allclose(lie.times(process, 3), times, rtol=1e-6)
    assert lie.unfit(process, 2, 1) is None
    assert lie.end(process) == 0.02


def test_times_of_a_table_are_taken_to_its_knots():
    process = from_betas("five", np.array([0.05, 0.1, 0.2, 0.35, 0.6]))
    lie = Grid([1.0, 0.42, 0.2], chained=True)
    assert lie.unfit(process, 3, 0) is None
    np.testing.assert_allclose(lie.times(process, 3), [1.0, 0.4, 0.2], rtol=1e-6)


@pytest.mark.parametrize(
    ("params", "process", "text"),
    [
        ({"t_end": 1e-7}, "vp", "t_end = 1e-07 is below t_min = 1e-05 of process 'vp'"),
        ({"grid": [0.9, 0.1]}, "vp", "grid begins at 0.9, and process 'vp' at t_max = 1"),
        ({"grid": [1.0, 1e-6]}, "vp", "t_end = 1e-06 is below t_min = 1e-05 of process 'vp'"),
        ({"t_end": 0.1}, "ddpm_linear", "t_end = 0.1 is for a continuous process; ddpm_linear is a chain to the data"),
        ({"grid": [1.0, 0.9991, 0.9989, 0.001]}, "ddpm_linear", "grid has two times at one knot of process 'ddpm_linear', near 0.9989"),
        ({"grid": [1.0, 0.5]}, "ddpm_linear", "grid ends at 0.5, and process 'ddpm_linear' at 0.001"),
        ({"grid": [1.0, 0.0002]}, "ddpm_linear", "grid has the time 0.0002, and process 'ddpm_linear' has none near it"),
    ],
    ids=str,
)  # fmt: skip
def test_unfit_says_why(params, process, text):
    assert Grid(**params, chained=True).unfit(PROCESSES.build(process), None, 1) == text


def test_more_steps_than_a_table_has_is_one_line():
    process = PROCESSES.build("ddpm_linear", steps=100)
    for grid in GRIDS:
        lie = Grid(grid, chained=True)
        assert lie.unfit(process, 100, 0) is None
        assert lie.unfit(process, 101, 0) == "steps = 101 is more than the 100 of process 'ddpm_linear'"
        assert lie.unfit(process, 99, 1) is None
        assert lie.unfit(process, 100, 1) == (
            "steps = 100 is more than the 100 of process 'ddpm_linear', which has 99 steps between them"
        )


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"grid": "even"}, ValueError, "grid must be one of time, quadratic, log_snr, karras, kl_optimal, or a list of times; got 'even'"),
        ({"grid": []}, ValueError, r"grid must be one of .*, or a list of times; got \[\]"),
        ({"grid": 0.5}, ValueError, "grid must be one of .*, or a list of times; got 0.5"),
        ({"grid": [1.0, 1.0]}, ValueError, "the times of grid must fall from t_max <= 1; got"),
        ({"grid": [1.5, 1.0]}, ValueError, "the times of grid must fall from t_max <= 1; got"),
        ({"grid": [1.0, "a"]}, TypeError, "each time of grid must be a number; got 'a'"),
        ({"grid": [1.0, 0.0]}, ValueError, "each time of grid must be positive and finite; got 0.0"),
        ({"grid": [1.0, 0.1], "t_end": 0.1}, ValueError, "t_end is the last of a list of times, 0.1; got t_end = 0.1"),
        ({"rho": 7.0}, ValueError, "rho is for grid 'karras'; got rho = 7 with 'time'"),
        ({"grid": [1.0, 0.1], "rho": 3.0}, ValueError, "rho is for grid 'karras'; got rho = 3 with a list of times"),
        ({"grid": "karras", "rho": 0.0}, ValueError, "rho must be positive and finite; got 0.0"),
        ({"t_end": 1.0}, ValueError, r"t_end must be in \(0, 1\); got 1.0"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_values_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        Grid(**params)


def test_a_list_is_as_long_as_the_steps_say():
    for name, ends in (("euler_maruyama", 1), ("predictor_corrector", 1), ("ancestral", 0)):
        SAMPLERS.build(name, steps=3, grid=[1.0, 0.5, 0.2, 0.1][: 3 + ends])
        with pytest.raises(ValueError, match=f"steps = 5 needs a grid of {5 + ends} times; got 2"):
            SAMPLERS.build(name, steps=5, grid=[1.0, 0.1])
    with pytest.raises(ValueError, match="a list of times for grid must hold at least 2; got 1"):
        SAMPLERS.build("probability_flow", solver="heun", grid=[1.0])


STEPWISE = {
    "ancestral": {"steps": 3},
    "annealed_langevin": {"levels": 4, "steps_per_level": 1},
    "euler_maruyama": {"steps": 3},
    "predictor_corrector": {"steps": 3},
    "probability_flow": {"solver": "heun", "steps": 3},
}


def own(name, grid):
    """Returns parameters of a sampler with a grid; a list is as long as it is asked for."""
    params = {**STEPWISE[name], "grid": grid}
    if isinstance(grid, list) and name in ("ancestral", "annealed_langevin"):
        params.pop("steps" if name == "ancestral" else "levels")
    return params


@pytest.mark.slow
@pytest.mark.parametrize("grid", [*GRIDS, [1.0, 0.9, 0.3, 0.2]], ids=str)
def test_every_stepwise_sampler_asks_at_the_times_of_its_grid(grid, run_openly, gaussian, points):
    process, (x, z) = PROCESSES.build("ve"), points
    for name in STEPWISE:
        seen, _, _ = run_openly(
            SAMPLERS.build(name, **own(name, grid)), process, gaussian(process, 0.5).score, x, z
        )
        asked = [t for t, _ in itertools.groupby(t for _, t in seen)]
        count = 3 if name == "ancestral" and grid in GRIDS else 4
        lie = np.asarray(Grid(grid).times(process, count))
        assert len(asked) >= 3
        np.testing.assert_allclose(asked, lie[: len(asked)], rtol=1e-5, err_msg=name)


def test_a_later_parameter_at_its_default_is_in_no_specification():
    for name in STEPWISE:
        assert {"grid", "rho"}.isdisjoint(SAMPLERS.spec_of(name)["params"])
        assert {"grid", "rho"}.isdisjoint(SAMPLERS.spec_of(name, {"grid": "time", "rho": None})["params"])
    assert SAMPLERS.spec_of("ancestral", {"grid": "karras"})["params"]["grid"] == "karras"
