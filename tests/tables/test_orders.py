"""Orders of convergence: slopes of known powers, their intervals, and regret."""

import math

import numpy as np
import pandas as pd
import pytest

from diffbench.tables import orders

NFE = (5, 10, 20, 40)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0])
def test_a_power_has_its_order(order):
    found = orders.slope(NFE, [0.5 * n**-order for n in NFE])
    assert found.order == pytest.approx(order)
    assert found.high - found.low == pytest.approx(0.0, abs=1e-9)


def test_the_interval_is_student_s_and_covers():
    random, covered = np.random.RandomState(0), 0
    for _ in range(400):
        found = orders.slope(NFE, [n**-2.0 * math.exp(0.1 * random.standard_normal()) for n in NFE])
        covered += found.low <= 2.0 <= found.high
    # 95% of 400: beyond five standard errors in 1e-6 of seeds.
    assert abs(covered / 400 - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 400)


def test_rounding_and_what_is_not_finite_are_left_out_of_a_slope():
    clean = orders.slope(NFE, [n**-2.0 for n in NFE])
    more = orders.slope([*NFE, 80, 160], [*(n**-2.0 for n in NFE), 1e-7, math.nan])
    assert more == pytest.approx(clean)
    assert math.isnan(orders.slope([5], [0.1]).order)
    two = orders.slope([5, 10], [0.4, 0.1])
    assert two.order == pytest.approx(2.0)
    assert math.isnan(two.low)


def sampler(name, steps, **params):
    return {"name": name, "params": {"steps": steps, **params}, "version": 1}


def run_of(*rows):
    """Returns a long table and a run: rows of (score, sampler, nfe, {column: value})."""
    specs, places, cells, long = {}, {}, [], []
    for i, (score, spec, nfe, values) in enumerate(rows):
        place, label = f"p{i}", f"s{i}"
        specs[label], places[place] = spec, {"sampler": label}
        labels = {"dataset": "d", "score": score, "family": "vp", "budget": "", "sampler": label}
        cells.append({**labels, "place": place, "process": "vp"})
        long += [{**labels, "metric": column, "nfe": nfe, "value": value} for column, value in values.items()]
    table = pd.DataFrame(long).astype({"nfe": "Int64"})
    return table, {"cells": cells, "places": places, "specs": specs}


def exact(spec, nfe, error):
    return "exact", spec, nfe, {"flow_error": error}


def test_a_row_is_a_solver_on_a_grid_and_its_steps_are_columns():
    made = orders.orders(
        *run_of(
            exact(sampler("ddim", 5, grid="time"), 5, 0.4),
            exact(sampler("ddim", 10, grid="time"), 10, 0.2),
            exact(sampler("ddim", 10, grid="karras", rho=3.0), 10, 0.3),
            exact(sampler("heun", 5), 10, 0.1),
        )
    )
    assert [*zip(made["solver"], made["grid"], strict=True)] == [
        ("ddim", "karras(rho=3)"), ("ddim", "time"), ("heun", "time")
    ]  # fmt: skip
    row = made.iloc[1]
    assert (row["error_5"], row["error_10"]) == (0.4, 0.2)
    assert row["slope"] == pytest.approx(1.0)


def test_regret_is_the_factor_over_the_best_with_no_more_evaluations():
    made = orders.orders(
        *run_of(
            exact(sampler("one", 5), 5, 0.4),
            exact(sampler("one", 10), 10, 0.8),
            exact(sampler("two", 5), 10, 0.5),
        )
    )
    one, two = (made[made["solver"] == name].iloc[0] for name in ("one", "two"))
    assert one["regret_5"] == 1.0
    # Its own five evaluations were better.
    assert one["regret_10"] == pytest.approx(2.0)
    assert two["regret_10"] == pytest.approx(1.25)
    assert math.isnan(two["regret_5"])


def test_solvers_of_one_name_are_told_apart_by_what_they_differ_in():
    made = orders.orders(
        *run_of(exact(sampler("dpm", 5, order=2), 5, 0.4), exact(sampler("dpm", 5, order=3), 5, 0.4))
    )
    assert [*made["solver"]] == ["dpm (order=2)", "dpm (order=3)"]


def test_of_a_learned_score_the_solver_s_part_is_judged_and_learning_stands_beside_it():
    values = {"flow_error": 0.5, "flow_solving": 0.1, "flow_learning": 0.45}
    made = orders.orders(*run_of(("learned", sampler("ddim", 5), 5, values)))
    assert (made.iloc[0]["error_5"], made.iloc[0]["learning"]) == (0.1, 0.45)
    text = orders.markdown(made)
    assert "Learning: 0.45." in text
    assert "| ddim | time | 0.1 (1x) | - |" in text


def test_without_the_metric_there_is_no_table():
    table, run = run_of(("exact", sampler("ddim", 5), 5, {"energy": 1.0}))
    assert orders.orders(table, run).empty
