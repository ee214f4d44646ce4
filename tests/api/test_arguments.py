"""What a call was given, held against what it may be."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db
from diffbench.api import arguments
from diffbench.process import PROCESSES


def test_whole_numbers_of_numpy_become_python_s_and_fractions_are_refused():
    assert type(arguments.whole("n", np.int32(3))) is int
    assert arguments.plain({"a": np.float32(0.5), "b": "c"}) == {"a": 0.5, "b": "c"}
    with pytest.raises(TypeError, match=r"n must be a whole number; got 3\.0"):
        arguments.whole("n", 3.0)
    with pytest.raises(ValueError, match="n must be at least 2; got 1"):
        arguments.whole("n", 1, least=2)


def test_what_is_no_table_is_told_with_an_example():
    assert arguments.table("network", {"widths": [8]}, "{}") == {"widths": [8]}
    with pytest.raises(TypeError, match=r"network must be a table such as \{\}; got list"):
        arguments.table("network", [64], "{}")


def test_times_are_those_of_the_process_and_0_where_data_is_meant():
    vp = PROCESSES.build("vp")
    assert arguments.time(0.5, vp) == 0.5
    assert arguments.time(0, vp, zero=True) == 0.0
    with pytest.raises(ValueError, match=r"t must be in \[1e-05, 1\] of vp; got 0"):
        arguments.time(0, vp, "vp")


def test_points_are_float32_of_the_dimension_of_the_data():
    found = arguments.points([[[0, 1]]], 2)
    assert (found.shape, found.dtype) == ((1, 1, 2), np.float32)
    with pytest.raises(
        ValueError, match=r"x must have shape \[n, 2\]; got \[2, 3\]; it may be the other way"
    ):
        arguments.points(np.zeros((2, 3)), 2)


@pytest.mark.slow
def test_numbers_of_numpy_are_numbers():
    assert db.dataset("circle", thickness=np.float64(0.1)).entry == {"name": "circle", "thickness": 0.1}
    x = db.sample(db.exact("two_moons"), "ancestral", n=np.int64(20), steps=np.int32(3), seed=np.int64(0))
    assert (type(x.content["samples"]), type(x.about["steps"]), type(x.about["seed"])) == (int, int, int)
