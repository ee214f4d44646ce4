"""Every metric keeps its contract, and each broken one is told what it broke."""

import numpy as np
import pytest

from diffbench.contracts import METRICS, Column, Metric
from diffbench.testing import ContractError, check_metric

# The rest is slow: one shows here that the check passes what is right.
NAMES = [n if n == "sliced_w2" else pytest.param(n, marks=pytest.mark.slow) for n in METRICS.names()]


@pytest.mark.parametrize("name", NAMES)
def test_metrics_keep_the_contract(name):
    built = METRICS.build(name)
    assert {*built.columns} <= {found.what for found in check_metric(built)}


@pytest.mark.parametrize(
    ("values", "arrays", "text"),
    [
        ({"other": 1.0}, {}, r"columns: expected \['mine'\], got \['other'\]"),
        ({"mine": np.float32(1.0)}, {}, "mine: expected a float, got float32"),
        ({"mine": float("nan")}, {}, "mine: expected a finite number, got nan"),
        ({"mine": 1.0}, {"curve": [1.0]}, "curve: expected a NumPy array, got list"),
    ],
)
def test_a_broken_metric_is_told(values, arrays, text):
    metric = Metric(columns={"mine": Column()}, measure=lambda key, outcome: (values, arrays))
    with pytest.raises(ContractError, match=text):
        check_metric(metric)


def test_only_an_optional_column_may_be_nan():
    columns = {"mine": Column(optional=True)}
    check_metric(Metric(columns, measure=lambda key, outcome: ({"mine": float("nan")}, {})))
    with pytest.raises(ContractError, match="mine: expected a finite number, got inf"):
        check_metric(Metric(columns, measure=lambda key, outcome: ({"mine": float("inf")}, {})))
