"""The empirical score: the exact score of a finite training set.

It is sum_i r_i (alpha y_i - x)/sigma^2 with r the softmax of -|x - alpha y_i|^2/(2 sigma^2): the minimiser
of the training loss, which memorises. Beside the exact score it shows what finite data alone cost.

References:
  Karras et al. (2022), appendix B.3, for the minimiser of the loss over a finite set.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from diffbench.sources.base import SOURCES, BoundScore, Given, Source, of_truth

if TYPE_CHECKING:
    from diffbench.contracts import Array

NAME = "empirical"


def score_of(points: Array) -> BoundScore:
    """Returns the exact score of a finite training set.

    Args:
      points: Training points, standardised, `[k, D]`.
    """
    # Here: tables read the name of this file's source, and do without JAX.
    import jax.numpy as jnp

    from diffbench.laws.base import DiffusedTruth
    from diffbench.laws.mixtures import IsotropicMixture

    count, dim = points.shape
    law = IsotropicMixture(
        means=jnp.asarray(points, float),
        log_weights=jnp.full(count, -math.log(count)),
        variances=jnp.zeros(count),
    )
    nothing = jnp.zeros(())
    truth = DiffusedTruth(law=law, mean=jnp.zeros(dim), scale=jnp.ones(()), thickness=nothing)
    return of_truth({"score": NAME}, truth)


@SOURCES.register(NAME)
def empirical() -> Source:
    """Returns the source of the exact score of a finite training set."""
    return Source(_of_training_points, needs=("train",))


def _of_training_points(given: Given) -> BoundScore:
    if given.train is None:
        raise ValueError(f"the {NAME} score needs a finite training set; got none")
    return score_of(given.train)
