"""Checks at the door: what passes, and what each message says."""

import math

import pytest

from diffbench import checks


def test_good_values_pass():
    checks.positive(a=1, b=1e-9)
    checks.count("n", 1)
    checks.count("n", 0, least=0)
    checks.ordered("low", 1, "high", 2.0)
    checks.choice("kind", "a", ("a", "b"))
    checks.end_time(None)
    checks.end_time(1e-3)


@pytest.mark.parametrize("value", [0, -1, 0.0, math.nan, math.inf])
def test_positive_refuses_a_value(value):
    with pytest.raises(ValueError, match=f"step must be positive and finite; got {value}"):
        checks.positive(fine=1.0, step=value)


@pytest.mark.parametrize("value", [1e-16, 1e16, 1e30])
def test_length_refuses_what_float32_cannot_square(value):
    checks.length(sd=1e-15, radius=1e15)
    with pytest.raises(
        ValueError, match=r"sd must be from 1e-15 to 1e\+15, so that float32 holds its square"
    ):
        checks.length(radius=1.0, sd=value)
    with pytest.raises(ValueError, match="sd must be positive and finite; got nan"):
        checks.length(sd=math.nan)


@pytest.mark.parametrize("value", [True, "1", None])
def test_positive_refuses_a_type(value):
    with pytest.raises(TypeError, match=f"step must be a number; got {value!r}"):
        checks.positive(step=value)


@pytest.mark.parametrize("value", [True, 2.0, "2", None])
def test_count_refuses_a_type(value):
    with pytest.raises(TypeError, match=f"n must be a whole number; got {value!r}"):
        checks.count("n", value)


def test_count_refuses_a_value():
    with pytest.raises(ValueError, match="n must be at least 3; got 2"):
        checks.count("n", 2, least=3)


@pytest.mark.parametrize(("a", "b"), [(2, 1), (1, 1)])
def test_ordered_refuses_the_wrong_order(a, b):
    with pytest.raises(ValueError, match=f"low must be below high; got low = {a} and high = {b}"):
        checks.ordered("low", a, "high", b)


def test_ordered_names_the_value_that_is_wrong():
    with pytest.raises(ValueError, match="high must be positive and finite; got -2"):
        checks.ordered("low", 1, "high", -2)


def test_choice_lists_the_options():
    with pytest.raises(ValueError, match="kind must be one of a, b; got 'c'"):
        checks.choice("kind", "c", ("a", "b"))


@pytest.mark.parametrize("t_end", [1, 1.5])
def test_end_time_refuses_late_times(t_end):
    with pytest.raises(ValueError, match=rf"t_end must be in \(0, 1\); got {t_end}"):
        checks.end_time(t_end)


def test_end_time_refuses_zero():
    with pytest.raises(ValueError, match="t_end must be positive and finite; got 0"):
        checks.end_time(0.0)
