"""DDIM: its share of noise, and a step that is exact where the estimate of the data is."""

import numpy as np
import pytest

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"eta": 1.5}, ValueError, r"eta must be in \[0, 1\]; got 1.5"),
        ({"eta": True}, TypeError, "eta must be a number; got True"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_of_its_own_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        SAMPLERS.build("ddim", **params)


@pytest.mark.parametrize("params", [{}], ids=str)
def test_of_data_at_one_point_three_steps_arrive_where_the_flow_leads(params, one_point):
    found, wanted = one_point(SAMPLERS.build("ddim", steps=3, **params), PROCESSES.build("vp"))
    np.testing.assert_allclose(found, wanted, atol=1e-3)


@pytest.mark.slow
def test_all_of_the_chain_s_noise_leads_back_to_the_point_and_no_farther(one_point):
    # eta = 1 forgets the noise that a point began with: what is left is that of the last level.
    process = PROCESSES.build("vp")
    found, _ = one_point(SAMPLERS.build("ddim", steps=3, eta=1.0, denoise=True), process)
    np.testing.assert_allclose(found, np.tile([0.7, -1.2], (6, 1)), atol=1e-3)
