"""EDM's Heun: what churn needs, and a step that is exact where the slope is constant."""

import numpy as np
import pytest

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"churn": -1.0}, ValueError, "churn must be at least 0 and finite; got -1.0"),
        ({"s_noise": 1.1}, ValueError, "s_noise is for churn above 0; got s_noise = 1.1 with churn = 0"),
        ({"s_max": 3.0}, ValueError, "s_max is for churn above 0; got s_max = 3 with churn = 0"),
        ({"churn": 1.0, "s_min": 2.0, "s_max": 1.0}, ValueError, "s_min must be below s_max; got s_min = 2.0 and s_max = 1.0"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_of_its_own_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        SAMPLERS.build("edm", **params)


@pytest.mark.slow
@pytest.mark.parametrize("params", [{}], ids=str)
def test_of_data_at_one_point_three_steps_arrive_where_the_flow_leads(params, one_point):
    found, wanted = one_point(SAMPLERS.build("edm", steps=3, **params), PROCESSES.build("vp"))
    np.testing.assert_allclose(found, wanted, atol=1e-3)
