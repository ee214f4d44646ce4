"""Truths of several laws have the shapes that the contract states."""

import jax
import jax.numpy as jnp
import pytest

from diffbench.contracts import DATASETS

N = 5


@pytest.mark.parametrize("name", ["nine_gaussians", "two_moons", "sphere", "checkerboard"])
def test_density_and_score_have_a_number_and_a_vector_for_each_point(name):
    dataset = DATASETS.build(name)
    x, s = jax.ShapeDtypeStruct((N, dataset.dim), jnp.float32), jax.ShapeDtypeStruct((), jnp.float32)
    assert jax.eval_shape(dataset.truth.log_prob, x, s, s).shape == (N,)
    assert jax.eval_shape(dataset.truth.score, x, s, s).shape == (N, dataset.dim)
    if dataset.modes is not None:
        (modes,) = dataset.modes.weights.shape
        assert jax.eval_shape(dataset.modes.responsibilities, x).shape == (N, modes)
        assert jax.eval_shape(dataset.modes.mahalanobis, x).shape == (N, modes)
