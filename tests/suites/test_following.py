"""Samplers that are held to the exact flow follow it, down to where its score can be trusted."""

import pytest

from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.suites.suite import SuiteError

SUITE = {
    "name": "flown",
    "datasets": [{"name": "nine_gaussians", "metrics": [{"name": "flow_error", "points": 16}]}],
    "families": ["score_sde"],
    "scores": ["exact"],
    "samples": 8,
}


def cells_of(**changes):
    return expand(suites.parse({**SUITE, **changes}))


def test_a_sampler_that_follows_no_flow_is_refused_with_the_reason():
    with pytest.raises(SuiteError) as error:
        cells_of(samplers=["ancestral"])
    assert str(error.value) == (
        "metrics: flow_error is of samplers that follow the probability flow, and ancestral does not on"
        " nine_gaussians: it draws noise of its own"
    )
    with pytest.raises(SuiteError, match="its last step leaves the flow for the data"):
        cells_of(samplers=[{"name": "ddim", "denoise": True}])


def test_an_exact_score_that_cannot_be_trusted_so_far_is_refused():
    thin = {"name": "swiss_roll", "thickness": 0.0, "metrics": ["flow_error"]}
    with pytest.raises(
        SuiteError, match=r"metrics: flow_error .*the exact score of swiss_roll can be trusted"
    ):
        cells_of(datasets=[thin], scores=["learned"], samplers=[{"name": "ddim", "t_end": 1e-4}])
