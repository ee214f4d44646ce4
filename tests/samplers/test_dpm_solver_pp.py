"""DPM-Solver++: its orders, and a step that is exact where the estimate of the data is."""

import numpy as np
import pytest

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"order": 0}, ValueError, "order must be at least 1; got 0"),
        ({"order": 3, "sde": True}, ValueError, "order must be 1 or 2 with sde = true; got 3"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_of_its_own_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        SAMPLERS.build("dpm_solver_pp", **params)


@pytest.mark.slow
@pytest.mark.parametrize("params", [{"order": 1}, {"order": 2}, {"order": 3}], ids=str)
def test_of_data_at_one_point_three_steps_arrive_where_the_flow_leads(params, one_point):
    found, wanted = one_point(SAMPLERS.build("dpm_solver_pp", steps=3, **params), PROCESSES.build("vp"))
    np.testing.assert_allclose(found, wanted, atol=1e-3)
