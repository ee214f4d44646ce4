"""The words in figures: labels, captions and legends, whole and where they belong."""

import zlib

import numpy as np
import pytest
import test_figures
from matplotlib.text import Text
from test_figures import COLUMNS, NFE, PROCESS, made  # noqa: F401

from diffbench import figures
from diffbench.figures.base import fitted, style, tick, width_of
from diffbench.figures.records import in_common

LONG = "a label of a hundred letters, with words and (brackets, that = hold 3.5 things) up to its very end "


def drawn(run):
    with style():
        return dict(figures.drawn(run))


def outside(figure) -> list[str]:
    """Returns the texts of a figure that its file would cut."""
    with style():
        figure.draw_without_rendering()
    unseen = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            # Matplotlib keeps ticks beyond the ends of an axis, and does not draw them.
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            unseen |= {
                label for t in ticks if not low <= t.get_loc() <= high for label in (t.label1, t.label2)
            }
    box = figure.bbox.padded(1)
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in unseen]
    assert texts
    return [
        text.get_text()
        for text in texts
        if not (box.contains(*(e := text.get_window_extent()).min) and box.contains(*e.max))
    ]


def words(figure) -> str:
    found = [text.get_text().replace("\n", " ") for text in figure.findobj(Text)]
    return " / ".join(text for text in found if text)


@pytest.fixture
def long(made, monkeypatch):  # noqa: F811
    """Labels of a hundred characters that differ in the last one."""
    monkeypatch.setattr(test_figures, "plain", lambda name: f"{zlib.crc32(name.encode()):08x}")
    for i, sampler in enumerate((f"{LONG}S", f"{LONG}T")):
        monkeypatch.setitem(NFE, sampler, 50 + i)
    monkeypatch.setitem(PROCESS, f"{LONG}F", "vp")
    for family in (f"{LONG}F", f"{LONG}G"):
        for sampler in (f"{LONG}S", f"{LONG}T"):
            made.add(f"{LONG}D", "learned", family, sampler, 0, n=60)
    made.mixing(0, "learned", 5.0)
    return made


def test_labels_of_a_hundred_characters_are_told_apart_and_nothing_is_cut(long):
    found = drawn(long.run())
    for name, figure in found.items():
        assert outside(figure) == [], name
        assert figure.get_size_inches()[0] <= 7.01
    for kind, ends in {"density": "DFGST", "loss": "DFG", "quality_nfe": "DFGST"}.items():
        said = words(next(figure for name, figure in found.items() if name.startswith(kind)))
        assert [end for end in ends if f"very end {end}" not in said] == [], kind


def test_one_family_is_narrow_and_its_caption_is_whole(made):  # noqa: F811
    made.grid(families=("ddpm",), seeds=1)
    made.mixing(0, "learned", 5.0)
    found = drawn(made.run())
    assert {name: outside(figure) for name, figure in found.items()} == {name: [] for name in found}
    assert "mean over seeds (truth: about 0)." in words(found["density_ring"])


def test_dataset_and_family_stand_inside_each_figure(made):  # noqa: F811
    made.grid(families=("ddpm",), seeds=1)
    made.mixing(0, "learned", 5.0)
    for name, figure in drawn(made.run()).items():
        assert "ring" in words(figure), name
        assert "ddpm" in words(figure), name


def test_large_numbers_on_an_axis_push_nothing_over_the_edge(made):  # noqa: F811
    made.grid(families=("ddpm",), seeds=1)
    for cell in made.cells:
        for column, name in (("energy", cell["measures"]["energy"]),):
            record = dict(made.store.read("measure", name))
            floor = {column: {**record["floor"][column], "z": 3e7 if cell["score"] == "learned" else -3e7}}
            made.store.write("measure", f"{name}-far", {**record, "floor": floor})
            cell["measures"] = {**cell["measures"], "energy": f"{name}-far"}
    assert outside(drawn(made.run())["quality_nfe"]) == []


def legend(figure) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]


def test_rows_are_told_by_their_label_not_by_the_name_of_their_part(made, monkeypatch):  # noqa: F811
    for label in ("ddim", "ddim (log snr)"):
        monkeypatch.setitem(NFE, label, 20)
        made.add("ring", "learned", "ddpm", label, 0)
    figure = drawn(made.run())["quality_nfe"]
    assert {"ddim", "ddim (log snr)"} <= set(legend(figure))
    handles = {
        h.get_label(): h.get_marker() for h in figure.legends[0].legend_handles if hasattr(h, "get_marker")
    }
    assert handles["ddim"] != handles["ddim (log snr)"]


