"""A model's score is its family's, and scores for calls from outside are arguments of programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.process import PROCESSES
from diffbench.programs import model as models
from diffbench.programs import scores

FAMILY = {"name": "score_sde", "params": {}}
NETWORK = {"name": "mlp", "params": {"widths": [8, 8], "embedding_width": 6}}


@pytest.mark.slow
@pytest.mark.parametrize("n", [16, 2 * 1024 + 5])
def test_a_learned_source_gives_the_family_s_score_whatever_the_block(n):
    process = PROCESSES.build("vp")
    params = models.initialise(NETWORK, jax.random.key(0), 2)
    source = scores.of_model(FAMILY, NETWORK, params)
    assert source.spec == {"family": FAMILY, "network": NETWORK}
    x = jnp.asarray(np.random.RandomState(0).standard_normal((n, 2)), float)
    t = jnp.asarray(0.3)
    got = jax.jit(lambda arrays: source.score(arrays, process)(x, t))(source.arrays)
    whole = jax.jit(lambda params: models.model_of(FAMILY, NETWORK).score(params, x, t, process))(params)
    np.testing.assert_allclose(got, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_an_evaluator_is_an_argument_of_programs_and_its_arrays_are_no_part_of_them():
    process = PROCESSES.build("vp")
    x, t = jnp.asarray(np.random.RandomState(0).standard_normal((16, 2)), float), jnp.asarray(0.3)
    twice = jax.jit(lambda score, x: 2 * score(x, t))
    for seed in (0, 1):
        params = models.initialise(NETWORK, jax.random.key(seed), 2)
        score = scores.evaluator(scores.of_model(FAMILY, NETWORK, params), process)
        expected = models.model_of(FAMILY, NETWORK).score(params, x, t, process)
        np.testing.assert_allclose(twice(score, x), 2 * expected, rtol=1e-5, atol=1e-5)
    assert twice._cache_size() == 1
