"""Every dataset keeps its contract, and each truth that is not that of the samples is told."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_suite import WITHOUT_DEFAULTS

from diffbench.contracts import DATASETS
from diffbench.datasets.coordinates import in_data_coordinates
from diffbench.testing import ContractError, check_dataset

FAST = "eight_gaussians"
NAMES = [
    n if n == FAST else pytest.param(n, marks=pytest.mark.slow)
    for n in DATASETS.names()
    if n not in WITHOUT_DEFAULTS
]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_datasets_keep_the_contract(name):
    found = {row.what for row in check_dataset(DATASETS.build(name))}
    assert {
        "E[s] at log_snr 0",
        "E[x . s] + D at log_snr 0",
        "samples against the score at log_snr -4",
    } <= found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("gaussian_mixture", {"dim": 1, "modes": 1}),
        ("gaussian_mixture", {"dim": 64}),
        ("circle", {"thickness": 0.0}),
        ("checkerboard", {"thickness": 0.0}),
        ("circle", {"embed": 8}),
        ("nine_gaussians", {"sd": 0.01}),
    ],
)
def test_datasets_keep_the_contract_with_other_parameters(name, params):
    check_dataset(DATASETS.build(name, **params))


@pytest.fixture(scope="module")
def eight():
    return DATASETS.build("eight_gaussians")


class Wrong:
    """A truth whose density and score are some function of another's."""

    def __init__(self, truth, log_prob=lambda v, x: v, score=lambda v, x: v):
        self.truth, self.of_density, self.of_score = truth, log_prob, score

    def log_prob(self, x, alpha, sigma):
        return self.of_density(self.truth.log_prob(x, alpha, sigma), x)

    def score(self, x, alpha, sigma):
        return self.of_score(self.truth.score(x, alpha, sigma), x)


def truth(**functions):
    return lambda d: {"truth": Wrong(d.truth, **functions)}


def zero(v, x):
    return jnp.zeros_like(v) + 0.0 * x.sum()


class Restless:
    def __init__(self, sample):
        self.sample, self.calls = sample, 0

    def __call__(self, key, n):
        self.calls += 1
        return self.sample(key, n) + 1e-3 * self.calls


def wider(d):
    """Each mode half as wide again, and all drawn in, so that mean and scale are right."""

    def sample(key, n):
        x = d.sample(key, n) + 0.2236 * jax.random.normal(jax.random.fold_in(key, 1), (n, 2))
        return x * np.sqrt((2.0**2 / 2 + 0.04) / (2.0**2 / 2 + 0.09))

    return {"sample": sample}


def every_other(d):
    """Every other mode of a ring, of the same mean and spread; each mode by itself is right."""

    def sample(key, n):
        x = d.sample(key, n)
        place = jnp.round(jnp.arctan2(x[:, 1], x[:, 0]) / (jnp.pi / 4))
        quarter = jnp.pi / 4 * (place % 2)
        c, s = jnp.cos(quarter), jnp.sin(quarter)
        return jnp.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], axis=1)

    return {"sample": sample, "modes": None}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: {"mean": d.mean + 0.3}, r"mean: expected that of the samples .*, got -0\."),
        (lambda d: {"scale": 1.05 * d.scale}, r"scale: expected that of the samples .*, got ratio 0\.95"),
        (lambda d: {"resolution": 0.0}, "resolution: expected 0 < resolution <= diameter, got 0 and"),
        (lambda d: {"dim": 3}, r"sample: expected shape \(4096, 3\), got shape \(4096, 2\)"),
        (
            lambda d: {"sample": Restless(d.sample)},
            "sample with one key twice: expected the same points, got",
        ),
    ],
)
def test_a_broken_dataset_is_told(eight, change, text):
    with pytest.raises(ContractError, match=text):
        check_dataset(dataclasses.replace(eight, **change(eight)))


