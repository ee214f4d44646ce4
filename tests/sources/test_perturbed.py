"""A known error is what it says, bounded, and no reason to compile again."""

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.process import PROCESSES
from diffbench.programs import cache, scores
from diffbench.sources import exact, perturbed
from diffbench.sources.base import SOURCES, BoundScore


@pytest.mark.slow
def test_a_constant_error_is_added_to_every_coordinate_at_every_time():
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build("vp")
    source = exact.score_of(dataset.truth)
    x = jnp.asarray(np.random.RandomState(0).standard_normal((20, 2)), float)
    off = perturbed.score_of(source, dim=2, size=0.75)
    for t in (0.01, 0.9):
        plain = scores.evaluator(source, process)(x, jnp.asarray(t))
        np.testing.assert_allclose(
            scores.evaluator(off, process)(x, jnp.asarray(t)) - plain, 0.75, rtol=1e-4, atol=1e-4
        )


@pytest.mark.slow
@pytest.mark.parametrize("dim", [2, 20])
def test_an_error_field_is_bounded_smooth_and_as_large_as_asked(dim):
    nothing = BoundScore({"score": "zero"}, (), lambda arrays, process: lambda x, t: jnp.zeros_like(x))
    x = jnp.asarray(np.random.RandomState(0).standard_normal((4000, dim)), float)
    source = perturbed.score_of(nothing, dim=dim, error="field", size=0.5)
    _, _, waves = source.arrays
    score = source.score(source.arrays, PROCESSES.build("vp"))

    def field(x):
        return np.asarray(score(x, jnp.asarray(0.5)), np.float64)

    error = field(x)
    assert np.abs(error).max() <= 0.5
    np.testing.assert_allclose(np.sqrt((error**2).mean()), 0.5 / np.sqrt(2), rtol=0.15)
    step = 1e-2 / np.sqrt(dim)
    assert np.abs(field(x + step) - error).max() < 0.2
    again = perturbed.score_of(nothing, dim=dim, error="field", size=0.5).arrays[2]
    np.testing.assert_array_equal(again.phases, waves.phases)


def test_errors_of_many_sizes_share_one_program():
    truth, process = DATASETS.build("nine_gaussians").truth, PROCESSES.build("vp")
    x, t = jnp.ones((5, 2)), jnp.asarray(0.5)
    scores.evaluator(perturbed.score_of(exact.score_of(truth), dim=2, size=1.0), process)(x, t)
    before = cache.built(), cache.compiled("score")
    for size in (0.5, 3.0):
        scores.evaluator(perturbed.score_of(exact.score_of(truth), dim=2, size=size), process)(x, t)
    assert (cache.built(), cache.compiled("score")) == before


def test_what_it_needs_is_what_the_score_itself_needs():
    needs = {of: SOURCES.build("perturbed", of=of).needs for of in ("exact", "empirical", "learned")}
    assert needs == {"exact": ("truth",), "empirical": ("train",), "learned": ("fit",)}


@pytest.mark.parametrize("of", ["perturbed", "truth", 3])
def test_it_changes_no_score_that_is_changed_already(of):
    with pytest.raises(ValueError, match=f"of must be one of brought, empirical, exact, learned; got {of!r}"):
        SOURCES.build("perturbed", of=of)
