"""Averages over the truth, against its own diffused density: a second way to the same numbers.

E exp(-|x - Y|^2/(2 h^2)) is (2 pi h^2)^(D/2) times the density of Y + N(0, h^2 I) at x, which every
truth knows; and E|x - Y| is sqrt(2/pi) times the integral over h of one minus it.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.datasets.coordinates import in_data_coordinates
from diffbench.laws.potentials import General, Spherical

NAMES = [
    "nine_gaussians",
    "anisotropic",
    "swiss_roll",
    "pinwheel",
    "checkerboard",
    "torus",
    "sphere",
    "s_curve",
    "digit_images",
    "shifted_shapes",
    "random_field",
]


def near(dataset, n=40, seed=3):
    """Returns points on and beside the data, `[n, D]`."""
    key, key_off = jax.random.split(jax.random.key(seed))
    x = dataset.standardise(dataset.sample(key, n))
    return x + 0.2 * jax.random.normal(key_off, x.shape)


def kernel_by_density(dataset, x, h):
    """Returns the mean kernel from the diffused density, `[n]`, float64."""
    log_density = np.asarray(dataset.log_prob(x, 1.0, h), np.float64)
    return np.exp(0.5 * dataset.dim * math.log(2.0 * math.pi * h**2) + log_density)


@pytest.fixture(scope="module")
def built():
    return {name: DATASETS.build(name) for name in NAMES}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_mean_kernels_are_diffused_densities(built, name):
    dataset = built[name]
    x, h = near(dataset), dataset.resolution * np.array([0.5, 2.0, 16.0])
    told = np.asarray(dataset.potential().mean_kernels(x, h))
    for j in range(3):
        assert told[:, j] == pytest.approx(kernel_by_density(dataset, x, h[j]), rel=2e-3, abs=3e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_mean_distances_are_integrals_of_mean_kernels(built, name):
    dataset = built[name]
    x = near(dataset)
    steps = np.log(1e-3), np.log(3e3), 80
    h = np.exp(np.linspace(*steps))
    # Beyond the last step 1 - E k is E|x - Y|^2/(2 h^2); the first is below all lengths.
    values = np.array([h_ * (1.0 - kernel_by_density(dataset, x, h_)) for h_ in h if h_ < 60.0])
    h = h[h < 60.0]
    first, second = dataset.moments()
    square = ((np.asarray(x) - first) ** 2).sum(axis=1) + np.trace(second)
    integral = np.trapezoid(values, np.log(h), axis=0) + h[0] + 0.5 * square / h[-1]
    assert np.asarray(dataset.potential().mean_distance(x)) == pytest.approx(
        math.sqrt(2.0 / math.pi) * integral, rel=5e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["nine_gaussians", "anisotropic", "swiss_roll", "checkerboard", "digit_images"]
)
def test_self_terms_are_means_over_the_truth(built, name):
    dataset = built[name]
    potential, h = dataset.potential(), dataset.resolution * np.array([1.0, 8.0])
    x = dataset.standardise(dataset.sample(jax.random.key(11), 20_000))
    at = np.asarray(potential.mean_distance(x), np.float64)
    assert abs(potential.self_distance() - at.mean()) < 4.5 * at.std() / math.sqrt(len(at))
    kernels = np.asarray(potential.mean_kernels(x, h), np.float64)
    error = kernels.std(axis=0) / math.sqrt(len(kernels))
    assert (np.abs(potential.self_kernels(h) - kernels.mean(axis=0)) < 4.5 * error).all()


@pytest.mark.parametrize("dim", [1, 16])
def test_the_two_kinds_agree_where_a_mixture_is_both(dim):
    rng = np.random.default_rng(0)
    means, weights = 2.0 * rng.normal(size=(4, dim)), rng.dirichlet(np.ones(4))
    variances = rng.uniform(0.01, 1.0, 4)
    axes = np.broadcast_to(np.eye(dim), (4, dim, dim))
    one = Spherical(means, weights, variances)
    other = General(means, weights, axes, np.broadcast_to(variances[:, None], (4, dim)))
    x, h = 3.0 * rng.normal(size=(20, dim)), np.array([0.1, 1.0])
    assert np.asarray(one.mean_distance(x)) == pytest.approx(np.asarray(other.mean_distance(x)), rel=1e-6)
    assert one.self_distance() == pytest.approx(other.self_distance(), rel=1e-8)
    assert one.self_kernels(h) == pytest.approx(other.self_kernels(h), rel=1e-10)
    directions = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    for told, again in zip(one.projected(directions), other.projected(directions), strict=True):
        assert told == pytest.approx(again)


def test_turned_axes_turn_the_averages():
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    means, variances = rng.normal(size=(2, 3)), rng.uniform(1e-3, 2.0, (2, 3))
    straight = General(means, np.array([0.3, 0.7]), np.stack([np.eye(3)] * 2), variances)
    turned = General(means @ turn.T, np.array([0.3, 0.7]), np.stack([turn] * 2), variances)
    x = rng.normal(size=(9, 3))
    assert np.asarray(turned.mean_distance(x @ turn.T)) == pytest.approx(
        np.asarray(straight.mean_distance(x)), rel=1e-6
    )
    assert turned.self_distance() == pytest.approx(straight.self_distance(), rel=1e-10)


def test_data_coordinates_scale_the_averages(built):
    dataset = built["nine_gaussians"]
    raw = in_data_coordinates(dataset).potential()
    x = near(dataset)
    told = np.asarray(raw.mean_distance(dataset.restore(x)))
    assert told == pytest.approx(dataset.scale * np.asarray(dataset.potential().mean_distance(x)), rel=1e-6)
    assert raw.self_distance() == pytest.approx(dataset.scale * dataset.potential().self_distance(), rel=1e-8)


def test_points_without_width_and_laws_without_nodes_have_none(built):
    assert DATASETS.build("circle", thickness=0.0).potential() is None
    assert DATASETS.build("sphere", dim=5).potential() is None
    assert DATASETS.build("pinwheel", embed=4).potential() is None
    assert DATASETS.build("circle", embed=4).potential() is not None


@pytest.mark.slow
def test_a_large_mixture_sums_its_pairs_as_a_small_one_does():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(1500, 2))
    nodes = Spherical(points, np.full(1500, 1 / 1500), np.full(1500, 0.01))
    parts = Spherical(points, np.full(1500, 1 / 1500), np.append(np.full(1499, 0.01), 0.01 + 1e-12))
    assert nodes.self_distance() == pytest.approx(parts.self_distance(), rel=1e-6)
    h = np.array([0.05, 1.0])
    assert nodes.self_kernels(h) == pytest.approx(parts.self_kernels(h), rel=1e-5)


def test_float32_keeps_the_digits_of_narrow_and_wide_components():
    general = General(np.zeros((1, 2)), np.ones(1), np.eye(2)[None], np.array([[1e-6, 4.0]]))
    x = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 1e-3]])
    with jax.enable_x64(True):
        exact = np.asarray(general.mean_distance(jnp.asarray(x, jnp.float64)))
    assert np.asarray(general.mean_distance(jnp.asarray(x, jnp.float32))) == pytest.approx(exact, rel=2e-6)
