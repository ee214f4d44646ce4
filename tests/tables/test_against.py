"""Two runs row by row: paired by what rows are and by seed; worse and better beyond noise alone."""

from __future__ import annotations

import pandas as pd
import pytest

from diffbench.spec import identify
from diffbench.tables import against

LABELS = {"dataset": "d", "score": "learned", "family": "f", "budget": "b", "sampler": "s"}


def _run(
    values,
    version=1,
    better="lower",
    label="f",
    sd=0.1,
    status="ok",
    metric=1,
    floor=0.0,
    params=None,
    name="m",
):
    specs = {
        "family": {"name": "f", "params": params or {}, "version": version},
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
        "columns": {name: {name: {"better": better}}},
        "metrics": {name: {"name": name, "params": {}, "version": metric}},
        "cells": [{**labels, "place": "p", "seed": seed} for seed in range(len(values))],
    }
    rows = [
        {
            **labels,
            "seed": seed,
            "metric": "m",
            "value": value,
            "floor_mean": floor,
            "floor_sd": sd,
            "status": status,
            "reason": "" if status == "ok" else "broken",
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
        ([1.05, 1.15, 1.25], "lower", "equal"),
        ([0.0, 1.1, 2.2], "lower", "equal"),
        ([-2.0, -2.1, -2.2], "truth", "worse"),
    ],
)
def test_a_difference_counts_beyond_the_interval_and_the_floor(b, better, verdict):
    """1.05 is within a floor deviation; 0 to 2.2 has 0 in its interval."""
    assert _verdict([1.0, 1.1, 1.2], b, better=better)["verdict"] == verdict


def test_rows_are_paired_though_labels_and_versions_differ():
    row = _verdict([1.0, 1.0], [3.0, 3.5])
    assert (row["a"], row["b"], row["seeds"]) == (1.0, 3.25, 2)


@pytest.mark.parametrize(("fit_id", "score", "verdict"), [
    (None, "exact", "worse"), ("f", "learned", "equal"), (None, "given", "worse"),
])  # fmt: skip
def test_one_seed_of_a_trained_row_takes_more_than_noise_of_the_floor(fit_id, score, verdict):
    (run, a), (_, b) = _run([0.0]), _run([3.0])
    run = {**run, "cells": [{**cell, "score": score} for cell in run["cells"]]}
    a, b = (table.assign(fit_id=fit_id, score=score) for table in (a, b))
    (row,) = against.compared(run, a, run, b).to_dict("records")
    assert row["verdict"] == verdict


def test_a_row_that_fails_now_is_worse():
    run, long = _run([1.0, 1.0])
    broken = long.assign(status="diverged", value=float("nan"))
    (row,) = against.compared(run, long, run, broken).to_dict("records")
    assert row["verdict"] == "worse"


def test_a_seed_that_has_not_run_is_no_failure():
    run, long = _run([1.0, 1.0])
    other = long.assign(status=["ok", "missing"], value=[1.0, float("nan")])
    (row,) = against.compared(run, long, run, other).to_dict("records")
    assert (row["verdict"], row["seeds"]) == ("equal", 1)


def test_rows_that_fail_in_both_are_equal_and_say_why():
    run, long = _run([1.0, 1.0], status="error")
    (row,) = against.compared(run, long, run, long).to_dict("records")
    assert (row["verdict"], row["note"]) == ("equal", "error: broken, in both")


def test_rows_and_seeds_of_one_run_are_only_in_it():
    a, b = _run([1.0, 1.0, 1.0]), _run([1.0, 1.0])
    more, extra = _run([2.0], label="h", params={"width": 2})
    both = {
        **b[0],
        "specs": {**b[0]["specs"], **more["specs"]},
        "places": {**b[0]["places"], "h": more["places"]["p"]},
        "cells": [*b[0]["cells"], *({**cell, "place": "h"} for cell in more["cells"])],
    }
    rows = against.compared(*a, both, pd.concat([b[1], extra], ignore_index=True))
    assert rows["verdict"].tolist() == ["equal", "only in B"]
    assert rows["seeds"].tolist() == [2, 0]
    rows = against.compared(both, pd.concat([b[1], extra], ignore_index=True), *a)
    assert rows["verdict"].tolist() == ["equal", "only in A"]


def test_rows_of_truth_judge_nothing():
    run, long = _run([1.0, 1.0])
    with pytest.raises(ValueError, match="no row, seed and metric in common"):
        against.compared(
            {**run, "cells": [{**cell, "score": "truth"} for cell in run["cells"]]},
            long.assign(score="truth"), run, long,
        )  # fmt: skip


@pytest.mark.parametrize(("floor", "verdict"), [(0.0, "worse"), (0.5, "not known")])
def test_another_version_of_a_metric_is_believed_where_it_reads_truth_alike(floor, verdict):
    (row,) = against.compared(*_run([1.0, 1.1]), *_run([3.0, 3.1], metric=2, floor=floor)).to_dict("records")
    assert row["verdict"] == verdict


def test_samples_of_files_pair_though_their_digests_differ_unless_there_are_several():
    def given(*digests):
        run, long = _run([1.0, 1.1])
        spec = run["places"]["p"]["family"]
        found = {**run, "specs": dict(run["specs"]), "places": {}, "cells": []}
        tables = []
        for digest in digests:
            found["specs"][digest] = {"samples": {"0": digest}}
            found["places"][digest] = {**run["places"]["p"], "family": digest}
            found["cells"] += [{**cell, "family": digest, "place": digest} for cell in run["cells"]]
            tables.append(long.assign(family=digest))
        assert spec in found["specs"]
        return found, pd.concat(tables, ignore_index=True)

    assert against.compared(*given("x"), *given("y"))["verdict"].tolist() == ["equal"]
    verdicts = against.compared(*given("x", "y"), *given("x", "z"))["verdict"].tolist()
    assert verdicts == ["equal", "only in A", "only in B"]


def test_runs_without_a_common_row_are_one_line():
    run, long = _run([1.0])
    other, _ = _run([1.0], metric=1, name="other")
    with pytest.raises(ValueError, match="no row, seed and metric in common: A has d with seeds 0; B has d"):
        against.compared(run, long, other, long.assign(metric="other"))
