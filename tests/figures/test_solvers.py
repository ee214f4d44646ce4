"""Figures of solvers: errors over evaluations, regret, strays, and the Pareto front of quality."""

import numpy as np
import pandas as pd
import pytest
from by_hand import cut_off, legend, titles, words

from diffbench import figures
from diffbench.figures import quality, solvers, strays
from diffbench.figures.base import style
from diffbench.spec import identify

COUNTS = (5, 10, 20, 50)
GRIDS = ("time", "log_snr", "karras")


def orders(datasets=("ring",), families=("ddpm",), names=("ddim", "deis", "dpm_solver_pp(order=3)")):
    rows = []
    for dataset in datasets:
        for score, family in [("exact", "vp"), *(("learned", family) for family in families)]:
            for i, solver in enumerate(names):
                for j, grid in enumerate(GRIDS):
                    error = {f"error_{n}": 10.0 / n ** (1 + 0.5 * i) * (1 + j) for n in COUNTS}
                    row = {
                        "dataset": dataset,
                        "score": score,
                        "family": family,
                        "budget": "",
                        "process": "vp",
                    }
                    row |= {"solver": solver, "grid": grid, **error, "slope": 1 + 0.5 * i}
                    rows.append(row | {f"regret_{n}": float(1 + i + 3 * j) for n in COUNTS})
    return pd.DataFrame(rows)


def pages(run, table):
    with style():
        return dict(solvers.pages(run, table))


def test_a_line_for_each_solver_in_a_panel_for_each_grid_with_its_slope(made):
    made.grid(families=("ddpm",), seeds=1)
    found = pages(made.run(), orders())
    assert list(found) == ["solvers_ring", "regret_ring"]
    figure = found["solvers_ring"]
    assert titles(figure) == [f"{s}: {g}" for s in ("exact, vp", "learned, ddpm on vp") for g in GRIDS]
    for ax in figure.axes:
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert [list(line.get_xdata()) for line in ax.lines] == [list(COUNTS)] * 3
        assert sorted(text.get_text() for text in ax.texts) == ["1.0", "1.5", "2.0"]
    signs = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(signs) == 3
    assert cut_off(figure) == []


def test_a_grid_that_no_solver_of_a_score_has_is_no_panel(made):
    made.grid(families=("ddpm",), seeds=1)
    table = orders()
    table = table[(table["score"] == "exact") | (table["grid"] == "karras")]
    figure = pages(made.run(), table)["solvers_ring"]
    assert titles(figure) == [*(f"exact, vp: {g}" for g in GRIDS), "learned, ddpm on vp: karras"]
    across = [axes.get_title() for axes in figure.axes if axes.get_xlabel()]
    assert across == ["exact, vp: time", "exact, vp: log_snr", "learned, ddpm on vp: karras"]
    up = [axes.get_title() for axes in figure.axes if axes.get_ylabel()]
    assert up == ["exact, vp: time", "learned, ddpm on vp: karras"]
    assert cut_off(figure) == []


def test_the_floor_of_two_samples_is_the_root_of_that_of_w2(made):
    made.grid(families=("ddpm",), seeds=1)
    floor = {"w2": {"mean": 0.09, "sd": 0.01, "z": 0.0, "p_value": 0.5}}
    made.store.write("measure", "w", {"status": "ok", "reason": "", "values": {"w2": 0.1}, "floor": floor})
    made.cells[1]["measures"] = {**made.cells[1]["measures"], "w2": "w"}
    figure = pages(made.run(), orders())["solvers_ring"]
    assert "root of w2 between two samples of truth" in legend(figure)
    level = [line for line in figure.axes[0].lines if set(line.get_xdata()) == {0, 1}]
    assert [line.get_ydata()[0] for line in level] == [pytest.approx(0.3)]


def test_the_map_of_regret_has_every_choice_and_is_not_cut(made):
    made.grid(families=("ddpm",), seeds=1)
    figure = pages(made.run(), orders())["regret_ring"]
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said[:3] == ["1.0"] * 3
    assert len(said) == 27
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["5", "20", "50"]
    assert cut_off(figure) == []


