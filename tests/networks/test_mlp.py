"""The shared network: shapes of every option, what it is told, one start for all families."""

import itertools

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import FAMILIES
from diffbench.networks.base import ACTIVATIONS, NETWORKS
from diffbench.process import PROCESSES
from diffbench.programs import model as models

SMALL = {"widths": [8, 8], "embedding_width": 6}
OPTIONS = {
    "blocks": ("plain", "residual"),
    "activation": tuple(ACTIVATIONS),
    "embedding": ("sinusoidal", "fourier", "concatenate"),
    "output": ("eps", "x0", "v", "score"),
    "layer_norm": (False, True),
    "dropout": (0.0, 0.5),
}
N = 5


def spec(**params):
    return {"name": "mlp", "params": {**SMALL, **params}}


def transformed(is_training=False, **params):
    def call(x, t, alpha, sigma):
        return NETWORKS.build("mlp", **{**SMALL, **params})(x, t, alpha, sigma, is_training)

    return hk.transform(call)


def points(dim=2):
    return jnp.asarray(np.random.RandomState(0).standard_normal((N, dim)), float)


def filled(network, dim=2):
    """Returns parameters of a network without compiling its initialisation."""
    random = np.random.RandomState(1)
    one = jnp.ones(())
    shapes = jax.eval_shape(network.init, jax.random.key(0), points(dim), one, one, one)
    return jax.tree.map(lambda a: jnp.asarray(0.4 * random.standard_normal(a.shape), a.dtype), shapes)


def combinations():
    """Yields every choice of blocks, embedding and output, the other options taking turns."""
    turns = [itertools.cycle(OPTIONS[name]) for name in ("activation", "layer_norm", "dropout")]
    for blocks, embedding, output in itertools.product(
        *(OPTIONS[k] for k in ("blocks", "embedding", "output"))
    ):
        activation, layer_norm, dropout = (next(turn) for turn in turns)
        yield {"blocks": blocks, "embedding": embedding, "output": output,
               "activation": activation, "layer_norm": layer_norm, "dropout": dropout}  # fmt: skip


@pytest.mark.parametrize("params", list(combinations()), ids=str)
def test_every_option_has_the_right_shape(params):
    network = transformed(True, **params)
    x, t, key = jnp.zeros((N, 3)), jnp.ones(N), jax.random.key(0)
    shapes = jax.eval_shape(
        lambda k, x, t: network.apply(network.init(k, x, t, t, t), k, x, t, t, t), key, x, t
    )
    assert shapes.shape == (N, 3)
    assert shapes.dtype == jnp.float32


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"blocks": "plain", "activation": "relu", "embedding": "fourier", "output": "x0", "layer_norm": True},
        {"activation": "silu", "embedding": "concatenate", "output": "v", "layer_norm": True, "dropout": 0.5},
        {"widths": [7], "output": "score", "scale_input": False},
    ],
    ids=str,
)
def test_one_time_for_all_points_and_a_time_each_agree(params):
    network = transformed(**params)
    x, t, alpha, sigma = points(), jnp.asarray(0.3), jnp.asarray(0.8), jnp.asarray(0.6)
    each = [jnp.full(N, value) for value in (t, alpha, sigma)]

    @jax.jit
    def both(start):
        return network.apply(start, None, x, t, alpha, sigma), network.apply(start, None, x, *each)

    one, many = both(filled(network))
    np.testing.assert_allclose(one, many, rtol=1e-4, atol=1e-5)
    assert np.ptp(np.asarray(one)) > 0


@pytest.mark.parametrize("params", [{}, {"embedding": "fourier"}, {"embedding": "concatenate"}], ids=str)
def test_the_network_is_told_the_noise_level(params):
    network, x = transformed(**params, scale_input=False), points()
    start = filled(network)
    run = jax.jit(lambda t, alpha, sigma: network.apply(start, None, x, t, alpha, sigma))
    level = [jnp.asarray(value) for value in (0.3, 0.8, 0.6)]
    before = run(*level)
    changed = [jnp.abs(run(*(0.9 * v if i == j else v for j, v in enumerate(level))) - before).max() > 1e-4
               for i in range(3)]  # fmt: skip
    # "concatenate" reads t alone; the others log(sigma/alpha) alone.
    assert changed == ([True, False, False] if "concatenate" in params.values() else [False, True, True])


