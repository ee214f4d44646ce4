"""Sums over pairs against SciPy's distances, in one program for each shape."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import distance

from diffbench import pairwise

RNG = np.random.RandomState(0)


def roots(squared, parameters):
    return jnp.sqrt(squared), jnp.exp(-parameters["rate"] * squared)


RATE = {"rate": np.float32(2.0)}


def cloud(n, dim=2):
    return jnp.asarray(RNG.standard_normal((n, dim)), float)


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 64, 200])
@pytest.mark.parametrize("dim", [1, 3, 40])
def test_sums_equal_the_double_loop(n, dim):
    x, y = (cloud(size, dim) / np.sqrt(dim) for size in (n, 130))
    d = distance.cdist(x, y)
    expected = [d.sum(), np.exp(-2 * d**2).sum()]
    np.testing.assert_allclose(pairwise.pair_sums(roots, RATE, x, y, block=64), expected, rtol=2e-6)
    d = distance.cdist(x, x)
    expected = [d.sum(), np.exp(-2 * d**2).sum() - n]
    np.testing.assert_allclose(pairwise.pair_sums(roots, RATE, x, block=64), expected, rtol=2e-6, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("block", [50, 257, 1024])
def test_block_and_row_order_change_only_the_rounding(block):
    x, y = cloud(300), cloud(257)
    shuffled = x[RNG.permutation(300)]
    for args, others in (((x, y), (shuffled, y)), ((x,), (shuffled,))):
        expected = pairwise.pair_sums(roots, RATE, *args, block=64)
        np.testing.assert_allclose(pairwise.pair_sums(roots, RATE, *others, block=block), expected, rtol=1e-6)


def test_float32_sums_keep_the_digits_that_a_u_statistic_cancels():
    # A floor's standard deviation is 1e-5 at n = 100,000 and 1e-3 here.
    x = cloud(3000)
    mean = pairwise.pair_sums(roots, RATE, x)[0] / (3000 * 2999)
    assert mean == pytest.approx(distance.cdist(x, x).sum() / (3000 * 2999), abs=3e-7)


def test_memory_does_not_grow_with_the_number_of_pairs():
    n, block = 100_000, 256
    tiles = np.zeros(391 * 392 // 2, np.int32)
    x = np.zeros((n, 2), np.float32)
    program = pairwise.tile_sums.lower(roots, block, RATE, x, x, tiles, tiles).compile()
    used = program.memory_analysis()
    assert used.temp_size_in_bytes + used.output_size_in_bytes < 2**25


def test_one_program_serves_all_sets_of_one_shape():
    traced = []

    def traces(squared, parameters):
        traced.append(squared.shape)
        return roots(squared, parameters)

    for rate in (1.0, 3.0):
        pairwise.pair_sums(traces, {"rate": np.float32(rate)}, cloud(77), cloud(33))
        # Once for the tiles, once for the value at distance 0.
        assert len(traced) == 2


def lengths(squared, parameters):
    return (jnp.sqrt(squared),)


@pytest.mark.slow
@pytest.mark.parametrize("dim", [64, 784])
def test_products_of_many_dimensions_keep_the_digits_of_means_over_pairs(dim):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(n, dim)).astype(np.float32) + 3.0 for n in (300, 257))
    x[1] = x[0]  # a copy
    wide, other = x.astype(np.float64), y.astype(np.float64)
    wanted = np.sqrt(((wide[:, None] - other) ** 2).sum(axis=2)).sum()
    assert pairwise.pair_sums(lengths, (), jnp.asarray(x), jnp.asarray(y))[0] == pytest.approx(
        wanted, rel=3e-7
    )
    within = np.sqrt(((wide[:, None] - wide) ** 2).sum(axis=2)).sum()
    assert pairwise.pair_sums(lengths, (), jnp.asarray(x))[0] == pytest.approx(within, rel=3e-7)