@pytest.mark.slow
def test_a_score_of_zeros_is_told_though_it_is_the_gradient_of_a_density(eight):
    flat = truth(log_prob=zero, score=lambda v, x: 0.0 * v)
    with pytest.raises(ContractError, match=r"E\[x \. s\] \+ D at log_snr 6: expected 0 within .*, got 2"):
        check_dataset(dataclasses.replace(eight, **flat(eight)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "text"),
    [
        (truth(score=lambda v, x: -v), "score at log_snr 6: expected grad log_prob within .*, got off by"),
        (truth(score=lambda v, x: 1.01 * v), "score at log_snr .*: expected grad log_prob within"),
        (truth(score=lambda v, x: jnp.nan * v), "score at log_snr 6: expected finite numbers, got NaN or inf"),
        (truth(log_prob=lambda v, x: 1.2 * v, score=lambda v, x: 1.2 * v), r"E\[x \. s\] \+ D at log_snr"),
        (truth(log_prob=lambda v, x: v + 0.3 * x[:, 0], score=lambda v, x: v + jnp.array([0.3, 0.0])), r"E\[s\] at"),
        (truth(log_prob=lambda v, x: v + 0.2), r"E\[q/p\] - 1 at log_snr 0: expected 0 within"),
        (wider, r"E\[x \. s\] \+ D at log_snr 6: expected 0 within"),
        (every_other, "samples against the score at log_snr .*: expected p of at least 1e-06, got p ="),
        (lambda d: {"sample": lambda key, n: d.sample(key, n) * jnp.array([1.0, 0.9]), "scale": 0.951 * d.scale},
         r"at log_snr 6: expected"),
        (lambda d: {"modes": Modes(d.modes, weights=2.0)}, r"mode weights: expected a sum of 1, got (2|1\.99)"),
        (lambda d: {"modes": Modes(d.modes, shares=0.5)}, "responsibilities: expected rows that sum to 1, got sums"),
        (lambda d: {"modes": Modes(d.modes, turn=True)}, "shares of the modes: expected the weight"),
        (lambda d: {"exact_entropy": 3.0}, r"E\[-log p\] - exact_entropy: expected 0 within"),
        (lambda d: {"distance": lambda x: -jnp.ones(len(x))}, "distance: expected numbers of at least 0, got -1"),
    ],
)  # fmt: skip
def test_a_broken_truth_is_told(eight, change, text):
    with pytest.raises(ContractError, match=text):
        check_dataset(dataclasses.replace(eight, **change(eight)))


class Modes:
    def __init__(self, modes, weights=1.0, shares=1.0, turn=False):
        # Uneven weights that the samples do not have.
        self.weights = weights * (jnp.linspace(1.0, 3.0, 8) / 16.0 if turn else modes.weights)
        self.modes, self.shares = modes, shares
        self.mahalanobis = modes.mahalanobis

    def responsibilities(self, x):
        return self.shares * self.modes.responsibilities(x)


@pytest.mark.slow
@pytest.mark.parametrize(
    "distance",
    [
        lambda x: jnp.ones(len(x)),
        lambda x: jnp.zeros(len(x)),
        lambda x: 2.0 * jnp.abs(jnp.linalg.norm(x, axis=1) - 2**0.5),
        lambda x: (jnp.linalg.norm(x, axis=1) - 2**0.5) ** 2,
        lambda x: jnp.abs(jnp.linalg.norm(x, axis=1) - 2**0.5) + 0.1,
        lambda x: jnp.linalg.norm(x, axis=1),
    ],
    ids=["ones", "zeros", "doubled", "squared", "off", "to the middle"],
)
def test_a_distance_that_is_none_is_told(distance):
    circle = DATASETS.build("circle")
    check_dataset(dataclasses.replace(circle, intrinsic=None), n=1024)
    with pytest.raises(
        ContractError,
        match=r"distance (on the manifold|of the samples, median|of what is ten diameters away): expected",
    ):
        check_dataset(dataclasses.replace(circle, distance=distance), n=1024)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "text"),
    [
        (lambda x: x[:, 0], r"intrinsic: expected shape \(64, k\), got shape \(64,\)"),
        (lambda x: x[:5] ** 2, r"intrinsic: expected shape \(64, 2\), got shape \(5, 2\)"),
        (lambda x: 2.0 + 0.0 * x, r"intrinsic: expected numbers in \[0, 1\], got 2 to 2"),
    ],
)
def test_broken_coordinates_are_told(place, text):
    with pytest.raises(ContractError, match=text):
        check_dataset(dataclasses.replace(DATASETS.build("circle"), intrinsic=place), n=1024)


def test_the_check_is_of_standardised_coordinates(eight):
    with pytest.raises(ContractError, match="scale: expected that of the samples"):
        check_dataset(in_data_coordinates(eight))
