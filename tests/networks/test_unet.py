"""The U-Net: the contract of a network, the images it reads, what it refuses."""

import functools

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.networks.base import NETWORKS
from diffbench.networks.unet import doubled, halved, image_shape
from diffbench.programs import model as models
from diffbench.programs import scores
from diffbench.testing import check_network

TINY = {"channels": [8, 8], "groups": 4, "embedding_width": 8}


@pytest.mark.slow
def test_it_holds_the_contract_of_a_network():
    spec = {"name": "unet", "params": NETWORKS.complete("unet", TINY)}
    check_network(spec, 25)


def test_the_default_has_half_a_million_parameters():
    shapes = jax.eval_shape(
        lambda key: models.initialise({"name": "unet", "params": {}}, key, 64), jax.random.key(0)
    )
    assert 450_000 < sum(leaf.size for leaf in jax.tree.leaves(shapes)) < 600_000


def test_points_are_square_images_rows_or_what_is_said():
    assert image_shape(64) == (8, 8, 1)
    assert image_shape(6) == (1, 6, 1)
    assert image_shape(24, [4, 3, 2]) == (4, 3, 2)
    with pytest.raises(ValueError, match=r"image must hold the D = 64 numbers of a point; got \[8, 8, 3\]"):
        image_shape(64, [8, 8, 3])


def test_channels_of_an_image_are_read_as_they_lie():
    def call(x):
        level = jnp.ones(())
        return NETWORKS.build("unet", **TINY, image=[4, 4, 3])(x, level, level, level)

    run = hk.without_apply_rng(hk.transform(call))
    x = jax.ShapeDtypeStruct((2, 48), jnp.float32)
    params = jax.eval_shape(run.init, jax.random.key(0), x)
    assert jax.eval_shape(run.apply, params, x).shape == (2, 48)
    (stem,) = (module for name, module in params.items() if name.endswith("/stem"))
    assert stem["w"].shape == (3, 3, 3, 8)


@pytest.mark.slow
def test_halving_and_doubling_keep_even_images_and_cut_odd_ones():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 4, 3)), float)
    assert np.asarray(halved(doubled(x, 12, 8))) == pytest.approx(np.asarray(x), abs=1e-6)
    odd = jnp.ones((1, 5, 7, 2))
    assert halved(odd).shape == (1, 3, 4, 2)
    np.testing.assert_array_equal(doubled(halved(odd), 5, 7), odd)


@pytest.mark.slow
def test_dropout_changes_what_is_trained_and_nothing_else():
    def call(x, training):
        level = jnp.ones(())
        network = NETWORKS.build("unet", channels=[4], groups=2, embedding_width=2, dropout=0.5)
        return network(x, level, level, level, training)

    x, run = jax.random.normal(jax.random.key(1), (2, 16)), hk.transform(call)
    # Compiled quickly rather than well.
    quickly = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    shapes = jax.eval_shape(lambda key: run.init(key, x, False), jax.random.key(0))
    params = jax.tree.map(lambda a: jnp.full(a.shape, 0.1) + jnp.arange(a.shape[-1]), shapes)
    train = quickly(lambda key: run.apply(params, key, x, True))
    first, second = (train(jax.random.key(k)) for k in (1, 2))
    assert np.abs(np.asarray(first - second)).max() > 1e-4
    # Without a key: nothing is drawn.
    assert np.isfinite(quickly(lambda: run.apply(params, None, x, False))()).all()


def test_blocks_of_rows_are_as_many_numbers_as_fit_the_cache():
    mlp = {"name": "mlp", "params": {}}
    assert scores.BLOCK // models.held_by(mlp, 2) == 1024
    unet = {"name": "unet", "params": {}}
    assert scores.BLOCK // models.held_by(unet, 784) < 1 <= scores.BLOCK // models.held_by(unet, 64) < 32


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"channels": 32}, "channels must be a list of whole numbers; got 32"),
        ({"channels": []}, "channels must be a list of whole numbers"),
        ({"channels": [12]}, "each of channels must be a multiple of groups = 8; got 12"),
        ({"depth": 0}, "depth must be at least 1; got 0"),
        ({"activation": "tanh"}, "activation must be one of gelu, relu, silu; got 'tanh'"),
        ({"output": "noise"}, "output must be one of eps, x0, v, edm, score"),
        ({"embedding_width": 7}, "embedding_width must be even; got 7"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\); got 1.0"),
        ({"image": [8, 8]}, "image must be a list of height, width and channels"),
        ({"image": [8, 8, 0]}, "each of image must be at least 1; got 0"),
    ],
)
def test_what_makes_no_network_is_refused(params, message):
    with pytest.raises((ValueError, TypeError), match=message):
        hk.transform(lambda: NETWORKS.build("unet", **params)).init(None)
