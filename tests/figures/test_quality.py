"""Quality over cost: what is drawn, and how rows are told apart."""

from __future__ import annotations

from by_hand import COLUMNS, NFE, cut_off, drawn, legend, words

from diffbench import figures
from diffbench.figures.base import style


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
    assert legend(found["loss"]) == ["ddpm", "mean over seeds", "least to largest seed"]
    assert legend(found["quality_nfe"])[1:] == [
        "ancestral(steps=…)", "learned score", "one sampler at several costs", "Pareto front",
        "least to largest seed", "noise floor, ± 2 sd",
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
