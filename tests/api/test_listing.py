"""What there is, as a table."""

from __future__ import annotations

import pandas as pd
import pytest

import diffbench as db


def test_what_there_is_is_a_table():
    parts = db.list()
    assert isinstance(parts, pd.DataFrame)
    assert {"families", "datasets", "samplers", "metrics", "processes", "networks", "suites"} == set(
        parts["kind"]
    )
    assert "ancestral" in set(db.list("samplers")["name"])


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.list("family"), ValueError, "kind must be one of families"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
