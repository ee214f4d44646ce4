"""A family built on a network whose formula is known."""

import haiku as hk
import jax
import jax.flatten_util
import numpy as np

from diffbench.contracts import FAMILIES

N = 64


def guess(x, t, alpha, sigma, is_training):
    """A network whose formula is known."""
    return 0.3 * x + t[..., None] - 0.1


def called(family, process, function, key=0, network=guess, **params):
    """Returns what a function of the built family returns."""

    def run(process, key):
        made = hk.transform(lambda: function(FAMILIES.build(family, network, process, **params)))
        return made.apply({}, key)

    return jax.jit(run)(process, jax.random.key(key))


def draws(family, noise, **params):
    """Returns 8000 training times and the weight at them, float64."""
    found = called(
        family,
        noise,
        lambda made: (t := made.sample_times(hk.next_rng_key(), 8000), made.weight(t)),
        **params,
    )
    return [np.asarray(a, np.float64) for a in found]