def test_thirty_rows_have_thirty_signs(made, monkeypatch):  # noqa: F811
    for i in range(30):
        monkeypatch.setitem(NFE, f"s{i}", 20 + i)
        made.add("ring", "learned", "ddpm", f"s{i}", 0, n=40)
    run = made.run()
    with style():
        figure = dict(figures.quality.draw(run))["quality_nfe"]
    assert outside(figure) == []
    signs = [h.get_marker() for h in figure.legends[0].legend_handles if h.get_label()[:1] == "s"]
    assert len({*signs}) == len(signs) == 30


def test_the_costs_of_one_sampler_have_one_name_in_the_legend():
    assert in_common(["ancestral(steps=10)", "ancestral(steps=500)"]) == "ancestral(steps=…)"
    assert in_common(["dpm 2 (steps=10)", "dpm 2 (steps=20)"]) == "dpm 2 (steps=…)"
    assert in_common(["ddim"]) == "ddim"
    assert in_common(["few", "many"]) == "few, many"


def test_what_lines_and_bands_are_is_in_the_legend(made):  # noqa: F811
    for steps in (10, 100):
        for seed in (0, 1):
            made.add("ring", "learned", "ddpm", "ancestral", seed, steps=steps)
    found = drawn(made.run())
    assert legend(found["loss"]) == ["ddpm", "mean over seeds", "least to largest seed"]
    assert legend(found["quality_nfe"])[1:] == [
        "ancestral(steps=…)", "learned score", "one sampler at several costs", "least to largest seed",
        "noise floor, ± 2 sd",
    ]  # fmt: skip


def test_losses_of_two_weightings_are_never_in_one_panel(made):  # noqa: F811
    made.grid(families=("ddpm", "ncsn"), seeds=1, scores=("learned",))
    for family, weighting in (("ddpm", "simple"), ("ncsn", "likelihood")):
        name = f"fit-ring-{family}--0"
        spec = {"family": {"name": family, "params": {"weighting": weighting}}}
        record = {**made.store.read("fit", name), "spec": spec}
        made.store.write("fit", f"{name}-w", record, {"loss": np.ones(20, np.float32)})
        for cell in made.cells:
            if cell["fit_id"] == name:
                cell["fit_id"] = f"{name}-w"
    figure = drawn(made.run())["loss"]
    titles = [axes.get_title().replace("\n", " ") for axes in figure.axes]
    assert titles == ["ring, likelihood weight", "ring, simple weight"]
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]


def test_a_metric_that_was_asked_for_is_drawn_first_by_its_values_if_it_has_no_floor(made):  # noqa: F811
    made.grid(families=("ddpm",), seeds=1)
    content = {"cells": made.cells, "columns": COLUMNS, "leading": ["score_error"]}
    run = figures.Run(made.store, content)
    figure = dict(figures.quality.draw(run))["quality_nfe"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["score_error", "z of energy", "z of mmd2_local"]


def test_a_mean_over_fewer_seeds_than_there_are_says_so(made):  # noqa: F811
    made.add("ring", "learned", "ddpm", "ancestral", 0)
    made.add("ring", "learned", "ddpm", "ancestral", 1, fate="diverged")
    found = drawn(made.run())
    assert "(1 of 2)" in words(found["density_ring"])
    figure = found["quality_nfe"]
    assert "1 of 2 seeds" in words(figure)


@pytest.mark.parametrize("width", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("text", [LONG, "x" * 200, "a(b)" * 30, "short", "((", " "])
def test_text_is_broken_into_lines_that_fit(text, width):
    shown = fitted(text, width, lines=3)
    assert len(shown.splitlines()) <= 3 or width < 0.5
    assert all(width_of(line) <= width + 1e-9 for line in shown.splitlines())
    if "..." in shown:
        assert shown.replace("\n", "")[-1] == text.strip()[-1]


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (1000.0, "1000"), (1e5, "1e5"), (-1e7, "-1e7"), (0.01, "0.01")]
)
def test_a_tick_is_short(value, shown):
    assert tick(value) == shown
