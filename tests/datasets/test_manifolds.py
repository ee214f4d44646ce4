"""Manifolds against sums over dense points in float64, closed forms and brute force."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import quickly
from scipy import special, stats

from diffbench.contracts import DATASETS

MANIFOLDS = ("circle", "two_moons", "swiss_roll", "s_curve", "torus", "sphere", "checkerboard", "pinwheel")


@functools.cache
def built(name, **params):
    return DATASETS.build(name, **params)


@functools.cache
def drawn(name, **params):
    """Returns samples, all that are compiled here of one shape."""
    dataset = built(name, **params)
    return np.asarray(dataset.standardise(dataset.sample(jax.random.key(1), 2048)))[:32]


@quickly
def facts_of(truth, x, alpha, sigma):
    return truth.log_prob(x, alpha, sigma), truth.score(x, alpha, sigma)


def simpson(path, low, high, n=4001):
    """Returns points of a curve and their shares of its length."""
    t, step = np.linspace(low, high, n, retstep=True)
    points = path(t)
    weights = np.full(n, 2.0)
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    speed = np.linalg.norm(np.gradient(points, step, axis=0, edge_order=2), axis=1)
    return points, weights * speed / (weights * speed).sum()


def dense(name):
    """Returns points with weights that stand for the skeleton, from its textbook definition."""
    if name == "circle":
        angle = np.linspace(0.0, 2.0 * np.pi, 1000, endpoint=False)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1), np.full(1000, 1e-3)
    if name == "two_moons":
        points, weights = simpson(lambda t: np.stack([np.cos(t), np.sin(t)], axis=1), 0.0, np.pi)
        return np.concatenate([points, [1.0, 0.5] - points]), np.tile(0.5 * weights, 2)
    if name == "swiss_roll":
        return simpson(lambda t: np.stack([t * np.cos(t), t * np.sin(t)], axis=1), 1.5 * np.pi, 4.5 * np.pi)
    u, du = np.polynomial.legendre.leggauss(160 if name == "sphere" else 64)
    u, du = 0.5 * (u + 1.0), 0.5 * du
    if name == "s_curve":
        halves = [
            simpson(lambda t: np.stack([np.sin(t), np.sign(t) * (np.cos(t) - 1.0)], axis=1), low, high, 401)
            for low, high in ((-1.5 * np.pi, 0.0), (0.0, 1.5 * np.pi))
        ]
        across = np.concatenate([points for points, _ in halves])
        share = 0.5 * np.concatenate([weights for _, weights in halves])
        x, y = np.repeat(across, 64, axis=0), np.tile(2.0 * u, len(across))
        return np.stack([x[:, 0], y, x[:, 1]], axis=1), np.outer(share, du).ravel()
    if name == "torus":
        ring, tube = (
            g.ravel() for g in np.meshgrid(2 * np.pi * np.arange(300) / 300, 2 * np.pi * np.arange(150) / 150)
        )
        rho = 1.0 + 0.4 * np.cos(tube)
        points = np.stack([rho * np.cos(ring), rho * np.sin(ring), 0.4 * np.sin(tube)], axis=1)
        return points, rho / rho.sum()
    if name == "sphere":
        ring, height = (g.ravel() for g in np.meshgrid(2 * np.pi * np.arange(320) / 320, 2.0 * u - 1.0))
        rho = np.sqrt(1.0 - height**2)
        points = np.stack([rho * np.cos(ring), rho * np.sin(ring), height], axis=1)
        return points, np.repeat(du / 320, 320)
    assert name == "checkerboard"
    x, y = (g.ravel() for g in np.meshgrid(u, u))
    corners = [(i - 2.0, j - 2.0) for i in range(4) for j in range(4) if (i + j) % 2 == 0]
    points = np.concatenate([np.stack([x + i, y + j], axis=1) for i, j in corners])
    return points, np.tile(np.outer(du, du).ravel(), 8) / 8.0


def diffused(dataset, points, weights, x, alpha, sigma, thickness=0.05):
    """Returns log density and score of the diffused points, standardised, float64."""
    y = dataset.scale * np.asarray(x, np.float64) / alpha + dataset.mean.astype(np.float64)
    s = dataset.scale * math.hypot(thickness, sigma / alpha)
    dim = y.shape[1]
    joint = np.log(weights) - 0.5 * ((y[:, None, :] - points) ** 2).sum(axis=-1) / s**2
    log_prob = special.logsumexp(joint, axis=1) - 0.5 * dim * math.log(2.0 * math.pi * s**2)
    score = (special.softmax(joint, axis=1) @ points - y) / s**2
    return log_prob + dim * math.log(dataset.scale / alpha), score * dataset.scale / alpha


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MANIFOLDS if name != "pinwheel"])
def test_truth_is_the_sum_over_dense_points(name):
    dataset, (points, weights) = built(name), dense(name)
    # Exact moments of the law, from other points than its own.
    mean = weights @ points
    variance = weights @ ((points - mean) ** 2).sum(axis=1) / dataset.dim
    np.testing.assert_allclose(dataset.mean, mean, atol=2e-6 * dataset.scale)
    assert dataset.scale == pytest.approx(math.sqrt(variance / (1.0 - 0.05**2)), rel=2e-6)
    for alpha, sigma in [(1.0, 0.0), (0.9, 0.4), (1.0, 20.0)]:
        noise = np.random.RandomState(0).standard_normal((32, dataset.dim))
        blur = math.hypot(0.05 * alpha, sigma)
        # Half of them about four standard deviations further out than the samples.
        out = np.repeat([0.0, 4.0], 16)[:, None] * blur * noise
        x = (alpha * drawn(name) + sigma * noise + out).astype(np.float32)
        log_prob, score = facts_of(dataset.truth, x, alpha, sigma)
        other_log_prob, other_score = diffused(dataset, points, weights, x, alpha, sigma)
        np.testing.assert_allclose(log_prob, other_log_prob, rtol=2e-6, atol=1e-4)
        np.testing.assert_allclose(score, other_score, atol=1e-4 / blur)


def test_the_fewest_nodes_agree_with_a_dense_curve_to_1e_7():
    with jax.enable_x64(True):
        dataset = DATASETS.build("two_moons", nodes=333)
        with pytest.raises(ValueError, match="nodes must be at least 333 for thickness"):
            DATASETS.build("two_moons", nodes=332)
        points, weights = dense("two_moons")
        tips = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [1.02, -0.03], [0.3, 0.9]])
        x = (tips - dataset.mean) / dataset.scale
        log_prob, score = facts_of(dataset.truth, x, 1.0, 0.0)
        assert log_prob.dtype == jnp.float64
        other_log_prob, other_score = diffused(dataset, points, weights, x, 1.0, 0.0)
        np.testing.assert_allclose(log_prob, other_log_prob, atol=1e-7)
        np.testing.assert_allclose(score, other_score, atol=1e-6 / 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MANIFOLDS if name != "pinwheel"])
def test_distance_is_that_to_the_nearest_dense_point(name):
    dataset, (points, _) = built(name), dense(name)
    points = (points - dataset.mean) / dataset.scale
    x = drawn(name) * np.repeat([1.0, 1.0, 0.3, 3.0], 8)[:, None]
    ours = np.asarray(dataset.distance(x.astype(np.float32)))
    brute = np.sqrt(((x[:, None, :] - points) ** 2).sum(axis=-1).min(axis=1))
    # Points at most this far apart overstate the distance by little.
    assert (ours < brute + 1e-5).all()
    if name == "checkerboard":
        np.testing.assert_allclose(
            np.where(brute < 0.02, 0.0, brute), np.where(brute < 0.02, 0.0, ours), atol=0.02
        )
        assert (ours[brute < 0.005] == 0.0).mean() > 0.8
    else:
        np.testing.assert_allclose(ours**2, brute**2, rtol=1e-3, atol=2.5e-3)


@pytest.mark.parametrize("name", MANIFOLDS)
def test_thickness_zero_lies_on_the_manifold(name):
    dataset = built(name, thickness=0.0)
    if name == "pinwheel":
        # Its arms have a width of their own.
        assert dataset.density
        assert dataset.smallest_sigma == 0.0
        return
    assert np.asarray(dataset.distance(drawn(name, thickness=0.0))).max() < 2e-5
    assert not dataset.density
    assert dataset.resolution == 0.01
    curved = name in ("two_moons", "swiss_roll", "s_curve", "torus")
    assert (dataset.smallest_sigma > 0) == curved
    np.testing.assert_allclose(dataset.scale, built(name).scale * math.sqrt(1.0 - 0.05**2), rtol=1e-6)


def test_smallest_sigma_is_twice_the_node_spacing():
    dataset = built("two_moons", thickness=0.0)
    means = np.asarray(dataset.truth.law.nodes.means)[:256]
    spacing = np.linalg.norm(np.diff(means, axis=0), axis=1).max() / dataset.scale
    assert dataset.smallest_sigma == pytest.approx(2.0 * spacing, rel=0.01)
    # At that noise the score is still that of the curve.
    points, weights = dense("two_moons")
    x, sigma = drawn("two_moons"), dataset.smallest_sigma
    score = facts_of(dataset.truth, x, 1.0, sigma)[1]
    other = diffused(dataset, points, weights, x, 1.0, sigma, thickness=0.0)[1]
    np.testing.assert_allclose(score, other, atol=1e-4 / sigma)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["circle", "s_curve"])
def test_embedding_is_the_law_times_a_normal_across(name):
    flat, dataset = built(name), built(name, embed=6)
    frame = np.asarray(dataset.truth.law.frame)
    dim = flat.dim
    assert dataset.dim == 6
    assert dataset.scale == pytest.approx(flat.scale * math.sqrt(dim / 6.0), rel=1e-6)
    x = drawn(name, embed=6)
    assert 0.8 < (x**2).mean() < 1.2
    # The raw blur of the embedded one at sigma is that of the flat one at this sigma.
    sigma = 0.4
    ratio = dataset.scale / flat.scale
    flat_sigma = math.sqrt(ratio**2 * (0.05**2 + sigma**2) - 0.05**2)
    y = x @ frame * ratio
    across = x - x @ frame @ frame.T
    log_flat, score_flat = facts_of(flat.truth, y, 1.0, flat_sigma)
    log_prob, score = facts_of(dataset.truth, x, 1.0, sigma)
    s = math.hypot(0.05, sigma)
    normal = stats.norm.logpdf(np.linalg.norm(across, axis=1), scale=s) - (5 - dim) * math.log(
        math.sqrt(2.0 * math.pi) * s
    )
    np.testing.assert_allclose(log_prob, log_flat + dim * math.log(ratio) + normal, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(score, ratio * score_flat @ frame.T - across / s**2, atol=1e-3)
    distance = np.hypot(flat.distance(y) / ratio, np.linalg.norm(across, axis=1))
    np.testing.assert_allclose(dataset.distance(x), distance, atol=1e-5)


def test_pinwheel_has_its_arms():
    three = built("pinwheel", arms=3)
    means = np.asarray(three.truth.law.nodes.means)
    assert len(means) == 3 * 170
    # A third of a turn maps the arms onto themselves.
    turn = np.exp(2j * np.pi / 3.0) * (means @ [1.0, 1j])
    np.testing.assert_allclose(np.stack([turn.real, turn.imag], axis=1)[:170], means[170:340], atol=1e-5)
    np.testing.assert_allclose(three.mean, 0.0, atol=1e-6)


@pytest.mark.parametrize("name", MANIFOLDS)
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"thickness": -0.1}, r"thickness must be in \[0, 1\); got -0\.1"),
        ({"thickness": 1.0}, r"thickness must be in \[0, 1\); got 1\.0"),
        ({"thickness": float("nan")}, r"thickness must be in \[0, 1\); got nan"),
        ({"embed": 1}, "embed must be at least [23]; got 1"),
    ],
)
def test_wrong_values_are_named(name, params, message):
    with pytest.raises(ValueError, match=message):
        DATASETS.build(name, **params)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("sphere", {"dim": 1}, "dim must be at least 2; got 1"),
        ("torus", {"nodes": 0}, "nodes must be at least 1; got 0"),
        ("two_moons", {"nodes": 1}, "nodes must be at least 2; got 1"),
        ("two_moons", {"nodes": 8, "thickness": 0.0}, "nodes must be at least 17 for thickness 0.0"),
        ("pinwheel", {"arms": 0}, "arms must be at least 1; got 0"),
        ("pinwheel", {"nodes": 39}, "nodes must be at least 40; got 39"),
    ],
)
def test_wrong_parameters_are_named(name, params, message):
    with pytest.raises(ValueError, match=message):
        DATASETS.build(name, **params)


@pytest.mark.parametrize("name", ["two_moons", "swiss_roll", "s_curve", "torus"])
def test_too_few_nodes_name_the_number_that_is_enough(name):
    with pytest.raises(
        ValueError, match=rf"nodes must be at least \d+ for thickness 0\.02 of {name}; got 25"
    ) as error:
        DATASETS.build(name, thickness=0.02, nodes=25)
    needed = int(str(error.value).split()[5])
    assert DATASETS.build(name, thickness=0.02, nodes=needed).density
    with pytest.raises(ValueError, match=f"at least {needed} "):
        DATASETS.build(name, thickness=0.02, nodes=needed - 1)


@pytest.mark.parametrize("name", [name for name in MANIFOLDS if name != "pinwheel"])
def test_a_thickness_below_the_steps_of_float32_is_refused_with_the_bound(name):
    with pytest.raises(
        ValueError, match=rf"thickness of {name} must be at least \S+, 32 steps of float32 .*; got 1e-06"
    ):
        DATASETS.build(name, thickness=1e-6)
    with pytest.raises(ValueError, match=rf"lengths of {name} must be from 1e-15 to 1e\+15"):
        DATASETS.build(name, thickness=1e-300)
    # No thickness is no length; the pinwheel's own width is one.
    assert not DATASETS.build(name, thickness=0.0).density


@pytest.mark.slow
def test_the_thinnest_circle_has_its_entropy():
    thinnest = 1.1e-5
    # Across, a normal; along, a circumference of 2 pi: what bends is of the order of the square.
    told, error = DATASETS.build("circle", thickness=thinnest).entropy()
    scale = math.sqrt(0.5)
    exact = math.log(2 * math.pi / scale) + 0.5 * math.log(2 * math.pi * math.e * thinnest**2)
    assert abs(told - exact) < 4 * error + 1e-3
    assert DATASETS.build("pinwheel", thickness=1e-9).density


def test_wrong_types_are_named():
    with pytest.raises(TypeError, match="thickness must be a number; got '0'"):
        DATASETS.build("circle", thickness="0")
    with pytest.raises(TypeError, match="embed must be a whole number; got True"):
        DATASETS.build("circle", embed=True)
