"""How many digits of a number stand in a table."""

import itertools
import math

import pytest

from diffbench.tables.digits import deviations, number, within


@pytest.mark.parametrize(
    ("mean", "half", "shown"),
    [
        (14_900, 500, "14900 ± 500"),
        (14_923, 512, "14920 ± 510"),
        (12.4, 0.4, "12.4 ± 0.4"),
        (12.4, 0.04, "12.40 ± 0.04"),
        (-3.0, 500, "0 ± 500"),  # no sign of a zero
        (123.4, 56, "123 ± 56"),
        (999.96, 0.996, "1000.0 ± 1.0"),
        (1.234e8, 4e6, "1.234e+08 ± 4.0e+06"),
        (1.2e-6, 3e-7, "1.2e-06 ± 3e-07"),
        (0.0, 1e-7, "0 ± 1e-07"),
        (12.4, 0.0, "12.4 ± 0"),
        (34.8, math.nan, "34.8"),
        (14_900, math.nan, "14900"),
        (math.nan, 1.0, "-"),
        (math.inf, 1.0, "-"),
        (2.0, math.inf, "2.0"),
    ],
)
def test_deviations_have_the_digits_of_their_interval(mean, half, shown):
    assert deviations(mean, half) == shown


@pytest.mark.parametrize(
    ("mean", "half", "shown"),
    [
        (0.0123, 0.0045, "0.0123 ± 0.0045"),
        (12.4, 0.4, "12.40 ± 0.40"),
        (0.1234, 0.0, "0.123 ± 0"),
        (0.0, 0.0, "0 ± 0"),
        (3e-300, 5e-301, "3.00e-300 ± 5.0e-301"),
        (1.0, 1e-12, "1.00000000 ± 1.0e-12"),
        (1e-5, 2.5e6, "0 ± 2.5e+06"),
        (0.1234, math.nan, "0.123"),
    ],
)
def test_values_have_two_digits_of_their_interval(mean, half, shown):
    assert within(mean, half) == shown


def test_mean_and_half_end_at_one_place_and_are_what_they_round():
    sizes = [s * 10.0**k for k in range(-7, 9) for s in (1.0, 3.55, 9.96)]
    for mean, half in itertools.product([*sizes, -2.5, 0.0], sizes):
        for text in (within(mean, half), deviations(mean, half)):
            shown, spread = text.split(" ± ")
            assert float(spread) == pytest.approx(half, rel=0.06 if text == within(mean, half) else 0.5)
            if "e" not in text:
                assert len(shown.partition(".")[2]) == len(spread.partition(".")[2])
            assert abs(float(shown) - mean) <= max(0.51 * half, 1e-8 * abs(mean))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (-0.0, "0"), (999.96, "1000"), (9.999, "10.0"), (123456.0, "1.23e+05"), (0.00012, "1.20e-04"),
     (None, "-"), (math.nan, "-"), (math.inf, "-")],
)  # fmt: skip
def test_a_number_alone_has_three_digits(value, shown):
    assert number(value) == shown