def test_the_scaled_input_is_of_unit_variance():
    network = transformed()
    x, one = points(), jnp.ones(())
    start = filled(network)
    run = jax.jit(lambda scale: network.apply(start, None, scale * x, one, scale * one, scale * one))
    # x, alpha and sigma together ten times larger are the same problem.
    np.testing.assert_allclose(run(10.0), run(1.0), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_all_families_start_from_the_same_bits():
    network = spec()
    start = models.initialise(network, jax.random.key(3), 2)
    again = models.initialise(network, jax.random.key(3), 2)
    other = models.initialise(network, jax.random.key(4), 2)
    assert jax.tree.all(jax.tree.map(np.array_equal, start, again))
    assert not jax.tree.all(jax.tree.map(np.array_equal, start, other))
    vp, x, scores = PROCESSES.build("vp"), points(), []
    for name in FAMILIES.names():
        model = models.model_of({"name": name, "params": {}}, network)
        # No family has parameters of its own: on one process they are one function of the start.
        scores.append(np.asarray(jax.jit(model.score)(start, x, jnp.asarray(0.5), vp)))
    for score in scores[1:]:
        np.testing.assert_array_equal(score, scores[0])


@pytest.mark.slow
def test_dropout_acts_in_training_alone():
    x, t = points(), jnp.asarray(0.5)
    start = filled(transformed())
    drop, keep = (transformed(is_training, dropout=0.5) for is_training in (True, False))
    out = [jax.jit(f.apply)(start, jax.random.key(0), x, t, t, t) for f in (drop, keep, transformed())]
    assert not np.array_equal(out[0], out[1])
    np.testing.assert_array_equal(out[1], out[2])


def test_the_score_asks_for_no_random_key():
    model = models.model_of({"name": "score_sde", "params": {}}, spec(dropout=0.5))
    start = models.initialise(spec(), jax.random.key(0), 2)
    shape = jax.eval_shape(lambda: model.score(start, points(), jnp.asarray(0.5), PROCESSES.build("vp")))
    # Dropout would fail here, since Haiku has no key to give.
    assert shape.shape == (N, 2)


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"widths": []}, ValueError, r"widths must be given, and equal for residual blocks; got \[\]"),
        ({"widths": [8, 4]}, ValueError, r"equal for residual blocks; got \[8, 4\]"),
        ({"widths": [8, 0], "blocks": "plain"}, ValueError, "each of widths must be at least 1; got 0"),
        ({"widths": [8.0]}, TypeError, "each of widths must be a whole number; got 8.0"),
        ({"blocks": "dense"}, ValueError, "blocks must be one of plain, residual; got 'dense'"),
        ({"activation": "tanh"}, ValueError, "activation must be one of gelu, relu, silu; got 'tanh'"),
        (
            {"embedding": "raw"},
            ValueError,
            "embedding must be one of sinusoidal, fourier, concatenate; got 'raw'",
        ),
        ({"output": "x"}, ValueError, "output must be one of eps, x0, v, edm, score; got 'x'"),
        ({"embedding_width": 7}, ValueError, "embedding_width must be even; got 7"),
        ({"embedding_width": 0}, ValueError, "embedding_width must be at least 2; got 0"),
        ({"fourier_spread": 0.0}, ValueError, "fourier_spread must be positive and finite; got 0.0"),
        ({"dropout": 1.0}, ValueError, r"dropout must be in \[0, 1\); got 1.0"),
        ({"dropout": -0.1}, ValueError, r"dropout must be in \[0, 1\); got -0.1"),
        ({"width": 8}, ValueError, "network 'mlp' takes no 'width'; it takes: widths, blocks"),
    ],
    ids=str,
)
def test_wrong_options_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        models.check({"name": "score_sde", "params": {}}, spec(**params), PROCESSES.build("vp"))


def test_good_options_pass_the_check():
    models.check({"name": "score_sde", "params": {}}, spec(), PROCESSES.build("vp"))


def test_plain_layers_may_narrow():
    x, one = points(), jnp.ones(())
    network = transformed(blocks="plain", widths=[8, 4, 6])
    start = jax.eval_shape(network.init, jax.random.key(0), x, one, one, one)
    shapes = {name.split("/")[-1]: value["w"].shape for name, value in start.items()}
    assert shapes == {"stem": (2, 8), "level": (6, 8), "layer_1": (8, 4), "layer_2": (4, 6), "head": (6, 2)}
