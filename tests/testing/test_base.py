"""What a check leaves behind: a table that prints, in the error too."""

import numpy as np
import pytest

from diffbench.testing import CHECKS, ContractError, Findings
from diffbench.testing.base import Examination


def test_findings_print_as_a_table_of_what_bound_and_value():
    look = Examination()
    look.below("noise", 0.25, 0.5, "sd")
    look.expect("nfe", True, "the 5 evaluations made", 5)
    assert str(look.findings()).splitlines() == [
        "what   expected                got",
        "noise  sd within 0.5           0.25",
        "nfe    the 5 evaluations made  5",
    ]


def test_an_error_says_what_was_wrong_and_holds_what_was_right_before():
    look = Examination()
    look.below("mean", 0.1, 0.5)
    with pytest.raises(ContractError, match=r"^spread: expected within 0\.5, got nan$") as caught:
        look.below("spread", float("nan"), 0.5)
    assert [found.what for found in caught.value.findings] == ["mean", "spread"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros(3), r"a: expected shape \(2,\), got shape \(3,\)"),
        (np.array([1.0, np.nan]), "a: expected finite numbers, got NaN or infinity in 1 of 2"),
    ],
)
def test_arrays_have_their_shape_and_are_finite(value, text):
    with pytest.raises(ContractError, match=text):
        Examination().array("a", value, (2,))


@pytest.mark.parametrize("version", [True, "1", None, 1.0])
def test_a_version_is_a_whole_number(version):
    with pytest.raises(ContractError, match="version: expected a whole number, got"):
        Examination().version(version)


def test_contract_errors_are_value_errors_and_may_hold_nothing():
    assert issubclass(ContractError, ValueError)
    assert ContractError("no").findings == Findings()


def test_each_kind_of_part_has_a_check():
    assert sorted(CHECKS) == ["dataset", "family", "metric", "network", "process", "sampler", "score"]


@pytest.mark.parametrize("kind", ["dataset", "metric", "process", "sampler"])
def test_what_is_no_such_part_is_told(kind):
    with pytest.raises(ContractError, match=f"{kind}: expected a {kind.title()}, got a dict"):
        CHECKS[kind]({"name": "mine"})
