"""Samples that are drawn and points that are held to the exact flow are of one program."""

import jax
import numpy as np

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES
from diffbench.programs import cache, sampling
from diffbench.sources.base import BoundScore


def test_what_is_drawn_is_where_the_same_points_are_followed_to_by_the_same_program():
    process = PROCESSES.build("vp")
    source = BoundScore({"score": "standard normal"}, (), lambda arrays, process: lambda x, t: -x)
    key = jax.random.key(1)
    start = np.asarray(process.prior(2).sample(seed=jax.random.split(key)[0], sample_shape=(5,)))
    before = cache.compiled(sampling.KIND)
    for steps in (3, 7):
        spec = {"name": "ddim", "params": SAMPLERS.complete("ddim", {"steps": steps})}
        drawn = sampling.sample(spec, source, process, key, 5, 2)
        np.testing.assert_array_equal(sampling.follow(spec, source, process, start), drawn.samples)
        assert drawn.nfe == steps
    assert cache.compiled(sampling.KIND) == before + 1
