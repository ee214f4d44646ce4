"""A family on a network as pure functions: against Haiku's own transform of both, and by their text."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import FAMILIES
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.programs import cache
from diffbench.programs import model as models

NETWORK = {"name": "mlp", "params": {"widths": [8], "embedding_width": 4}}
FAMILY = {"name": "score_sde", "params": {"weighting": "likelihood"}}
VP = PROCESSES.build("vp")
X = jnp.asarray(np.random.RandomState(0).standard_normal((16, 2)), jnp.float32)


def by_hand(function):
    """Returns what Haiku makes of a family that is built here."""

    def run(*args):
        network = NETWORKS.build("mlp", **NETWORK["params"])
        return function(FAMILIES.build("score_sde", network, VP, weighting="likelihood"), *args)

    return hk.transform(run)


@pytest.mark.slow
def test_score_and_loss_are_those_of_the_family_itself():
    params, model = models.initialise(NETWORK, jax.random.key(0), 2), models.model_of(FAMILY, NETWORK)
    t, key = jnp.asarray(0.4), jax.random.key(1)
    expected = by_hand(lambda family: family.score(X, t)).apply(params, None)
    np.testing.assert_allclose(model.score(params, X, t, VP), expected, rtol=1e-6)
    expected = by_hand(lambda family: family.loss(X, True)).apply(params, key)
    np.testing.assert_allclose(model.loss(params, key, X, VP, True), expected, rtol=1e-6)


@pytest.mark.slow
def test_initial_parameters_have_haikus_shapes_and_depend_on_the_key_alone():
    params = models.initialise(NETWORK, jax.random.key(0), 2)
    wanted = by_hand(lambda family: family.score(X, jnp.asarray(0.4))).init(jax.random.key(9))
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, wanted)
    for other, equal in ((jax.random.key(0), True), (jax.random.key(1), False)):
        again = models.initialise(NETWORK, other, 2)
        same = [np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (params, again)), strict=True)]
        assert all(same) is equal


@pytest.mark.slow
def test_equal_specifications_are_one_program_however_they_are_written():
    models.initialise(NETWORK, jax.random.key(0), 2)
    before = cache.built()
    again = {"params": dict(reversed(NETWORK["params"].items())), "name": NETWORK["name"]}
    models.initialise(again, jax.random.key(0), 2)
    assert cache.built() == before
    models.initialise(NETWORK, jax.random.key(0), 7)
    assert cache.built() != before


def test_a_wrong_parameter_is_told_before_anything_is_compiled():
    with pytest.raises(ValueError, match="weighting must be one of"):
        models.check({"name": "score_sde", "params": {"weighting": "best"}}, NETWORK, VP)
    with pytest.raises(ValueError, match="widths"):
        models.check(FAMILY, {"name": "mlp", "params": {"widths": []}}, VP)
