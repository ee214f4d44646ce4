"""Likelihoods against closed forms at t_end, and DDPM's bound against a transcription of Ho et al."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.process import PROCESSES
from diffbench.programs import cache, scores
from diffbench.programs import model as models
from diffbench.programs.likelihood import elbo, in_blocks, log_likelihood, log_prob
from diffbench.sources.exact import score_of as exact_score

pytestmark = pytest.mark.slow

KEY = jax.random.key(3)
NETWORK = {"name": "mlp", "params": {"widths": [8, 8], "embedding_width": 6}}


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


def truth_of(dataset, n):
    return dataset.standardise(dataset.sample(jax.random.key(0), n))


def exact_likelihood(dataset, process, x, **options):
    return log_likelihood(exact_score(dataset.truth), process, x, KEY, **options)


def normal(v, process):
    """The score of N(0, diag(v)) data, diffused."""
    return lambda x, t: -x / (process.alpha(t) ** 2 * jnp.asarray(v, float) + process.sigma(t) ** 2)


@pytest.mark.parametrize(
    ("name", "noise", "params"),
    [
        ("nine_gaussians", "vp", {}),
        slow("nine_gaussians", "sub_vp", {}),
        slow("nine_gaussians", "ve", {"sigma_max": 50.0}),
        slow("nine_gaussians", "ddpm_linear", {}),
        slow("anisotropic", "vp", {}),
        ("anisotropic", "sub_vp", {}),
        ("anisotropic", "ve", {"sigma_max": 50.0}),
        slow("anisotropic", "ve", {"sigma_max": 100.0}),
        ("anisotropic", "ddpm_linear", {}),
        slow("anisotropic", "ddpm_cosine", {}),
    ],
)
def test_with_the_exact_score_it_is_the_density_at_t_end(name, noise, params):
    dataset, process = DATASETS.build(name), PROCESSES.build(noise, **params)
    x = truth_of(dataset, 128)
    found = exact_likelihood(dataset, process, x)
    t = jnp.asarray(process.t_min)
    expected = np.asarray(dataset.log_prob(x, process.alpha(t), process.sigma(t)), np.float64)
    assert np.abs(found.log_prob - expected).mean() < 1e-3
    assert np.abs(found.log_prob - expected).max() < 1e-2
    assert (found.nfe > 50).all()
    assert (found.nfe < 300).all()


def test_a_coarse_table_takes_a_finer_solve():
    """Steps that meet the bends between 100 knots err by up to 2e-3 nats at the default tolerance."""
    dataset, process = DATASETS.build("anisotropic"), PROCESSES.build("ddpm_linear", steps=100)
    x = truth_of(dataset, 128)
    found = exact_likelihood(dataset, process, x, rtol=1e-6, atol=1e-6)
    t = jnp.asarray(process.t_min)
    expected = np.asarray(dataset.log_prob(x, process.alpha(t), process.sigma(t)), np.float64)
    assert np.abs(found.log_prob - expected).mean() < 1e-3


@pytest.mark.slow
def test_points_are_data_at_t_end():
    t_end = 0.05
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build("vp")
    x = truth_of(dataset, 64)
    t = jnp.asarray(t_end)
    expected = dataset.log_prob(x, process.alpha(t), process.sigma(t))
    found = exact_likelihood(dataset, process, x, t_end=t_end).log_prob
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.abs(found - dataset.log_prob(x)).mean() > 0.1


@pytest.mark.parametrize("factor", [1.0, slow(0.8)])
def test_in_one_dimension_densities_integrate_to_one(factor):
    # A score that is that of no data still gives a density.
    dataset, process = DATASETS.build("gaussian_mixture", dim=1), PROCESSES.build("vp")
    x, width = np.linspace(-8, 8, 512, endpoint=False, retstep=True)
    exact = scores.evaluator(exact_score(dataset.truth), process)
    found = in_blocks(
        log_prob, lambda x, t: factor * exact(x, t), process, x[:, None], KEY, block=512
    ).log_prob
    assert np.exp(found).sum() * width == pytest.approx(1.0, abs=1e-3)


@pytest.mark.slow
def test_in_two_dimensions_densities_integrate_to_one():
    # With a rotation added the score is no gradient, and the flow still carries a density.
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build("vp")
    turn = jnp.array([[0.0, 0.5], [-0.5, 0.0]])
    side, width = np.linspace(-4, 4, 120, endpoint=False, retstep=True)
    x = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)

    def score(x, t):
        return dataset.score(x, process.alpha(t), process.sigma(t)) + x @ turn

    found = in_blocks(log_prob, score, process, x, KEY, block=3600).log_prob
    assert np.exp(found).sum() * width**2 == pytest.approx(1.0, abs=1e-3)


@pytest.mark.slow
def test_hutchinson_s_trace_is_right_on_average():
    # Rows that are copies of a few points have probes of their own, and share every step.
    dataset, process = DATASETS.build("anisotropic"), PROCESSES.build("vp")
    x, copies = jnp.tile(truth_of(dataset, 4), (256, 1)), (256, 4)
    t = jnp.asarray(process.t_min)
    exact = np.asarray(dataset.log_prob(x[:4], process.alpha(t), process.sigma(t)))
    found = [
        exact_likelihood(dataset, process, x, trace="hutchinson", probes=probes, block=1024).log_prob
        for probes in (1, 4)
    ]
    spread = [values.reshape(copies).std(axis=0, ddof=1) for values in found]
    assert (spread[0] > 0.01).all()
    for values, sd in zip(found, spread, strict=True):
        # False alarm in 1e-3 of seeds over the four points.
        assert (np.abs(values.reshape(copies).mean(axis=0) - exact) < 3.7 * sd / 16 + 1e-3).all()
    # Of 256 draws each: 4.4% standard error of a spread.
    np.testing.assert_allclose(spread[0] / spread[1], 2.0, rtol=0.25)


def test_hutchinson_s_trace_is_exact_where_the_jacobian_is_diagonal():
    # Ten dimensions: "auto" takes the probes.
    v = np.linspace(0.2, 2.0, 10)
    process = PROCESSES.build("vp")
    x = np.random.RandomState(0).standard_normal((32, 10)) * np.sqrt(v)
    found = in_blocks(log_prob, normal(v, process), process, x, KEY).log_prob
    expected = -0.5 * (x**2 / v + np.log(2 * np.pi * v)).sum(axis=1)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_up_to_eight_dimensions_auto_draws_nothing():
    # A Jacobian that is not diagonal: probes would show.
    process, mix = PROCESSES.build("vp"), jnp.eye(8) + 0.3
    x = np.random.RandomState(0).standard_normal((4, 8))

    def score(x, t):
        return -x @ mix

    def solve(key, x, **options):
        return in_blocks(log_prob, score, process, x, jax.random.key(key), **options)

    one, other = (solve(key, x).log_prob for key in (0, 1))
    np.testing.assert_array_equal(one, other)
    assert np.abs(solve(0, x, trace="hutchinson").log_prob - one).max() > 0.01


def test_nfe_counts_the_calls_of_the_score():
    process, calls = PROCESSES.build("vp"), []

    def score(x, t):
        jax.debug.callback(lambda: calls.append(0))
        return -x

    found = in_blocks(log_prob, score, process, np.ones((3, 2)), KEY)
    jax.effects_barrier()
    assert found.nfe.tolist() == [len(calls)] * 3


def test_a_solve_that_does_not_end_or_is_not_finite_is_nan():
    process = PROCESSES.build("vp")
    found = in_blocks(log_prob, normal(0.01, process), process, np.ones((3, 2)), KEY, max_steps=3)
    assert np.isnan(found.log_prob).all()
    assert found.nfe.tolist() == [6 * 3 + 1] * 3
    found = in_blocks(log_prob, lambda x, t: x * jnp.nan, process, np.ones((3, 2)), KEY, max_steps=64)
    assert np.isnan(found.log_prob).all()


def test_blocks_change_nothing_but_the_steps():
    # Read backwards, every point shares its steps with other points.
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build("vp")
    x = truth_of(dataset, 300)
    forth = exact_likelihood(dataset, process, x, block=128)
    back = exact_likelihood(dataset, process, x[::-1], block=128)
    assert forth.log_prob.shape == forth.nfe.shape == (300,)
    np.testing.assert_allclose(back.log_prob[::-1], forth.log_prob, atol=5e-3)
    assert (back.log_prob[::-1] != forth.log_prob).any()
    assert all(len({*part.tolist()}) == 1 for part in np.split(forth.nfe, [128, 256]))


def test_another_source_of_the_same_kind_compiles_nothing_new():
    family, x = {"name": "score_sde", "params": {}}, np.ones((4, 2))
    options = {"rtol": 1e-2, "atol": 1e-2}

    def solve(seed, beta_max):
        params = models.initialise(NETWORK, jax.random.key(seed), 2)
        process = PROCESSES.build("vp", beta_max=beta_max)
        return log_likelihood(scores.of_model(family, NETWORK, params), process, x, KEY, **options)

    before = cache.compiled("likelihood")
    first, second = solve(0, 20.0), solve(1, 15.0)
    assert np.abs(first.log_prob - second.log_prob).max() > 1e-3
    assert cache.compiled("likelihood") == before + 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"trace": "full"}, "trace must be one of auto, exact, hutchinson; got 'full'"),
        ({"probes": 0}, "probes must be at least 1; got 0"),
        ({"rtol": 0.0}, "rtol must be positive and finite; got 0.0"),
        ({"atol": -1.0}, "atol must be positive and finite; got -1.0"),
        ({"max_steps": 0}, "max_steps must be at least 1; got 0"),
        ({"t_end": 1.0}, r"t_end must be in \(0, 1\); got 1.0"),
        ({"t_end": 1e-7}, "t_end = 1e-07 is below t_min = 1e-05 of process 'vp'"),
        ({"block": 0}, "block must be at least 1; got 0"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        in_blocks(log_prob, lambda x, t: -x, PROCESSES.build("vp"), np.ones((2, 2)), KEY, **options)


@pytest.mark.parametrize("shape", [(3,), (0, 2)])
def test_points_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"x must have shape \[n, D\] with n at least 1; got \["):
        in_blocks(log_prob, lambda x, t: -x, PROCESSES.build("vp"), np.ones(shape), KEY)


def ho_et_al(betas, x0, x, eps_hat):
    """Ho et al. (2020), equation 5 with equations 7 and 11, on a given path x `[N, n, D]`, float64."""
    alphas = 1 - betas
    bar = np.cumprod(alphas)
    dim, total = x0.shape[1], 0.0
    for i in range(len(betas)):
        mean = (x[i] - betas[i] / np.sqrt(1 - bar[i]) * eps_hat[i]) / np.sqrt(alphas[i])
        if i == 0:
            total -= 0.5 * dim * np.log(2 * np.pi * betas[0])
            total = total - ((x0 - mean) ** 2).sum(axis=1) / (2 * betas[0])
            continue
        beta_tilde = (1 - bar[i - 1]) / (1 - bar[i]) * betas[i]
        posterior = (np.sqrt(bar[i - 1]) * betas[i] * x0 + np.sqrt(alphas[i]) * (1 - bar[i - 1]) * x[i]) / (
            1 - bar[i]
        )
        total = total - ((posterior - mean) ** 2).sum(axis=1) / (2 * beta_tilde)
    last = 1 - bar[-1]
    return total - 0.5 * (bar[-1] * (x0**2).sum(axis=1) + dim * (last - 1 - np.log(last)))


@pytest.mark.slow
def test_the_bound_is_ho_et_al_s():
    betas = np.linspace(0.005, 0.5, 8)
    process = PROCESSES.build("ddpm_linear", steps=8, beta_first=0.005, beta_last=0.5)
    x0 = np.random.RandomState(0).standard_normal((5, 2))
    seen = []

    def score(x, t):
        seen.append((np.asarray(x, np.float64), float(t)))
        return jnp.sin(3.0 * x) - t

    with jax.disable_jit():
        found, nfe = elbo(score, process, jnp.asarray(x0, float), key=KEY)
    path = np.stack([x for x, _ in seen])
    t = np.array([t for _, t in seen])[:, None, None]
    np.testing.assert_allclose(t.ravel(), np.arange(1, 9) / 8, rtol=1e-6)
    sigmas = np.sqrt(1 - np.cumprod(1 - betas))[:, None, None]
    expected = ho_et_al(betas, x0, path, -sigmas * (np.sin(3 * path) - t))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert int(nfe) == len(seen) == 8


def test_the_bound_of_gaussian_data_is_just_below_their_entropy():
    # The best guess of eps is off by alpha^2 v / (alpha^2 v + sigma^2) in each dimension.
    v, dim, process = np.array([0.3, 1.7]), 2, PROCESSES.build("ddpm_linear")
    betas = np.linspace(1e-4, 0.02, 1000)[:, None]
    bar = np.cumprod(1 - betas, axis=0)
    off = (bar * v / (bar * v + 1 - bar)).sum(axis=1)
    tilde = betas[1:, 0] * (1 - bar[:-1, 0]) / (1 - bar[1:, 0])
    kls = betas[1:, 0] ** 2 / (2 * tilde * (1 - betas[1:, 0]) * (1 - bar[1:, 0])) * off[1:]
    decoder = 0.5 * dim * np.log(2 * np.pi * 1e-4) + off[0] / (2 * (1 - 1e-4))
    prior = 0.5 * (bar[-1] * v - bar[-1] - np.log(1 - bar[-1])).sum()
    expected = -(decoder + kls.sum() + prior)
    entropy = 0.5 * np.log(2 * np.pi * math.e * v).sum()
    x = np.random.RandomState(0).standard_normal((2048, 2)) * np.sqrt(v)
    found = in_blocks(elbo, normal(v, process), process, x, KEY, block=2048)
    error = found.log_prob.std(ddof=1) / math.sqrt(2048)
    # False alarm in 1e-4 of seeds.
    assert abs(found.log_prob.mean() - expected) < 4 * error
    assert error < 0.05
    # Where noise is small the small variance is far below the reverse one: half a nat in each dimension.
    assert -entropy - 0.5 * dim < expected < -entropy
    assert found.log_prob.mean() < -entropy
    assert found.nfe.tolist() == [1000] * 2048


@pytest.mark.slow
def test_the_bound_lies_below_the_likelihood():
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build("ddpm_linear")
    x = truth_of(dataset, 256)
    score = scores.evaluator(exact_score(dataset.truth), process)
    bound = in_blocks(elbo, score, process, x, KEY).log_prob
    gap = in_blocks(log_prob, score, process, x, KEY).log_prob - bound
    assert gap.mean() > 3 * gap.std() / 16
    assert gap.mean() < 1.5


@pytest.mark.parametrize("name", ["vp", "sub_vp", "ve", "ncsn"])
def test_a_process_that_is_no_chain_has_no_bound(name):
    text = (
        f"process '{name}' is no Markov chain, so it has no bound; those that are: ddpm_cosine, ddpm_linear"
    )
    with pytest.raises(ValueError, match=text):
        elbo(lambda x, t: -x, PROCESSES.build(name), jnp.ones((2, 2)), key=KEY)
