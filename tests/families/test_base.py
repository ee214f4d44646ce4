"""Families: the loss against its definition, the laws of their times, the score against eps."""

import dataclasses
import math

import haiku as hk
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from called import N, called, draws, guess
from scipy import stats

from diffbench.contracts import FAMILIES, SAMPLERS
from diffbench.families.base import Family, TableFamily
from diffbench.process import PROCESSES
from diffbench.programs import model as models

DEFAULTS = {name: dict(FAMILIES.entry(name).build.default_process) for name in FAMILIES.names()}
PAIRS = [
    ("ddpm", "ddpm_linear"),
    ("ncsn", "ncsn"),
    ("score_sde", "vp"),
    ("score_sde", "sub_vp"),
    ("score_sde", "ve"),
    ("edm", "edm"),
    ("edm", "vp"),
    ("flow_matching", "rectified_flow"),
    ("flow_matching", "vp"),
]
every_pair = pytest.mark.parametrize(("family", "process"), PAIRS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "process", "weighting"),
    [
        ("ddpm", "ddpm_linear", "simple"),
        ("ncsn", "ncsn", "likelihood"),
        ("score_sde", "vp", "likelihood"),
        pytest.param("score_sde", "sub_vp", "simple", marks=pytest.mark.slow),
        pytest.param("score_sde", "ve", "likelihood", marks=pytest.mark.slow),
    ],
)
def test_the_loss_is_its_definition(family, process, weighting):
    noise = PROCESSES.build(process)
    y = np.random.RandomState(1).standard_normal((N, 3))

    def loss_and_what_the_network_saw(made):
        seen = {}

        def spy(x, t, alpha, sigma, is_training):
            seen.update(x=x, t=t, alpha=alpha, sigma=sigma)
            return guess(x, t, alpha, sigma, is_training)

        made.network = spy
        loss = made.loss(jnp.asarray(y, float))
        return loss, made.weight(seen["t"]), made.process.diffusion(seen["t"]), seen

    loss, weight, g, seen = called(family, noise, loss_and_what_the_network_saw, weighting=weighting)
    x, t, alpha, sigma = (np.asarray(seen[name], np.float64) for name in ("x", "t", "alpha", "sigma"))
    eps = (x - alpha[:, None] * y) / sigma[:, None]
    expected = ((0.3 * x + t[:, None] - 0.1 - eps) ** 2).mean(axis=1)
    # g itself is held against the papers in test_process.
    w = (np.asarray(g, np.float64) / sigma) ** 2 if weighting == "likelihood" else np.ones(N)
    np.testing.assert_allclose(weight, w, rtol=1e-5)
    # Where sigma is small, eps comes back from x in float32 with fewer digits.
    digits = 1e-5 + 1e-6 * (1 + np.abs(x).max(axis=1)) / sigma
    assert (np.abs(np.asarray(loss) - w * expected) < 10 * digits * w * (1 + expected)).all()
    # The noise is standard normal (192 numbers; false alarm in 1e-4 of seeds).
    assert stats.kstest(eps.ravel(), "norm").pvalue > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("family", ["ddpm", "ncsn"])
