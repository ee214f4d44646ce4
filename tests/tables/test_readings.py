"""The readings of one row: means over seeds beside the floor, on tables whose numbers are known."""

import math

import pytest
from long_of import COLUMNS, rows_of, table

from diffbench.tables import readings


def reading(long, **labels):
    (row,) = readings.readings(long, COLUMNS, **labels).to_dict("records")
    return row


def test_a_row_is_the_mean_of_its_seeds_with_the_worst_p_and_u_between_truth_and_gaussian():
    long = table(rows_of("gaussian", "", [5.0]) + rows_of("learned", "ddpm", [1.1, 1.3]))
    row = reading(long, score="learned")
    assert tuple(row) == readings.COLUMNS
    assert row["value"] == pytest.approx(1.2)
    assert (row["floor"], row["floor_sd"]) == (1.0, 0.1)
    assert row["z"] == pytest.approx(2.0)
    assert row["p"] == long["p_value"].iloc[-1]  # that of z = 3
    assert row["u"] == pytest.approx(1 - 0.2 / 4.0)
    assert row["status"] == "ok"


def test_a_seed_that_failed_takes_the_value_with_it_and_says_why():
    long = table(rows_of("gaussian", "", [5.0]) + rows_of("learned", "ddpm", [1.1, math.nan]))
    row = reading(long, score="learned")
    assert math.isnan(row["value"])
    assert math.isnan(row["z"])
    assert row["status"] == "diverged"


def test_a_row_that_is_not_there_has_no_readings():
    long = table(rows_of("gaussian", "", [5.0]))
    assert readings.readings(long, COLUMNS, score="given").empty
