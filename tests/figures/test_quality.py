"""Quality over cost: what is drawn, and how rows are told apart."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import COLUMNS, NFE, OWN, cut_off, drawn, legend, words

from diffbench import figures
from diffbench.figures.base import PAGE, dash, style


def test_large_numbers_on_an_axis_push_nothing_over_the_edge(made):
    made.grid(families=("ddpm",), seeds=1)
    for cell in made.cells:
        for column, name in (("energy", cell["measures"]["energy"]),):
            record = dict(made.store.read("measure", name))
            floor = {column: {**record["floor"][column], "z": 3e7 if cell["score"] == "learned" else -3e7}}
            made.store.write("measure", f"{name}-far", {**record, "floor": floor})
            cell["measures"] = {**cell["measures"], "energy": f"{name}-far"}
    assert cut_off(drawn(made.run())["quality_nfe"]) == []


def test_rows_are_told_by_their_label_not_by_the_name_of_their_part(made, monkeypatch):
    for label in ("ddim", "ddim (log snr)"):
        monkeypatch.setitem(NFE, label, 20)
        made.add("ring", "learned", "ddpm", label, 0)
    figure = drawn(made.run())["quality_nfe"]
    assert {"ddim", "ddim (log snr)"} <= set(legend(figure))
    handles = {
        h.get_label(): h.get_marker() for h in figure.legends[0].legend_handles if hasattr(h, "get_marker")
    }
    assert handles["ddim"] != handles["ddim (log snr)"]


def test_thirty_rows_have_thirty_signs(made, monkeypatch):
    for i in range(30):
        monkeypatch.setitem(NFE, f"s{i}", 20 + i)
        made.add("ring", "learned", "ddpm", f"s{i}", 0, n=40)
    run = made.run()
    with style():
        figure = dict(figures.quality.pages(run))["quality_nfe"]
    assert cut_off(figure) == []
    signs = [h.get_marker() for h in figure.legends[0].legend_handles if h.get_label()[:1] == "s"]
    assert len({*signs}) == len(signs) == 30


def test_what_lines_and_bands_are_is_in_the_legend(made):
    for steps in (10, 100):
        for seed in (0, 1):
            made.add("ring", "learned", "ddpm", "ancestral", seed, steps=steps)
    found = drawn(made.run())
    assert legend(found["loss"]) == ["ddpm", "mean over 2 seeds", "least to largest seed"]
    assert legend(found["quality_nfe"])[1:] == [
        "ancestral(steps=…)", "filled: learned score", "one sampler at several costs", "Pareto front",
        "mean, least and largest seed", "noise floor, ± 2 sd", "n = 400, 2 seeds",
    ]  # fmt: skip


def test_a_metric_that_was_asked_for_is_drawn_first_by_its_values_if_it_has_no_floor(made):
    made.grid(families=("ddpm",), seeds=1)
    content = {"cells": made.cells, "columns": COLUMNS, "leading": ["score_error"]}
    run = figures.Run(made.store, content)
    figure = dict(figures.quality.pages(run))["quality_nfe"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["score_error", "z of energy", "z of mmd2_local"]


def test_a_mean_over_fewer_seeds_than_there_are_says_so(made):
    made.add("ring", "learned", "ddpm", "ancestral", 0)
    made.add("ring", "learned", "ddpm", "ancestral", 1, fate="diverged")
    found = drawn(made.run())
    assert "(1 of 2)" in words(found["density_ring"])
    figure = found["quality_nfe"]
    assert "1 of 2 seeds" in words(figure)


def test_step_counts_of_a_sampler_are_one_line(made):
    for steps in (10, 100, 1000):
        made.add("ring", "learned", "ddpm", "ancestral", 0, steps=steps)
    rows = made.run().rows
    assert len({row.kind for row in rows}) == 1
    assert [row.nfe for row in rows] == [10, 100, 1000]
    figure = dict(figures.drawn(made.run()))["quality_nfe"]
    assert [10, 100, 1000] in [list(line.get_xdata()) for line in figure.axes[0].lines]


def judged(made, places, families=("ddpm",)):
    """Adds a learned row for each number of evaluations and z of energy, and returns the first panel."""
    for i, (nfe, z) in enumerate(places):
        family = families[i % len(families)]
        made.add("ring", "learned", family, f"s{i}", 0, steps=nfe, budget=f"{i % 2 + 1}x9")
        name = made.cells[-1]["measures"]["energy"]
        record = dict(made.store.read("measure", name))
        floor = {"energy": {**record["floor"]["energy"], "z": z}}
        made.store.write("measure", f"{name}-z", {**record, "floor": floor})
        made.cells[-1]["measures"] = {"energy": f"{name}-z"}
    with style():
        figure = dict(figures.quality.pages(made.run()))["quality_nfe"]
    return figure, figure.axes[0]


def front_of(axes):
    """Returns the steps of the front."""
    (line,) = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    return [*zip(line.get_xdata(), line.get_ydata(), strict=True)]


def test_the_front_is_what_nothing_of_as_few_evaluations_beats_and_goes_on_to_the_right(made):
    # Of two budgets: the front is of all of them.
    figure, axes = judged(made, [(10, 50.0), (20, 20.0), (20, 30.0), (40, 25.0), (80, 5.0), (160, 6.0)])
    *corners, end = front_of(axes)
    assert corners == [(10, 50.0), (20, 20.0), (80, 5.0)]
    assert end == (axes.get_xlim()[1], 5.0)
    assert {"steps x batch 1x9", "steps x batch 2x9", "Pareto front"} <= {*legend(figure)}


def test_a_row_that_beats_all_others_is_the_front(made):
    _, axes = judged(made, [(10, 4.0), (20, 20.0)])
    assert front_of(axes) == [(10, 4.0), (axes.get_xlim()[1], 4.0)]


@pytest.mark.slow
def test_in_a_crowd_what_lies_behind_the_front_is_pale(made):
    figure, axes = judged(made, [(10 + i, 1000.0 - (i % 7)) for i in range(42)])
    pale = [line for line in axes.lines if line.get_alpha() == 0.25]
    bold = [
        line for line in axes.lines if line.get_alpha() is None and line.get_marker() not in ("None", None)
    ]
    assert len(pale) >= 42
    assert len(bold) == len(front_of(axes)) - 1 == 7
    assert "Pareto front, all behind it pale" in legend(figure)


@pytest.mark.slow
def test_families_are_told_apart_without_colour(made):
    made.grid(seeds=1)
    found = drawn(made.run())
    assert len({dash(made.run().families, family) for family in OWN}) == 3
    assert [line.get_linestyle() for line in found["loss"].axes[0].lines] == ["-", "--", "--"]
    handles = {h.get_label(): h for h in found["quality_nfe"].legends[0].legend_handles}
    fills = {handles[name].get_fillstyle() for name in ("ddpm", "ncsn", "score_sde")}
    assert len(fills) == 3


def test_one_seed_has_no_bar_and_a_metric_that_is_absent_no_empty_axes(made):
    made.grid(families=("ddpm",), seeds=1)
    made.grid(datasets=("other",), families=("ddpm",), seeds=1)
    for cell in made.cells:
        if cell["dataset"] == "other":
            cell["measures"] = {k: v for k, v in cell["measures"].items() if k != "mmd2"}
    figure = drawn(made.run())["quality_nfe"]
    bars = [bar for axes in figure.axes for one in axes.containers for bar in one.lines[2]]
    assert bars
    segments = [segment for bar in bars for segment in bar.get_segments()]
    assert not [segment for segment in segments if len(segment) and np.isfinite(segment).all()]
    (empty,) = [axes for axes in figure.axes if not axes.axison]
    assert [text.get_text() for text in empty.texts] == ["no mmd2_local here"]
    labelled = [axes for axes in figure.axes if axes.get_xlabel()]
    assert [axes.get_xlabel() for axes in labelled] == ["score evaluations (NFE)"] * 2
    assert all(axes.axison for axes in labelled)


@pytest.mark.slow
def test_a_long_legend_makes_panels_lower_or_pages_more_and_none_too_high(made, monkeypatch):
    for i in range(20):
        monkeypatch.setitem(NFE, f"a sampler by a name so long, number {i}", 20 + i)
        for dataset in ("one", "two", "three"):
            made.add(dataset, "learned", "ddpm", f"a sampler by a name so long, number {i}", 0, n=40)
    for look, wide in (("screen", 7.01), ("paper", 3.5)):
        with style(look):
            found = dict(figures.quality.pages(made.run()))
        assert all((one.get_size_inches() <= (wide, PAGE)).all() for one in found.values()), look
        shown = [axes.get_title() for figure in found.values() for axes in figure.axes if axes.get_title()]
        assert sorted(shown) == ["one", "three", "two"]
    assert list(found) == ["quality_nfe", "quality_nfe_2"]


def test_the_first_dataset_of_a_line_that_has_a_metric_names_it(made):
    for dataset in ("none", "other", "ring"):
        made.grid(datasets=(dataset,), families=("ddpm",), seeds=1, scores=("learned",), n=40)
    for cell in made.cells:
        if cell["dataset"] == "none":
            cell["measures"] = {k: v for k, v in cell["measures"].items() if k == "energy"}
    with style():
        figure = dict(figures.quality.pages(made.run()))["quality_nfe"]
    drawn_ = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_ylabel() for axes in drawn_] == ["z of energy", "", "", "z of mmd2_local", ""]
    assert cut_off(figure) == []


def test_a_dataset_without_any_metric_of_a_page_is_no_error(made):
    wanted = {f"m{i}": {f"m{i}": {"better": "lower"}} for i in range(5)}
    for dataset, metrics in (("one", ["m0", "m1", "m2", "m3", "m4"]), ("two", ["m0"])):
        made.add(dataset, "learned", "ddpm", "ancestral", 0, n=40)
        made.cells[-1]["measures"] = {m: f"{m}-{dataset}" for m in metrics}
        for m in metrics:
            floor = {m: {"mean": 1.0, "sd": 0.1, "z": 9.0, "p_value": 0.5}}
            record = {"status": "ok", "reason": "", "values": {m: 1.0}, "floor": floor}
            made.store.write("measure", f"{m}-{dataset}", record)
    run = figures.Run(made.store, {"cells": made.cells, "columns": wanted, "leading": list(wanted)})
    with style():
        found = dict(figures.quality.pages(run))
    assert list(found) == ["quality_nfe", "quality_nfe_2"]
    assert [text.get_text() for text in found["quality_nfe_2"].axes[1].texts] == ["no m4 here"]
