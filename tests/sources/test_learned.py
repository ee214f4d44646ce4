"""The learned score is the one that was trained, and nothing stands in for it."""

import pytest

from diffbench.contracts import DATASETS
from diffbench.sources.base import SOURCES, BoundScore, Given


def test_it_is_the_score_of_the_fit_that_it_was_given():
    fit = BoundScore({"family": "mine"}, (), lambda arrays, process: None)
    source = SOURCES.build("learned")
    assert source.needs == ("fit",)
    assert source.make(Given(DATASETS.build("circle"), fit=fit)) is fit


def test_without_a_fit_it_says_what_it_needs():
    with pytest.raises(ValueError, match="the learned score needs a trained model; got none"):
        SOURCES.build("learned").make(Given(DATASETS.build("circle")))
