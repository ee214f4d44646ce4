"""The convolution of shifted views is XLA's own, forward and backward."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.networks.convolution import Conv, by_views, by_xla


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 8, 8, 5), (2, 5, 3, 4), (2, 1, 6, 2)])
def test_both_ways_are_one_convolution(shape):
    rng = np.random.default_rng(0)
    x, w = (jnp.asarray(rng.normal(size=s), float) for s in (shape, (3, 3, shape[-1], 7)))
    weight = jnp.asarray(rng.normal(size=(*shape[:3], 7)), float)

    def values(convolve):
        y, pull = jax.vjp(convolve, x, w)
        return [y, *pull(weight)]

    for views, xla in zip(values(by_views), values(by_xla), strict=True):
        assert np.abs(np.asarray(views - xla)).max() < 1e-6 * max(1.0, float(jnp.abs(xla).max()))


def test_an_impulse_shows_the_kernel_turned():
    x = jnp.zeros((1, 5, 5, 1)).at[0, 2, 2, 0].set(1.0)
    w = jnp.arange(9.0).reshape(3, 3, 1, 1)
    shown = np.asarray(by_views(x, w))[0, 1:4, 1:4, 0]
    np.testing.assert_array_equal(shown, np.arange(9.0).reshape(3, 3)[::-1, ::-1])


@pytest.mark.slow
def test_the_module_adds_an_offset_and_starts_at_the_scale_asked_for():
    run = hk.without_apply_rng(hk.transform(lambda x: Conv(64, scale=0.25)(x)))
    x = jnp.ones((1, 4, 4, 16))
    params = run.init(jax.random.key(0), x)
    assert float(params["conv"]["w"].std()) == pytest.approx(0.5 / np.sqrt(9 * 16), rel=0.05)
    moved = {"conv": {"w": params["conv"]["w"], "b": params["conv"]["b"] + 2.0}}
    assert np.asarray(run.apply(moved, x) - run.apply(params, x)) == pytest.approx(2.0, abs=1e-5)
