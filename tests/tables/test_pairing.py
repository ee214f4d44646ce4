"""What rows of two runs are, so that they can be paired."""

from __future__ import annotations

import pandas as pd

from diffbench.tables import pairing

AXES = ("dataset", "score", "family", "budget", "sampler", "process")


def _run(version=1, plugin="x", steps=10, metric=1, data=1, column=None):
    specs = {
        "D": {"dataset": {"name": "d", "params": {}, "version": data}},
        "S": {"name": "s", "params": {"steps": steps}, "version": version, "plugin": plugin},
    }
    about = {"better": "lower", **({"column": column} if column else {})}
    return {
        "specs": specs,
        "places": {"p": {**dict.fromkeys(AXES, ""), "dataset": "D", "sampler": "S"}},
        "metrics": {"m": {"name": "m", "params": {}, "version": metric}},
        "columns": {"m": {"value (m)" if column else "value": about}},
        "cells": [{**dict.fromkeys(pairing.LABELS, "l"), "place": "p", "seed": 0}],
    }


def test_rows_are_what_they_are_without_versions_and_digests_of_files():
    same = (_run(version=2), _run(plugin="y"), _run(data=3))
    assert {pairing.ageless(run)["p"] for run in same} == {pairing.ageless(_run())["p"]}
    assert pairing.ageless(_run(steps=20)) != pairing.ageless(_run())


def test_columns_are_those_of_their_metric_whatever_they_are_called():
    (plain,), (called,) = (
        pairing.metrics_of(run).values() for run in (_run(), _run(column="value", metric=2))
    )
    assert plain == called


def test_what_another_version_reads_is_found_by_metric_and_by_data():
    for other in (_run(metric=2), _run(data=2)):
        assert len(pairing.other_instruments(_run(), other, pairing.lasting(_run(), other))) == 1
    alike = _run(version=2, plugin="y")
    assert not pairing.other_instruments(_run(), alike, pairing.lasting(_run(), alike))


def test_rows_that_have_not_run_are_not_there():
    row = {**dict.fromkeys(pairing.LABELS, "l"), "metric": "value", "seed": 0}
    table = pd.DataFrame([{**row, "status": "ok"}, {**row, "seed": 1, "status": "missing"}])
    (cells,) = pairing.cells_of(_run(), table, {"p": "what"}).values()
    assert list(cells) == [0]
