"""Random keys from names."""

import jax
import numpy as np

from diffbench.contracts import key_for


def bits(key):
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


def test_keys_depend_on_seed_labels_and_their_order():
    keys = [
        key_for(0),
        key_for(1),
        key_for(0, "a"),
        key_for(0, "b"),
        key_for(0, "a", "b"),
        key_for(0, "b", "a"),
        key_for(0, "ab"),
        key_for(1, "a"),
        key_for(0, "a", 1),
    ]
    assert len({bits(key) for key in keys}) == len(keys)
    assert bits(key_for(3, "draw", 7)) == bits(key_for(3, "draw", "7"))


def test_keys_never_change():
    # Every stored result hangs on these bits.
    assert bits(key_for(0, "draw", "nine_gaussians")) == (3789573909, 2987658342)
