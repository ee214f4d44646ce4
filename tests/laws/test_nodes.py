"""Nodes: their spacing, and the integrals that they stand for."""

import numpy as np
import pytest

from diffbench.laws.nodes import around, equal, line


@pytest.mark.parametrize(("length", "spacing"), [(6.0, 0.25), (1.0, 10.0), (100.0, 0.9)])
def test_nodes_of_a_circle_are_even_and_no_further_apart_than_asked(length, spacing):
    nodes = around(length, spacing)
    assert len(nodes) >= 8
    np.testing.assert_allclose(np.hypot(*nodes.T), 1.0, rtol=1e-12)
    chords = np.hypot(*(nodes - np.roll(nodes, 1, axis=0)).T)
    arcs = 2.0 * np.arcsin(chords / 2.0) * length / (2.0 * np.pi)
    np.testing.assert_allclose(arcs, length / len(nodes), rtol=1e-9)
    assert arcs.max() <= spacing * (1 + 1e-12) or len(nodes) == 8


@pytest.mark.parametrize(("low", "high", "spacing"), [(-1.0, 3.0, 0.5), (0.0, 1.0, 9.0)])
def test_nodes_of_an_interval_average_polynomials_exactly(low, high, spacing):
    nodes, shares = line(low, high, spacing)
    assert shares.sum() == pytest.approx(1.0)
    assert np.diff(nodes).max() <= max(spacing, (high - low) / 4)
    for power in range(8):
        mean = (high ** (power + 1) - low ** (power + 1)) / ((power + 1) * (high - low))
        assert shares @ nodes**power == pytest.approx(mean, rel=1e-12, abs=1e-14)


def test_equal_points_share_a_weight_of_one_and_have_no_width():
    law = equal(np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(law.weights, [1 / 3] * 3)
    assert (law.variances == 0.0).all()