def test_table_families_train_on_every_grid_time_alike(family):
    noise = PROCESSES.build("ncsn", levels=8)
    times = np.asarray(called(family, noise, lambda made: made.sample_times(hk.next_rng_key(), 8000)))
    counts = np.array([(times == time).sum() for time in np.asarray(noise.grid)])
    assert counts.sum() == 8000
    # False alarm in 1e-4 of seeds.
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(("family", "process"), [("ddpm", "ddpm_linear"), ("ncsn", "ncsn")])
def test_importance_draws_grid_times_in_proportion_to_the_likelihood_weight(family, process):
    noise = PROCESSES.build(process, **{"steps": 40} if family == "ddpm" else {"levels": 40})
    times, weight = draws(family, noise, weighting="importance")
    grid = np.asarray(noise.grid, np.float64)
    g, sigma = (np.asarray(f(noise.grid), np.float64) for f in (noise.diffusion, noise.sigma))
    wanted = (g / sigma) ** 2
    counts = np.array([np.isclose(times, time, rtol=1e-5).sum() for time in grid])
    # False alarm in 1e-4 of seeds.
    assert stats.chisquare(counts, 8000 * wanted / wanted.sum()).pvalue > 1e-4
    np.testing.assert_allclose(weight, wanted.mean(), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "process"),
    [
        ("score_sde", "vp"),
        pytest.param("score_sde", "ve", marks=pytest.mark.slow),
        pytest.param("ddpm", "ddpm_linear", marks=pytest.mark.slow),
        pytest.param("ncsn", "ncsn", marks=pytest.mark.slow),
    ],
)
def test_importance_has_the_expected_gradient_of_the_likelihood_weight(family, process):
    # From t = 0.01 on: below it the likelihood weight alone is too noisy to be compared with.
    noise = dataclasses.replace(PROCESSES.build(process), t_min=0.01)
    if noise.grid is not None:
        noise = dataclasses.replace(noise, grid=noise.grid[noise.grid >= noise.t_min])
    network = {"name": "mlp", "params": {"widths": [8, 8], "embedding_width": 4}}
    params = models.initialise(network, jax.random.key(0), 2)
    start, restore = jax.flatten_util.ravel_pytree(params)
    y = jnp.asarray(np.random.RandomState(1).standard_normal((1024, 2)) * [0.3, 1.4], float)

    def gradients(weighting, seed):
        loss = models.model_of({"name": family, "params": {"weighting": weighting}}, network).loss

        @jax.jit
        def run(noise, start):
            def gradient(key):
                return jax.grad(lambda flat: loss(restore(flat), key, y, noise, True).mean())(start)

            return jax.lax.map(gradient, jax.random.split(jax.random.key(seed), 96))

        found = np.asarray(run(noise, start), np.float64)
        return found.mean(axis=0), found.std(axis=0, ddof=1) / math.sqrt(len(found))

    (one, one_error), (other, other_error), (simple, simple_error) = (
        gradients(w, seed) for seed, w in enumerate(("likelihood", "importance", "simple"))
    )
    error = np.hypot(one_error, other_error)
    moved = error > 0
    assert moved.sum() > 100
    # Some 200 numbers from 96 batches each: false alarm in 1e-3 of seeds.
    assert (np.abs(one - other)[moved] < 5 * error[moved]).all()
    # It could fail: the gradient is far above its error, and the simple weight has another.
    assert np.linalg.norm(one) > 20 * np.linalg.norm(error) / math.sqrt(moved.sum())
    assert np.abs((one - simple) / np.hypot(error, simple_error).clip(1e-12)).max() > 10


class Own(Family):
    """A family with times of its own, as a plug-in has."""

    def sample_times(self, key, n):
        return jnp.full(n, 0.5)


def test_a_family_that_draws_no_times_by_importance_refuses_it():
    noise = PROCESSES.build("vp")
    with pytest.raises(ValueError, match="weighting must be one of simple, likelihood; got 'importance'"):
        hk.transform(lambda: Own(guess, noise, weighting="importance")).apply({}, None)


@pytest.mark.parametrize("family", ["ddpm", "ncsn"])
@pytest.mark.parametrize("process", ["vp", "sub_vp", "ve"])
def test_table_families_refuse_a_continuous_process(family, process):
    noise = PROCESSES.build(process)
    text = rf"it trains on a table of times \(ddpm_linear, ddpm_cosine, ncsn\); '{process}' has none"
    assert text.replace("\\", "") == FAMILIES.entry(family).build.unfit(noise)
    with pytest.raises(ValueError, match=text):
        called(family, noise, lambda made: made.sample_times(hk.next_rng_key(), 4))


@every_pair
def test_good_pairs_fit(family, process):
    assert FAMILIES.entry(family).build.unfit(PROCESSES.build(process)) is None


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES.names())
def test_the_score_is_minus_eps_over_sigma(family):
    process = dict(DEFAULTS[family])
    noise = PROCESSES.build(process.pop("name"), **process)
    x = jnp.asarray(np.random.RandomState(0).standard_normal((N, 2)), float)
    for t in (jnp.asarray(0.4), jnp.linspace(0.1, 0.99, N)):
        score, eps = called(family, noise, lambda made, t=t: (made.score(x, t), made.eps(x, t)))
        sigma = np.broadcast_to(noise.sigma(t), N)[:, None]
        np.testing.assert_allclose(score, -np.asarray(eps) / sigma, rtol=1e-5)
        np.testing.assert_allclose(eps, guess(x, t, None, None, False), rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES.names())
def test_names_of_the_paper_s_process_and_sampler_are_registered(family):
    cls = FAMILIES.entry(family).build
    for registry, part in ((PROCESSES, dict(cls.default_process)), (SAMPLERS, dict(cls.sampler))):
        built = registry.build(part.pop("name"), **part)
        assert built is not None
    assert cls.version >= 1


@pytest.mark.parametrize("family", FAMILIES.names())
def test_an_unknown_weighting_is_refused(family):
    process = PROCESSES.build("ncsn")
    spec = {"name": family, "params": {"weighting": "best"}}
    with pytest.raises(
        ValueError, match=r"weighting must be one of (\w+, )?simple, likelihood(, importance)?; got 'best'"
    ):
        models.check(spec, {"name": "mlp", "params": {}}, process)


def test_a_family_without_times_says_so():
    with pytest.raises(NotImplementedError):
        hk.transform(lambda: TableFamily.__base__(guess, None).sample_times(None, 1)).apply({}, None)
