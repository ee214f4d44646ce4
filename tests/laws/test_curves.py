"""What the quadratures of laws with nodes promise, held to much finer ones in float64."""

import math
import re

import jax
import numpy as np
import pytest
from compiled import quickly

from diffbench.contracts import DATASETS, key_for
from diffbench.laws.curves import NEAR, least_blur, least_nodes


@quickly
def facts_of(truth, x, sigma):
    return truth.log_prob(x, 1.0, sigma), truth.score(x, 1.0, sigma)


WITH_NODES = ("two_moons", "swiss_roll", "s_curve", "torus")


def fewest(name, thickness):
    """Returns the dataset with the fewest nodes that are legal."""
    with pytest.raises(ValueError, match="nodes must be at least") as error:
        DATASETS.build(name, thickness=thickness, nodes=2)
    nodes = int(re.search(r"at least (\d+)", str(error.value))[1])
    return DATASETS.build(name, thickness=thickness, nodes=nodes), nodes


def around(dataset, thickness):
    """Returns points at up to `NEAR` standard deviations of the skeleton, standardised."""
    y = np.asarray(dataset.sample(key_for(0, "skeleton"), 200), np.float64)
    away = np.random.RandomState(0).standard_normal(y.shape)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    far = np.resize([0.0, 0.5 * NEAR, NEAR - 4.0, NEAR], len(y))[:, None] * thickness
    return (y - dataset.mean) / dataset.scale + far * away


SLOW = pytest.mark.slow
CASES = [
    *(("torus", t) for t in (0.05, 0.9)),
    ("two_moons", 0.05),
    *(pytest.param(name, 0.3, marks=SLOW) for name in WITH_NODES),
    *(pytest.param(name, 0.05, marks=SLOW) for name in ("swiss_roll", "s_curve")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "thickness"), CASES)
def test_the_fewest_legal_nodes_agree_with_eight_times_as_many_to_1e_8(name, thickness):
    with jax.enable_x64(True):
        dataset, nodes = fewest(name, thickness)
        fine = DATASETS.build(name, thickness=thickness, nodes=8 * nodes)
        # Of a skeleton that is all but thin, so that the distance of each point is known.
        x = around(DATASETS.build(name, thickness=0.0), thickness)
        (log_prob, score), (log_fine, score_fine) = (facts_of(d.truth, x, 0.0) for d in (dataset, fine))
        assert log_prob.dtype == np.float64
        np.testing.assert_allclose(log_prob, log_fine, rtol=0, atol=1e-8)
        # A score is a difference over the blur.
        np.testing.assert_allclose(score, score_fine, rtol=0, atol=1e-6 / thickness)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_NODES)
def test_the_score_without_thickness_holds_from_its_smallest_sigma_on(name):
    with jax.enable_x64(True):
        for nodes in (24, 128):
            dataset = DATASETS.build(name, thickness=0.0, nodes=nodes)
            fine = DATASETS.build(name, thickness=0.0, nodes=8 * nodes)
            sigma = dataset.smallest_sigma
            x = around(dataset, sigma)
            score, score_fine = (facts_of(d.truth, x, sigma)[1] for d in (dataset, fine))
            np.testing.assert_allclose(score, score_fine, rtol=0, atol=1e-6 / sigma)


def test_the_least_blur_is_that_of_the_least_nodes():
    for reach, bend, spare in ((2.5, 0.4, 8), (141.0, 4.6, 8), (10.0, math.inf, 16)):
        for nodes in (40, 128, 1000):
            blur = least_blur(reach, nodes, bend, spare)
            assert least_nodes(reach, blur * (1 + 1e-9), bend, spare) == nodes
            assert least_nodes(reach, blur * (1 - 1e-9), bend, spare) == nodes + 1
    assert least_blur(1.0, 8, 1.0, 8) == math.inf


@pytest.mark.slow
def test_far_from_a_bend_the_error_is_that_of_the_formula():
    with jax.enable_x64(True):
        law, fine = (DATASETS.build("torus", nodes=nodes) for nodes in (106, 1024))
        blur = 0.05 * law.scale
        for rho in (3.0, 6.0):
            x = np.array([[rho, 0.0, 0.0]]) / law.scale
            found = abs(float(law.log_prob(x)[0] - fine.log_prob(x)[0]))
            spacing = 2 * math.pi * 0.4 / 106
            told = 2 * math.exp(-2 * math.pi**2 * (blur / spacing) ** 2 / (1 + (rho - 1.4) / 0.4))
            # An exponent's own rounding: the formula is that of many nodes.
            assert told / 3 < found < 3 * told
