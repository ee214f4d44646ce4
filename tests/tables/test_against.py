"""Two runs row by row: paired by what rows are and by seed; worse and better beyond noise alone."""

from __future__ import annotations

import pandas as pd
import pytest

from diffbench.spec import identify
from diffbench.tables import against

LABELS = {"dataset": "d", "score": "learned", "family": "f", "budget": "b", "sampler": "s"}


def _run(values, version=1, better="lower", label="f", sd=0.1, status="ok"):
    specs = {
        "family": {"name": "f", "params": {}, "version": version},
        "dataset": {"name": "d", "params": {}},
    }
    ids = {axis: identify(spec) for axis, spec in specs.items()}
    axes = {
        axis: ids.get(axis, "") for axis in ("dataset", "score", "family", "budget", "sampler", "process")
    }
    labels = {**LABELS, "family": label}
    run = {
        "specs": {ids[axis]: spec for axis, spec in specs.items()},
        "places": {"p": axes},
        "columns": {"m": {"m": {"better": better}}},
        "cells": [{**labels, "place": "p", "seed": seed} for seed in range(len(values))],
    }
    rows = [
        {
            **labels,
            "seed": seed,
            "metric": "m",
            "value": value,
            "floor_mean": 0.0,
            "floor_sd": sd,
            "status": status,
        }
        for seed, value in enumerate(values)
    ]
    return run, pd.DataFrame(rows)


def _verdict(a, b, **changes):
    (row,) = against.compared(*_run(a, **changes), *_run(b, version=2, label="g", **changes)).to_dict(
        "records"
    )
    return row


@pytest.mark.parametrize(
    ("b", "better", "verdict"),
    [
        ([2.0, 2.1, 2.2], "lower", "worse"),
        ([0.0, 0.1, 0.2], "lower", "better"),
        ([2.0, 2.1, 2.2], "higher", "better"),
        ([1.05, 1.15, 1.25], "lower", "same"),
        ([0.0, 1.1, 2.2], "lower", "same"),
        ([-2.0, -2.1, -2.2], "truth", "worse"),
    ],
)
def test_a_difference_counts_beyond_the_interval_and_the_floor(b, better, verdict):
    """1.05 is within a floor deviation; 0 to 2.2 has 0 in its interval."""
    assert _verdict([1.0, 1.1, 1.2], b, better=better)["verdict"] == verdict


def test_rows_are_paired_though_labels_and_versions_differ():
    row = _verdict([1.0, 1.0], [3.0, 3.5])
    assert (row["a"], row["b"], row["seeds"]) == (1.0, 3.25, 2)


def test_one_seed_tells_nothing_unless_it_is_equal():
    assert _verdict([1.0], [3.0])["verdict"] == "not known"
    assert _verdict([1.0], [1.0])["verdict"] == "same"


def test_a_row_that_fails_now_is_worse():
    run, long = _run([1.0, 1.0])
    broken = long.assign(status="diverged", value=float("nan"))
    (row,) = against.compared(run, long, run, broken).to_dict("records")
    assert row["verdict"] == "worse"


def test_runs_without_a_common_row_are_one_line():
    run, long = _run([1.0])
    with pytest.raises(ValueError, match="no row and metric in common"):
        against.compared(run, long, run, long.assign(metric="other"))
