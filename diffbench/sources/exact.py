"""The exact score: that of the data themselves, diffused, in closed form.

What is wrong with samples of it is the solver's doing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffbench.sources.base import SOURCES, BoundScore, Source, of_truth

if TYPE_CHECKING:
    from diffbench.contracts import Truth

NAME = "exact"


def score_of(truth: Truth) -> BoundScore:
    """Returns the exact diffused score of a truth."""
    return of_truth({"score": NAME}, truth)


@SOURCES.register(NAME)
def exact() -> Source:
    """Returns the source of the exact diffused score of a dataset."""
    return Source(lambda given: score_of(given.dataset.known), needs=("truth",))
