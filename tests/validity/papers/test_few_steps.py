"""Every few-step sampler on every process and grid, against its paper's equation in float64, and one another.

Walks of three steps, held to the paper's at each of them: the first shows the step, the others that the history
is used. They start at t_max, end at the process's end, and stride over tables. The package computes in float64
here, so that only an equation, and no rounding, can differ.
"""

import few_steps
import jax
import jax.numpy as jnp
import numpy as np
import papers
import pytest
from opened import run_openly

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES
from diffbench.samplers.grids import GRIDS, Grid

CHURN = {"churn": 1.0, "s_min": 0.05, "s_max": 30.0, "s_noise": 1.1}
PAPERS = {
    "ddim eta=0": ("ddim", {}, few_steps.ddim(0.0)),
    "ddim eta=0.5": ("ddim", {"eta": 0.5}, few_steps.ddim(0.5)),
    "ddim eta=1": ("ddim", {"eta": 1.0}, few_steps.ddim(1.0)),
    "dpm++1": ("dpm_solver_pp", {"order": 1}, few_steps.dpm_solver_pp(1)),
    "dpm++2": ("dpm_solver_pp", {"order": 2}, few_steps.dpm_solver_pp_2m),
    "dpm++3": ("dpm_solver_pp", {"order": 3}, few_steps.dpm_solver_pp(3)),
    "sde-dpm++1": ("dpm_solver_pp", {"order": 1, "sde": True}, few_steps.sde_dpm_solver_pp(1)),
    "sde-dpm++2": ("dpm_solver_pp", {"order": 2, "sde": True}, few_steps.sde_dpm_solver_pp(2)),
    "deis1": ("deis", {"order": 1}, few_steps.deis(1)),
    "deis2": ("deis", {"order": 2}, few_steps.deis(2)),
    "deis3": ("deis", {"order": 3}, few_steps.deis(3)),
    "unipc2": ("unipc", {"order": 2}, few_steps.unipc(2)),
    "unipc3": ("unipc", {"order": 3}, few_steps.unipc(3)),
    "edm": ("edm", {}, None),
    "edm churn": ("edm", CHURN, None),
    "euler": ("probability_flow", {"solver": "euler"}, few_steps.euler),
}
TABLES = {"ddpm_linear": {"steps": 100}, "ddpm_cosine": {"steps": 50}, "ncsn": {"levels": 6}}
NAMES = PROCESSES.names()
# Grids change hands from case to case: each sampler meets each process, and each grid several times.
EVERY = [
    (which, GRIDS[(i + j) % len(GRIDS)], process)
    for i, which in enumerate(PAPERS)
    for j, process in enumerate(NAMES)
]
FAST = {EVERY[i * len(NAMES) + i % len(NAMES)] for i in range(len(PAPERS))}


def expected_of(which, process, facts, x, times, noises):
    """Returns what the paper's walk asks and gives."""
    asked, noise = [], iter(noises)
    walk = PAPERS[which][2]
    if walk is None:
        own = {"churn": 0.0, "s_min": 0.0, "s_max": np.inf, "s_noise": 1.0, **PAPERS[which][1]}
        walk = few_steps.edm(**own, t_max=process.t_max)

    def spy(x, t):
        asked.append((x, float(t)))
        return papers.steep(facts)(x, t)

    return asked, walk(facts, x, times, spy, lambda: next(noise))


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [case if case in FAST else pytest.param(case, marks=pytest.mark.slow) for case in EVERY],
    ids="-".join,
)
def test_every_step_of_a_walk_is_the_paper_s(case):
    held(*case, 3)


@pytest.mark.parametrize("which", PAPERS)
def test_a_walk_of_one_step_is_the_paper_s(which):
    held(which, "time", "vp", 1)


def held(which, grid, name, steps):
    """Holds a sampler's walk to its paper's: what is asked, when, and what comes."""
    sampler, own, _ = PAPERS[which]
    facts = papers.facts_of(name, TABLES.get(name, {}))
    with jax.enable_x64(True):
        process = PROCESSES.build(name, **TABLES.get(name, {}))
        built = SAMPLERS.build(sampler, **own, steps=steps, grid=grid)
        assert built.unfit(process) is None
        chained = sampler != "probability_flow"
        times = np.asarray(Grid(grid, chained=chained).times(process, steps + 1), np.float64)
        x = float(process.constants["prior_sd"]) * np.random.RandomState(7).standard_normal((6, 2))
        opened = run_openly(built, process, papers.steep(facts), x)
    asked, samples = expected_of(which, process, facts, x, times, opened.noises)
    assert opened.nfe == len(opened.asked) == len(asked)
    for (x_got, t_got), (x_wanted, t_wanted) in zip(opened.asked, asked, strict=True):
        assert t_got == pytest.approx(t_wanted, rel=1e-9)
        np.testing.assert_allclose(x_got, x_wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(opened.samples, samples, rtol=1e-6, atol=1e-6)


def together(process, score, *samplers):
    """Returns what samplers make of the same points under one key, in float64, one array each."""
    with jax.enable_x64(True):
        noise = PROCESSES.build(process)
        x = float(noise.constants["prior_sd"]) * np.random.RandomState(3).standard_normal((32, 2))

        @jax.jit
        def run(x, noise):
            made = (SAMPLERS.build(name, **params) for name, params in samplers)
            return [one.run(jax.random.key(5), x, score(noise), noise)[0] for one in made]

        return [np.asarray(one) for one in run(jnp.asarray(x), noise)]


def two_points(process):
    """Returns the exact score of two points with a little width."""

    def score(x, t):
        alpha, sigma = process.alpha(t), process.sigma(t)
        means = alpha * jnp.asarray([[-1.0, 0.5], [1.0, -0.5]])
        square = ((x[:, None] - means) ** 2).sum(-1)
        variance = alpha**2 * 0.01 + sigma**2
        return (jax.nn.softmax(-square / (2 * variance))[..., None] * (means - x[:, None])).sum(1) / variance

    return score


@pytest.mark.slow
@pytest.mark.parametrize("process", ["vp", "sub_vp", "ve", "ddpm_linear"])
def test_ddim_of_eta_1_is_ancestral_sampling(process):
    # Its last step to the data is ancestral's: so many evaluations, and so much noise, are the same.
    with_one = ("ddim", {"steps": 9, "eta": 1.0, "denoise": True})
    chain, other = together(process, two_points, ("ancestral", {"steps": 10}), with_one)
    np.testing.assert_allclose(other, chain, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("process", ["vp", "ve", "ddpm_linear"])
def test_what_is_of_order_1_is_ddim(process):
    grid = {"steps": 6, "grid": "karras"}
    ddim, *others = together(
        process, two_points, ("ddim", grid), ("dpm_solver_pp", {"order": 1, **grid}), ("deis", {"order": 1, **grid})
    )  # fmt: skip
    for other in others:
        np.testing.assert_allclose(other, ddim, rtol=1e-9, atol=1e-9)
    noisy, sde = together(
        process, two_points, ("ddim", {"eta": 1.0, **grid}), ("dpm_solver_pp", {"order": 1, "sde": True, **grid})
    )  # fmt: skip
    np.testing.assert_allclose(sde, noisy, rtol=1e-9, atol=1e-9)


def test_euler_over_the_noise_of_ve_is_ddim():
    # On alpha = 1 Karras's first slope, over r, is all that DDIM does; Euler over t is another method.
    ddim, euler = together(
        "ve", two_points, ("ddim", {"steps": 6}), ("probability_flow", {"solver": "euler", "steps": 6})
    )
    assert np.abs(ddim - euler).max() > 1e-2