def test_a_legend_of_as_many_solvers_as_the_suite_has_is_not_cut(made):
    made.grid(families=("ddpm",), seeds=1)
    names = ("ddim", "deis", "dpm_solver_pp (order=2)", "dpm_solver_pp (order=3)", "edm", "unipc")
    found = pages(made.run(), orders(names=names))
    assert all(cut_off(figure) == [] for figure in found.values())
    labels = [text.get_text() for text in found["regret_ring"].axes[0].get_yticklabels()]
    assert "dpm_solver_pp (order=3), log_snr" in labels


@pytest.mark.slow
def test_more_scores_than_stand_below_each_other_take_another_page(made):
    made.grid(families=("ddpm",), seeds=1)
    found = pages(made.run(), orders(families=[f"family_{i}" for i in range(5)]))
    assert list(found) == ["solvers_ring", "regret_ring", "solvers_ring_2", "regret_ring_2"]
    assert all(cut_off(figure) == [] for figure in found.values())


def test_no_row_that_is_held_to_the_flow_is_no_figure(made):
    made.grid(families=("ddpm",), seeds=1)
    assert pages(made.run(), pd.DataFrame()) == {}


def test_slopes_at_the_ends_stand_a_line_apart():
    placed = solvers.spread([(0.5, "2.0", "r"), (0.5, "1.0", "b"), (0.99, "3.0", "g")])
    heights = [at for at, _, _ in placed]
    assert np.diff(heights).min() > 0.08
    assert max(heights) <= 0.98 + 1e-9


def flown(made, steps, reached_of):
    made.add("ring", "exact", "score_sde", "ddim", 0, steps=steps)
    start = np.random.RandomState(0).normal(size=(40, 2))
    end = start / np.linalg.norm(start, axis=1, keepdims=True)
    spec = {"stage": "flow", "of": "ring"}
    made.store.write("flow", identify(spec), {"status": "ok", "reason": ""}, {"start": start, "end": end})
    values = {"flow_error": 0.01, "flow_elsewhere": 0.1}
    record = {"status": "ok", "reason": "", "values": values, "floor": {}, "spec": {"flow": spec}}
    made.store.write("measure", f"flow-{steps}", record, {"flow_reached": reached_of(end)})
    made.cells[-1]["measures"] = {**made.cells[-1]["measures"], "flow_error": f"flow-{steps}"}
    return start


COLUMNS = {"flow_error": {c: {"better": "lower"} for c in ("flow_error", "flow_elsewhere")}}


def test_starting_points_have_colours_and_strays_are_ringed(made):
    def reached(end):
        return np.where(np.arange(40)[:, None] < 4, -end, end + 0.01)

    start = flown(made, 10, reached)
    with style():
        ((name, figure),) = strays.pages(made.run(COLUMNS))
    assert name == "strays_ring"
    every, ringed = figure.axes[0].collections
    np.testing.assert_allclose(every.get_offsets(), start)
    assert sorted(map(tuple, ringed.get_offsets())) == sorted(map(tuple, start[:4]))
    assert len({tuple(colour) for colour in every.get_facecolors()}) > 20
    assert "10% stray" in words(figure)
    assert cut_off(figure) == []


def test_what_has_no_flow_has_no_strays(made):
    made.grid(families=("ddpm",), seeds=1)
    assert list(strays.pages(made.run())) == []


def test_the_pareto_front_is_what_nothing_beats_at_so_few_evaluations(made):
    assert quality.front([(10, 3.0), (20, 4.0), (20, 1.0), (50, 2.0), (100, 0.5)], 1.0) == [
        (10, 3.0), (20, 1.0), (100, 0.5),
    ]  # fmt: skip
    assert quality.front([(10, 1.0), (20, 2.0), (30, 1.5)], -1.0) == [(10, 1.0), (20, 2.0)]
    for steps in (10, 100, 1000):
        made.add("ring", "learned", "ddpm", "ancestral", 0, steps=steps)
    figure = dict(figures.drawn(made.run()))["quality_nfe"]
    assert "Pareto front" in legend(figure)
