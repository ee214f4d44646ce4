"""A source of scores that breaks its contract is named with what was expected."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.sources.base import SOURCES, BoundScore, Source
from diffbench.testing import ContractError, check_source


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*SOURCES.names()} - {"brought"}))
def test_shipped_sources_keep_their_contract(name):
    assert check_source(SOURCES.build(name))


def test_a_brought_score_is_of_the_program_that_brought_it():
    # What it is bound to is tested where it is brought.
    with pytest.raises(ValueError, match=r"is a function of one program: give it by diffbench\.score"):
        check_source(SOURCES.build("brought"))


def source(score, spec=None, **more):
    """A source of (x, t) -> score."""
    return Source(
        lambda given: BoundScore(spec or {"score": "mine"}, (), lambda arrays, process: score), **more
    )


made = iter(range(1000))
BROKEN = {
    r"needs: expected a tuple of truth, fit, train, got \('energy',\)": source(
        lambda x, t: x, needs=("energy",)
    ),
    r"version: expected a whole number, got one": source(lambda x, t: x, version="one"),
    r"what it makes: expected a BoundScore, got a tuple": Source(lambda given: ({}, (), None)),
    r"spec where made again: expected the same": Source(
        lambda given: BoundScore({"number": next(made)}, (), lambda arrays, process: lambda x, t: x)
    ),
    r"score at t = 0.01: expected shape \(16, 3\), got shape \(16,\)": source(lambda x, t: x.sum(axis=1)),
    r"score at t = 0.01: expected finite numbers": source(lambda x, t: x * jnp.nan),
    r"4 rows alone at t = 0.01": source(lambda x, t: x - x.mean(axis=0)),
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_source_that_breaks_its_contract_is_told_how(text):
    with pytest.raises(ContractError, match=text):
        check_source(BROKEN[text])


def test_a_spec_that_holds_numbers_of_the_training_points_is_refused():
    empirical = SOURCES.build("empirical")

    def make(given):
        bound = empirical.make(given)
        return bound._replace(spec={"first": float(np.asarray(given.train)[0, 0])})

    with pytest.raises(ContractError, match="spec where made of other numbers: expected the same"):
        check_source(dataclasses.replace(empirical, make=make))
