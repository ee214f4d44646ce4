"""What the page on public samplers is made of, without PyTorch: its tables, and the equations of its one steps."""

import importlib
import itertools
import math
from pathlib import Path

import few_steps
import numpy as np
import public_table
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def eq(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("public_equations")


@pytest.fixture
def walks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("public_walks")


@pytest.fixture
def adapters(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("public_adapters")


def facts(t):
    """VP in NumPy: alpha, sigma, f, g^2."""
    beta, b = 0.1 + 19.9 * t, 0.1 * t + 9.95 * t * t
    return math.exp(-0.5 * b), math.sqrt(-math.expm1(-b)), -0.5 * beta, beta


def score(x, t):
    """Of two Gaussians of one width on a line, diffused."""
    alpha, sigma = facts(t)[:2]
    v = 0.04 * alpha**2 + sigma**2
    return (-x + alpha * np.tanh(alpha * x / v)) / v


TIMES = [1.0, 0.8, 0.55, 0.4, 0.2, 0.07, 0.01]
SAME = {
    "ddim": (few_steps.ddim(0.0), lambda eq: eq.ddim),
    "dpm++2": (few_steps.dpm_solver_pp_2m, lambda eq: eq.dpm_solver_pp([2] * 6)),
    "dpm++3": (few_steps.dpm_solver_pp(3), lambda eq: eq.dpm_solver_pp([3, 2, 3, 3, 3, 3], line=True)),
    "unipc2": (few_steps.unipc(2), lambda eq: eq.unipc([2] * 6)),
    "unipc3": (few_steps.unipc(3), lambda eq: eq.unipc([3] * 6)),
    "heun": (few_steps.edm(0.0, 0.0, np.inf, 1.0, 1.0), lambda eq: eq.heun),
    "ancestral": (few_steps.ddim(1.0), lambda eq: eq.ancestral),
    "sde-dpm++2": (few_steps.sde_dpm_solver_pp(2), lambda eq: eq.dpm_solver_pp([2] * 6, sde=True)),
}


def walk_of(walks, paper):
    walk, stream = walks.Walk(), np.random.RandomState(1)

    def asked(x, t):
        alpha, sigma = facts(t)[:2]
        walk.levels.append(walks.Level(alpha, sigma, t))
        walk.x.append(x)
        walk.eps.append(-sigma * score(x, t))
        return score(x, t)

    def noise():
        walk.noises.append(stream.randn(3, 2))
        return walk.noises[-1]

    end = paper(facts, stream.randn(3, 2), TIMES, asked, noise)
    if walk.noises:  # the last step returns its mean
        walk.noises[-1] = np.zeros((3, 2))
    walk.levels.append(walks.Level(*facts(TIMES[-1])[:2], TIMES[-1]))
    walk.x.append(end)
    return walk


@pytest.mark.parametrize("name", SAME)
def test_each_step_is_that_of_another_transcription(eq, walks, name):
    paper, equation = SAME[name]
    walk = walk_of(walks, paper)
    assert walks.one_step(walk, equation(eq))[0] < 1e-9


@pytest.mark.parametrize("name", ["ddim", "heun", "adams", "plms", "prk", "deis_log_r", "deis_t"])
def test_a_constant_eps_is_followed_exactly(eq, walks, adapters, name):
    table = adapters.Table()
    t = np.linspace(1.0, 0.05, 20)
    # By turns a point and its Euler step; the first step twice; three steps of four asks.
    where = {"heun": np.repeat(t, 2)[1:], "plms": np.insert(t, 1, t[1])}.get(name, t)
    if name == "prk":
        asked = [np.array([a, (a + b) / 2, (a + b) / 2, b]) for a, b in itertools.pairwise(t[:4])]
        where = np.concatenate([*asked, t[3:]])
    levels = [table.at(float(value)) for value in where]
    eps = np.array([[0.3, -1.2]])
    walk = walks.Walk(
        levels, [level.alpha * (1.0 + level.r * eps) for level in levels], [eps] * (len(levels) - 1)
    )
    equation = {
        "deis_log_r": lambda: eq.deis_log_r([3] * 30),
        "deis_t": lambda: eq.deis_t([3] * 30, table.rates),
    }.get(name, lambda: getattr(eq, name))()
    assert walks.one_step(walk, equation)[0] < 1e-7


@pytest.mark.parametrize(("halved", "order"), [(False, 3), (True, 2)])
def test_half_the_bend_makes_a_third_order_method_one_of_second_order(eq, walks, halved, order):
    errors = []
    for steps in (40, 80, 160):
        walk, equation = walks.Walk(), eq.dpm_solver_pp([3] * steps, halved=halved, line=True)
        lam = np.linspace(-2.0, 2.0, steps + 1)
        walk.levels = [
            walks.Level(1 / math.sqrt(1 + math.exp(-2 * v)), 1 / math.sqrt(1 + math.exp(2 * v))) for v in lam
        ]
        spread = [0.25 * a * a + s * s for a, s, _ in walk.levels]
        walk.x.append(np.ones((1, 1)))
        for k in range(steps):
            walk.eps.append(walk.levels[k].sigma * walk.x[k] / spread[k])
            # The first two steps are exact: their lower order would be seen.
            exact = np.full((1, 1), math.sqrt(spread[k + 1] / spread[0]))
            walk.x.append(exact if k < 2 else equation(walk, k))
        errors.append(abs(float(walk.x[-1][0, 0]) - math.sqrt(spread[-1] / spread[0])))
    found = math.log2(errors[1] / errors[2])
    assert found == pytest.approx(order, abs=0.15)


def test_a_wrong_step_is_found_and_named(eq, walks):
    walk = walk_of(walks, few_steps.ddim(0.0))
    walk.x[4] = walk.x[4] + 1e-3
    off, _ = walks.one_step(walk, eq.ddim)
    assert off > 9e-4
    walk.x[5] = walk.x[5] * np.nan
    assert walks.one_step(walk, eq.ddim)[1] == 4


def test_products_rounded_to_float32_lose_the_betas_of_small_times(adapters):
    products = np.cumprod(1.0 - adapters.BETAS)
    rounded = products.astype(np.float32)
    beta = 1.0 - rounded[3] / rounded[2]
    assert 1e-5 < abs(float(beta) / adapters.BETAS[3] - 1.0) < 1e-2


def test_rates_of_the_table_add_up_to_its_noise(adapters):
    table = adapters.Table()
    _, weights = table.rates(0.731, 0.0043)
    assert weights.sum() == pytest.approx(table.at(0.0043).r - table.at(0.731).r, rel=1e-9)


def test_the_page_is_what_the_committed_results_make():
    text = public_table.PAGE.read_text(encoding="utf-8")
    assert public_table.page(text) == text


def test_the_page_names_what_every_noted_step_is_due_to():
    """Every one-step error in bold has a word in the part on causes."""
    text = public_table.PAGE.read_text(encoding="utf-8")
    causes = text.partition("## What differs, and why")[2].partition("\n## ")[0]
    measured = public_table.read("flow") + public_table.read("moments")
    for (whose, name), rows in public_table.grouped(measured).items():
        if public_table.worst(rows).startswith("**"):
            assert name in causes, f"{whose}: {name}"


def test_a_page_without_a_marked_part_is_refused():
    with pytest.raises(ValueError, match="the page must have <!-- begin:flow-nine_gaussians -->"):
        public_table.page("nothing")
