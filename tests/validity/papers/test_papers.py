"""Every sampler on every process, step by step, against the papers' equations in float64.

The noise is the sampler's own, written down as it is drawn; the score is a wavy function, since an
equation for one step holds for any. What a sampler asks of the score, in order, must be what the
paper's algorithm asks, and as many different noises must be drawn.
"""

import itertools

import numpy as np
import papers
import pytest
import test_few_steps
from opened import run_openly

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES

STEPS, END = 5, 0.1
# A table of as many steps as the sampler takes: each step is one of the paper's own.
TABLES = {
    "ddpm_linear": {"steps": STEPS, "beta_first": 0.05, "beta_last": 0.6},
    "ddpm_cosine": {"steps": STEPS},
}
LEVELS = {"ve": {"levels": STEPS}, "edm": {"levels": STEPS}, "ncsn": {}}
# Where a process begins, as float32 has it (1 - t is known to 6e-5 there), and ends, if not at 1 and 1e-5.
FIRST, LAST = {"rectified_flow": float(np.float32(0.999))}, {"edm": 0.002 / 80.0}
# Whose equation for ancestral sampling it is, where a paper prints one for the process.
PRINTED = {
    **dict.fromkeys(("ve", "ncsn", "edm"), papers.song_ve),
    **dict.fromkeys(("sub_vp", "rectified_flow"), papers.kingma),
}

CONTINUOUS = {
    "euler_maruyama": [{}],
    "predictor_corrector": [{"corrections": 1, "snr": 0.16}, {"corrections": 2, "snr": 0.3}],
    "probability_flow": [{"solver": "heun"}],
}
ANCESTRAL = [("ancestral", {"variance": v}, p) for v in ("small", "large") for p in PROCESSES.names()]
LANGEVIN = [
    ("annealed_langevin", {"steps_per_level": 2, "step": 0.1, "denoise": denoise}, process)
    for denoise in (True, False)
    for process in LEVELS
]
CASES = [
    *ANCESTRAL,
    *((name, params, p) for name, many in CONTINUOUS.items() for params in many for p in PROCESSES.names()),
    *LANGEVIN,
]


def params_of(process):
    return TABLES.get(process, {"levels": STEPS} if process == "ncsn" else {})


def by_the_paper(name, params, process, x, noises):
    """Returns what the paper's algorithm asks of the score, its samples, and the noise left over."""
    facts = papers.facts_of(process, params_of(process))
    asked, score, noise = [], papers.steep(facts), iter(noises)

    def spy(x, t):
        asked.append((x, float(t)))
        return score(x, t)

    def draw():
        return next(noise)

    if name == "annealed_langevin":
        # The levels are even in t from 1e-5 and so geometric; epsilon is twice our step sigma_L^2.
        times = np.linspace(1.0, LAST.get(process, 1e-5), STEPS)
        sigmas = facts(times)[1]
        epsilon = 2.0 * params["step"] * sigmas[-1] ** 2
        count, denoise = params["steps_per_level"], params["denoise"]
        samples = papers.annealed_langevin(x, sigmas, times, count, epsilon, denoise, spy, draw)
        return asked, samples, [*noise]
    if name == "ancestral":
        step = PRINTED.get(process, papers.ho)(facts, params["variance"])
        # A table has its own last time; the last step leads to the data.
        times = np.linspace(FIRST.get(process, 1.0), 1.0 / STEPS if process in TABLES else END, STEPS)
        return asked, papers.walk(step, x, np.append(times, 0.0), spy, draw), [*noise]
    step = {
        "euler_maruyama": lambda: papers.euler_maruyama(facts),
        "predictor_corrector": lambda: papers.predictor_corrector(facts, **params),
        "probability_flow": lambda: papers.heun(facts),
    }[name]()
    return (
        asked,
        papers.walk(step, x, np.linspace(FIRST.get(process, 1.0), END, STEPS + 1), spy, draw),
        [*noise],
    )


def build(name, params, process):
    """Returns the sampler and the process of a case."""
    if name == "annealed_langevin":
        own = LEVELS[process]
    else:
        own = {"steps": STEPS}
        if name != "ancestral" or process not in TABLES:
            own["t_end"] = END
    return SAMPLERS.build(name, **params, **own), PROCESSES.build(process, **params_of(process))


@pytest.mark.parametrize(("name", "params", "process"), CASES, ids=str)
def test_every_step_is_the_paper_s(name, params, process):
    sampler, noise = build(name, params, process)
    x = float(noise.constants["prior_sd"]) * np.random.RandomState(7).standard_normal((6, 2))
    opened = run_openly(sampler, noise, papers.steep(papers.facts_of(process, params_of(process))), x)
    asked, samples, left = by_the_paper(name, params, process, x.astype(np.float32), opened.noises)
    assert opened.nfe == len(opened.asked) == len(asked)
    assert not left
    # float32 rounds x to 6e-8 of its size at the start, which all steps together stretch.
    for (x_got, t_got), (x_wanted, t_wanted) in zip(opened.asked, asked, strict=True):
        assert t_got == pytest.approx(t_wanted, rel=1e-5)
        np.testing.assert_allclose(x_got, x_wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(opened.samples, samples, rtol=1e-4, atol=1e-4)


def test_every_sampler_is_a_case_on_every_process_that_it_runs_on():
    cases = {(name, process) for name, _, process in CASES}
    cases |= {(test_few_steps.PAPERS[which][0], process) for which, _, process in test_few_steps.EVERY}
    fits = {
        (name, process)
        for name, process in itertools.product(SAMPLERS.names(), PROCESSES.names())
        if SAMPLERS.build(name).unfit(PROCESSES.build(process)) is None
    }
    assert cases == fits


@pytest.mark.parametrize("variance", ["small", "large"])
@pytest.mark.parametrize(("process", "printed"), [("vp", papers.ho), ("ve", papers.song_ve)])
def test_the_papers_agree_with_one_another(process, printed, variance):
    # Ho's and Song's chains are the posterior of Kingma's, where each is defined: in exact algebra.
    facts = papers.facts_of(process, {})
    times, x, z = np.append(np.linspace(1.0, END, 9), 0.0), np.array([0.3, -1.2]), np.array([0.7, 0.4])
    for t, s in itertools.pairwise(times):
        steps = [
            paper(facts, variance)(x, t, s, papers.steep(facts), lambda: z)
            for paper in (printed, papers.kingma)
        ]
        np.testing.assert_allclose(*steps, rtol=1e-9, atol=1e-12)
