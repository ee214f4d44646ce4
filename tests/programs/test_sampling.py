"""Draws: repeatable, the same with and without jit, one program for datasets, seeds and constants."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS, SAMPLERS
from diffbench.process import PROCESSES
from diffbench.programs import cache, sampling, scores
from diffbench.programs import model as models
from diffbench.sources.exact import score_of as exact_score

# Few steps: the same programs serve every test here.
SHORT = {
    **{name: ({"steps": 4}, "vp") for name in ("ancestral", "ddim", "deis", "dpm_solver_pp", "edm", "unipc")},
    "annealed_langevin": ({"steps_per_level": 1}, "ncsn"),
    "euler_maruyama": ({"steps": 4}, "vp"),
    "predictor_corrector": ({"steps": 4}, "vp"),
    "probability_flow": ({"rtol": 0.1, "atol": 0.1}, "vp"),
}
FAST = ("ancestral", "annealed_langevin")


def drawn(name, dataset, seed=0, **constants):
    params, process = SHORT[name]
    noise = PROCESSES.build(process, **constants, **({"levels": 4} if process == "ncsn" else {}))
    spec = {"name": name, "params": SAMPLERS.complete(name, params)}
    return sampling.sample(spec, exact_score(dataset.truth), noise, jax.random.key(seed), 8, 2)


@pytest.fixture(scope="module")
def mixtures():
    return [DATASETS.build("gaussian_mixture", modes=4, layout=layout) for layout in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in SAMPLERS.names()]
)
def test_one_program_for_datasets_seeds_and_constants(name, mixtures):
    constants = {"sigma_max": 9} if SHORT[name][1] == "ncsn" else {"beta_max": 15}
    first = drawn(name, mixtures[0])
    before = cache.built(), cache.compiled(sampling.KIND)
    others = [
        drawn(name, mixtures[1]),
        drawn(name, mixtures[0], seed=1),
        drawn(name, mixtures[0], **constants),
    ]
    again = drawn(name, mixtures[0])
    assert (cache.built(), cache.compiled(sampling.KIND)) == before
    np.testing.assert_array_equal(again.samples, first.samples)
    for other in others:
        assert not np.array_equal(other.samples, first.samples)
    assert first.samples.shape == (8, 2)
    assert np.isfinite(first.samples).all()
    assert isinstance(first.samples, np.ndarray)
    assert type(first.nfe) is int


@pytest.mark.slow
@pytest.mark.parametrize("name", ["annealed_langevin", "predictor_corrector", "probability_flow"])
def test_without_jit_it_is_the_same(name, mixtures):
    compiled = drawn(name, mixtures[0])
    params, process = SHORT[name]
    noise = PROCESSES.build(process, **({"levels": 4} if process == "ncsn" else {}))
    key_prior, key_run = jax.random.split(jax.random.key(0))
    x = noise.prior(2).sample(seed=key_prior, sample_shape=(8,))

    def score(x, t):
        return mixtures[0].score(x, noise.alpha(t), noise.sigma(t))

    sampler = SAMPLERS.build(name, **params)
    if name == "probability_flow":  # Diffrax itself needs jit: only the caller's is left out
        samples, nfe = sampler.run(key_run, x, score, noise)
    else:
        with jax.disable_jit():
            samples, nfe = sampler.run(key_run, x, score, noise)
    np.testing.assert_allclose(compiled.samples, samples, rtol=1e-3, atol=1e-3)
    assert compiled.nfe == int(nfe)


def test_one_key_gives_every_sampler_the_same_start(mixtures, monkeypatch):
    starts, real = [], SAMPLERS.build

    def build(name, **params):
        return dataclasses.replace(real(name), run=lambda key, x, score, process: (x, 0))

    monkeypatch.setattr(SAMPLERS, "build", build)
    vp, source = PROCESSES.build("vp"), exact_score(mixtures[0].truth)
    for name in ("ancestral", "euler_maruyama"):
        spec = {"name": name, "params": {"start": True}}
        starts.append(sampling.sample(spec, source, vp, jax.random.key(3), 6, 2).samples)
    for start in starts[1:]:
        np.testing.assert_array_equal(start, starts[0])


@pytest.mark.slow
def test_a_learned_score_is_drawn_from():
    family = {"name": "score_sde", "params": {}}
    network = {"name": "mlp", "params": {"widths": [8], "embedding_width": 4}}
    spec = {"name": "euler_maruyama", "params": {"steps": 3, "t_end": None}}
    draws, before = [], cache.compiled(sampling.KIND)
    for seed in (0, 1):
        params = models.initialise(network, jax.random.key(seed), 2)
        source = scores.of_model(family, network, params)
        draws.append(sampling.sample(spec, source, PROCESSES.build("vp"), jax.random.key(0), 5, 2))
    assert draws[0].nfe == 3
    assert not np.array_equal(draws[0].samples, draws[1].samples)
    # Other weights of the same shapes share the program.
    assert cache.compiled(sampling.KIND) == before + 1
    noise, key = PROCESSES.build("vp"), jax.random.split(jax.random.key(0))
    x = noise.prior(2).sample(seed=key[0], sample_shape=(5,))
    score = source.score(source.arrays, noise)
    samples, _ = SAMPLERS.build("euler_maruyama", steps=3).run(key[1], x, jax.jit(score), noise)
    np.testing.assert_allclose(draws[1].samples, samples, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_samples_start_from_the_process_s_prior(mixtures):
    # A sampler of one denoising step at t_max shows its start: E[x_0 | x_T] is linear in x_T far out.
    ve = PROCESSES.build("ve")
    x = ve.prior(2).sample(seed=jax.random.split(jax.random.key(0))[0], sample_shape=(8,))
    spec = {"name": "ancestral", "params": SAMPLERS.complete("ancestral", {"steps": 1})}
    got = sampling.sample(spec, exact_score(mixtures[0].truth), ve, jax.random.key(0), 8, 2)
    expected = x + ve.sigma(jnp.asarray(1.0)) ** 2 * mixtures[0].score(x, 1.0, 20.0)
    assert got.nfe == 1
    np.testing.assert_allclose(got.samples, expected, rtol=1e-3, atol=1e-3)
