"""The score that a family has learned: its network's.

Beside the exact score on the same sampler it shows what was lost in learning.
"""

from __future__ import annotations

from diffbench.sources.base import SOURCES, BoundScore, Given, Source

NAME = "learned"


@SOURCES.register(NAME)
def learned() -> Source:
    """Returns the source of a trained model's score."""
    return Source(_fitted, needs=("fit",))


def _fitted(given: Given) -> BoundScore:
    if given.fit is None:
        raise ValueError(f"the {NAME} score needs a trained model; got none")
    return given.fit
