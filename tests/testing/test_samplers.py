"""Samplers are judged by convergence: right ones pass with few steps, each broken one is told."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from diffbench.contracts import SAMPLERS, Sampler, Step
from diffbench.process import PROCESSES
from diffbench.samplers.base import stepwise, uniform_times
from diffbench.testing import ContractError, check_sampler

slow = pytest.mark.slow


@slow
@pytest.mark.parametrize("name", SAMPLERS.names())
def test_samplers_keep_the_contract(name):
    check_sampler(SAMPLERS.build(name))


FEW = [
    ("ancestral", {"steps": 10}),
    *(
        pytest.param(name, params, marks=slow)
        for name, params in (
            ("ancestral", {"steps": 1}),
            ("ancestral", {"steps": 2}),
            ("ancestral", {"steps": 5, "variance": "large"}),
            ("euler_maruyama", {"steps": 2}),
            ("euler_maruyama", {"steps": 10, "t_end": 1e-2}),
            ("predictor_corrector", {"steps": 3}),
            ("predictor_corrector", {"steps": 10, "corrections": 3}),
            ("probability_flow", {"solver": "heun", "steps": 3}),
            ("annealed_langevin", {"steps_per_level": 2, "levels": 10}),
            ("annealed_langevin", {"denoise": False}),
            ("ddim", {"steps": 1}),
            ("ddim", {"steps": 5, "eta": 1.0, "denoise": True}),
            ("deis", {"steps": 4}),
            ("dpm_solver_pp", {"steps": 2, "sde": True}),
            ("dpm_solver_pp", {"steps": 4, "sde": True}),
            ("edm", {"steps": 5, "churn": 3.0, "denoise": True}),
            ("unipc", {"steps": 5, "order": 3}),
        )
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "params"), FEW)
def test_shipped_samplers_pass_with_few_steps(name, params):
    found = check_sampler(SAMPLERS.build(name, **params))
    assert any(row.what.startswith("variance of points of the last of") for row in found)


def ddim(steps):
    """Song et al. (2020), equation 12 with eta = 0."""

    def step(key, x, t, s, score, process):
        alpha, sigma = process.alpha(t), process.sigma(t)
        slope = score(x, t)
        x = process.alpha(s) * (x + sigma**2 * slope) / alpha - process.sigma(s) * sigma * slope
        return Step(x, x)

    return Sampler(run=stepwise(step, uniform_times(steps, None)))


@pytest.mark.slow
@pytest.mark.parametrize("steps", [5, pytest.param(1, marks=slow), pytest.param(10, marks=slow)])
def test_ddim_passes_with_few_steps(steps):
    check_sampler(ddim(steps), finer=ddim(500) if steps == 10 else None)


def euler(steps, *, noise=1.0, drift=1.0, slope=1.0, last=False, root=True):
    """Euler-Maruyama with something wrong."""

    def step(key, x, t, s, score, process):
        g, h = process.diffusion(t), t - s
        mean = x - (drift * process.drift(t) * x - slope * g**2 * score(x, t)) * h
        spread = g * jnp.sqrt(h) if root else g**2 * h
        x = mean + noise * spread * jax.random.normal(key, x.shape)
        return Step(x, x if last else mean)

    return Sampler(run=stepwise(step, uniform_times(steps, None)))


VARIANCE = "variance of points of the last of .* evaluations: expected 0.5.*, got"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "wrong", "text"),
    [
        (5, {"noise": 2**0.5}, VARIANCE),
        (5, {"last": True}, "noise after the last evaluation: expected sd within 0.0.*, got 0.1"),
        *(
            pytest.param(*case, marks=slow)
            for case in (
                (3, {"noise": 2**0.5}, VARIANCE),
                (20, {"noise": 0.6}, VARIANCE),
                (500, {"noise": 1.1}, VARIANCE),
                (500, {"noise": 0.8}, VARIANCE),
                (10, {"root": False}, VARIANCE),
                (2, {"slope": -1.0}, VARIANCE),
                (20, {"slope": 0.5}, VARIANCE),
                (5, {"slope": 2.0}, VARIANCE),
                (5, {"drift": 0.0}, "mean of points of the last of 5 evaluations: expected 0.99 within"),
                (1000, {"last": True}, "noise after the last evaluation: expected sd within"),
            )
        ),
    ],
)
def test_a_wrong_factor_is_told_with_few_steps_and_with_many(steps, wrong, text):
    with pytest.raises(ContractError, match=text):
        check_sampler(euler(steps, **wrong))


def denoised(key, x, score, process):
    """One step to the posterior mean: a right sampler of one evaluation."""
    t = jnp.asarray(process.t_max)
    return (x + process.sigma(t) ** 2 * score(x, t)) / process.alpha(t), 1


class Stateful:
    """Keeps the first score that it was given, as a cache without its key does."""

    def __init__(self):
        self.kept = None

    def __call__(self, key, x, score, process):
        self.kept = self.kept or type(score)
        x, nfe = denoised(key, x, score, process)
        return (x if type(score) is self.kept else 1.1 * x), nfe


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (lambda *args: (denoised(*args)[0], 5), "nfe: expected the 1 evaluations made, got 5"),
        (lambda *args: (denoised(*args)[0][:-1], 1), r"samples: expected shape \(512, 8\), got shape \(511, 8\)"),
        (lambda *args: (jnp.nan * denoised(*args)[0], 1), "samples: expected finite numbers, got NaN"),
        (lambda *args: (denoised(*args)[0] + 1, 1), "mean of samples, 1 evaluations: expected 1 within"),
        (lambda *args: (2 * denoised(*args)[0], 1), "variance of samples, 1 evaluations: expected 0.5"),
        (lambda key, x, score, process: (x, 0 * int(score(x, jnp.asarray(1.5)).size) + 1),
         r"times at which the score is asked: expected in \[1e-05, 1\], got 1.5 to 1.5"),
        (Stateful(), "samples with the same score in another function: expected the same within"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_broken_sampler_is_told(run, text):
    with pytest.raises(ContractError, match=text):
        check_sampler(Sampler(run=run), n=512)


def test_a_sampler_that_reads_more_of_a_score_than_its_value_is_told():
    def run(key, x, score, process):
        return denoised(key, x, score, process) if score.__name__ else (x, 0)

    with pytest.raises(AttributeError, match="__name__"):
        check_sampler(Sampler(run=run), n=512)


def test_one_evaluation_may_be_all():
    check_sampler(Sampler(run=denoised), n=512)


def test_a_finer_sampler_is_held_to_the_same():
    broken = Sampler(run=lambda *args: (2 * denoised(*args)[0], 1))
    with pytest.raises(ContractError, match="variance of samples of the finer one, 1 evaluations: expected"):
        check_sampler(Sampler(run=denoised), n=512, finer=broken)


def test_a_sampler_says_down_to_where_it_asks():
    def low(key, x, score, process):
        t = jnp.asarray(process.t_min)
        return denoised(key, x + 0 * score(x, t), score, process)[0], 2

    late = Sampler(run=low, end=lambda process: 0.1)
    with pytest.raises(ContractError, match="end: expected from t_min = 1e-05 to 1e-05, the least time"):
        check_sampler(late, n=512)
    assert late.end(None) == 0.1
    check_sampler(dataclasses.replace(late, end=lambda process: process.t_min), n=512)


def test_a_sampler_that_fits_nothing_is_told():
    with pytest.raises(ContractError, match=r"unfit: expected a process that fits .*, got none \(never\)"):
        check_sampler(Sampler(run=denoised, unfit=lambda process: "never"))


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_shipped_samplers_end_where_their_process_does_or_where_they_are_told(name):
    built = SAMPLERS.build(name)
    for process in map(PROCESSES.build, PROCESSES.names()):
        if built.unfit(process) is None:
            assert built.end(process) == pytest.approx(process.t_end, rel=1e-6)
    if "t_end" in SAMPLERS.complete(name):
        assert SAMPLERS.build(name, t_end=0.1).end(PROCESSES.build("vp")) == 0.1


def test_a_chain_ends_at_its_first_time():
    short = PROCESSES.build("ddpm_linear", steps=100)
    assert SAMPLERS.build("ancestral").end(short) == pytest.approx(0.01)
