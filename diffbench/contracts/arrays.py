"""What arrays are called in signatures, and random keys from names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import jax
import numpy as np

Array = jax.Array
PRNGKey = jax.Array
Number = Array | float
Points = Array | np.ndarray

Score = Callable[[Array, Array], Array]
"""(x `[n, D]`, t `[]`) -> grad log p_t(x) `[n, D]`, whatever it came from."""


def key_for(seed: int, *labels: str | int) -> PRNGKey:
    """Returns a key that depends on a seed and on names, never on the order of work.

    Args:
      seed: The seed.
      *labels: What the key is for, such as "draw", "nine_gaussians".
    """
    key = jax.random.key(seed)
    for label in labels:
        digest = hashlib.sha256(str(label).encode()).digest()
        key = jax.random.fold_in(key, int.from_bytes(digest[:4], "big"))
    return key
