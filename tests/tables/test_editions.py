"""What two runs were made with: parts, files, packages and commits, each difference a line."""

from __future__ import annotations

from diffbench.spec import identify
from diffbench.tables import editions

AXES = ("dataset", "score", "family", "budget", "sampler", "process")


def _run(sampler=1, plugin=None, metric=1, sampling=1, training=1):
    specs = {
        "dataset": {"dataset": {"name": "d", "params": {}, "version": 1}, "sampling": {"version": sampling}},
        "sampler": {"name": "s", "params": {"version": 9}, "version": sampler, **({"plugin": plugin} if plugin else {})},
        "budget": {"steps": 10, "version": training},
    }  # fmt: skip
    ids = {axis: identify(spec) for axis, spec in specs.items()}
    return {
        "specs": {ids[axis]: spec for axis, spec in specs.items()},
        "places": {"p": {axis: ids.get(axis, "") for axis in AXES}},
        "metrics": {"m": {"name": "m", "params": {}, "version": metric}},
    }


def test_versions_of_parts_that_differ_are_lines():
    other = _run(sampler=2, metric=3, sampling=2, training=4)
    assert editions.differing(_run(), other, [("p", "p")]) == [
        "metric m: version 1, then 3",
        "sampler s: version 1, then 2",
        "sampling: version 1, then 2",
        "training: version 1, then 4",
    ]


def test_a_file_that_was_edited_is_a_line():
    before, after = _run(plugin="0123456789abcdef"), _run(plugin="fedcba9876543210")
    assert editions.differing(before, after, [("p", "p")]) == [
        "sampler s: its code differs (01234567, then fedcba98)"
    ]
    assert editions.differing(_run(), after, [("p", "p")]) == [
        "sampler s: its code differs (none, then fedcba98)"
    ]


def test_what_is_alike_is_not_told():
    assert editions.differing(_run(), _run(), [("p", "p")]) == []


class _Folder:
    def __init__(self, **made):
        self.made = made

    def read(self, stage, name):
        return {"provenance": self.made} if self.made else {}


def test_packages_and_commits_that_differ_are_lines():
    run = {"cells": [{"draw_id": "x"}]}
    a = _Folder(jax="0.7.0", numpy="2.0", commit="0123456789abcdef", dirty=False)
    b = _Folder(jax="0.8.0", numpy="2.0", commit="0123456789abcdef", dirty=True)
    assert editions.programs((a, run), (b, run)) == [
        "jax: 0.7.0, then 0.8.0",
        "commit: 01234567, then 01234567 with changes",
    ]
    assert editions.programs((a, run), (a, run)) == []
    assert editions.programs((b, run), (b, run)) == [
        "commit: 01234567 with changes in both, so their code may differ"
    ]
    assert editions.programs((_Folder(), run), (b, run)) == []
