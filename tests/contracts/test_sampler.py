"""What holds of a sampler that says no more than how it runs."""

import pytest

from diffbench.contracts import Sampler
from diffbench.process import PROCESSES


@pytest.mark.parametrize("name", ["vp", "ve", "ddpm_linear"])
def test_it_fits_every_process_ends_where_that_does_and_claims_no_flow(name):
    sampler, process = Sampler(run=lambda key, x, score, process: (x, 0)), PROCESSES.build(name)
    assert sampler.unfit(process) is None
    assert sampler.end(process) == process.t_end
    # Whoever says nothing is not held to the exact flow.
    assert sampler.unflown == "it does not say that it follows the probability flow"
    assert (sampler.walk, sampler.version) == (None, 1)
