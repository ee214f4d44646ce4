"""Runs by the library: what is asked for wrongly is one line."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.run("quick", training="fast"), TypeError, "training must be a table such as"),
        (lambda: db.run("quick", plugins="nope.py"), ValueError, "no plug-in file 'nope.py'"),
        (lambda: db.run("quick", datasets=[np.zeros((9, 2))]), TypeError, "dataset must be .*; got ndarray"),
        (lambda: db.run("quik"), ValueError, "no suite 'quik'"),
        (lambda: db.run(3), TypeError, "suite must be a name, a path or a dictionary"),
        (lambda: db.run(workers=-1), ValueError, "workers must be at least 0; got -1"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_useful_line(call, error, said, refused):
    refused(call, error, said)
