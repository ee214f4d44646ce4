"""Samples beside the truth."""

from __future__ import annotations

import pytest
from by_hand import OWN, cut_off, drawn, titles
from matplotlib.text import Text

from diffbench import figures
from diffbench.figures import density
from diffbench.figures.base import style


def test_failed_and_missing_draws_are_panels_that_say_so(made):
    made.add("ring", "truth", "", "", 0)
    made.add("ring", "learned", "ddpm", "ancestral", 0, fate="diverged")
    made.add("ring", "learned", "ddpm", "probability_flow", 0, fate="missing")
    made.add("ring", "learned", "ncsn", "annealed_langevin", 0, fate="unfit")
    made.add("ring", "exact", "score_sde", "predictor_corrector", 0, fate="missing")
    found = dict(figures.drawn(made.run()))
    assert list(found) == ["density_ring", "loss"]
    said = " ".join(text.get_text() for axes in found["density_ring"].axes for text in axes.texts)
    assert "diverged: 1 of 400 samples" in said.replace("\n", " ")
    assert "missing: the draw has not run" in said.replace("\n", " ")
    assert "missing: the fit has not run" in said.replace("\n", " ")


def test_exact_rows_alone_are_drawn_by_process(made):
    found = dict(figures.drawn(made.grid(scores=("exact",)).run()))
    assert list(found) == ["density_ring", "quality_nfe"]
    assert {"ddpm_linear", "ncsn", "vp"} <= {text.get_text() for text in found["density_ring"].texts}


@pytest.mark.slow
def test_pages_beyond_a_few_are_not_drawn_and_each_page_says_so(made, monkeypatch):
    made.grid(datasets=["ring"], families=[f"family{i}" for i in range(6)], seeds=1, n=60)
    whole = [name for name in dict(figures.drawn(made.run())) if name.startswith("density")]
    monkeypatch.setattr(density, "MOST_PAGES", 1)
    found = dict(figures.drawn(made.run()))
    assert whole == ["density_ring", "density_ring_2"]
    assert [name for name in found if name.startswith("density")] == ["density_ring"]
    said = " ".join(text.get_text() for text in found["density_ring"].texts).replace("\n", " ")
    assert "The first 1 pages of many: --families and --samplers show others." in said


def panels_of(figure):
    return [axes for axes in figure.axes if axes.images and axes.get_xlabel() != "density / peak of truth"]


@pytest.mark.slow
def test_truth_is_drawn_once_and_no_place_is_left_empty_between_panels(made):
    made.grid(seeds=1, n=60)
    # One family has two samplers more: they would leave empty places below the others.
    for sampler in ("one", "two"):
        made.add("ring", "learned", "ddpm", "ancestral", 0, steps={"one": 10, "two": 20}[sampler], n=60)
    figure = drawn(made.run())["density_ring"]
    assert titles(figure).count("truth") == 1
    lines = {}
    for axes in panels_of(figure)[1:]:
        box = axes.get_position()
        lines.setdefault(round(box.y0, 3), []).append(box.x0)
    starts = sorted({round(x, 3) for line in lines.values() for x in line})
    assert len(starts) == 4
    assert all([round(x, 3) for x in sorted(line)] == starts[: len(line)] for line in lines.values())
    # Six of the exact score and eight learned ones.
    assert sorted(map(len, lines.values())) == [2, 4, 4, 4]
    assert cut_off(figure) == []


def test_a_figure_says_how_many_samples_and_seeds_there_are(made):
    made.grid(families=("ddpm",), seeds=2, n=1234)
    said = " ".join(text.get_text().replace("\n", " ") for text in drawn(made.run())["density_ring"].texts)
    assert "n = 1,234, 2 seeds; the first seed is drawn." in said


@pytest.mark.slow
def test_a_figure_for_a_paper_is_a_column_wide_with_serif_letters_of_eight_points(made):
    made.grid(seeds=1, n=60)
    with style("paper"):
        figure = dict(figures.drawn(made.run()))["density_ring"]
        assert cut_off(figure, "paper") == []
    assert figure.get_size_inches()[0] <= 3.5
    shown = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    assert {text.get_fontfamily()[0] for text in shown} == {"STIXGeneral"}
    assert min(text.get_fontsize() for text in shown) >= 8.0
    assert {*OWN} <= {text.get_text() for text in figure.texts}
