"""Traces of chains beside those of the exact score."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import cut_off, titles

from diffbench import figures
from diffbench.figures import mixing
from diffbench.figures.base import led, style
from diffbench.figures.mixing import stays


@pytest.mark.slow
def test_mixing_has_a_row_for_each_noise_and_the_exact_score_beside_the_learned(made):
    made.grid(families=("ddpm",), seeds=2)
    for score, ess in (("learned", 12.4), ("exact", 3.0)):
        made.mixing(1, score, ess)
    found = dict(figures.drawn(made.run()))
    assert list(found) == ["density_ring", "loss", "score_error", "score_field_ring_ddpm", "mixing_ring_ddpm",
                           "quality_nfe"]  # fmt: skip
    assert titles(found["mixing_ring_ddpm"]) == [
        f"{name} score, log SNR = {level}: ess {ess}"
        for level in (-2, 2, 6)
        for name, ess in (("exact", "3, rhat 3.00"), ("learned", "12, rhat 12.40"))
    ]
    width, height = found["mixing_ring_ddpm"].get_size_inches()
    assert width <= 7.01
    assert height <= 9.3
    again = dict(figures.drawn(made.run()))["mixing_ring_ddpm"]
    # Parts of its PDF are pixels: those too must be the same every time.
    assert figures.encoded(again, ".pdf") == figures.encoded(found["mixing_ring_ddpm"], ".pdf")
    # At the least noise each of the four chains stays in a mode of its own.
    for axes in found["mixing_ring_ddpm"].axes[-2:]:
        bars = [bar for lines in axes.collections for bar in lines.get_segments()]
        assert [sorted(bar[:, 0]) for bar in bars] == [[0, 50]] * 4
        np.testing.assert_allclose([bar[0, 1] for bar in bars], range(4), atol=0.4)


def test_mixing_of_the_same_seed_is_shown_of_both_scores(made):
    made.grid(families=("ddpm",), seeds=3)
    for seed, ess in ((0, 7.0), (1, 8.0), (2, 9.0)):
        made.mixing(seed, "exact", ess)
    for seed in (2, 1):
        made.mixing(seed, "learned", None)
    found = titles(dict(figures.drawn(made.run()))["mixing_ring_ddpm"])
    assert found[:2] == ["exact score, log SNR = -2: ess 8, rhat 8.00", "learned score, log SNR = -2"]


def test_mixing_without_the_exact_score_says_so_and_without_the_learned_is_not_drawn(made):
    made.grid(families=("ddpm",), seeds=1)
    made.mixing(0, "learned", 5.0)
    found = dict(figures.drawn(made.run()))["mixing_ring_ddpm"]
    said = {text.get_text().replace("\n", " ") for axes in found.axes for text in axes.texts}
    assert said == {"the exact score was not measured"}
    made.cells = [cell for cell in made.cells if cell["score"] != "learned"]
    made.mixing(0, "exact", 5.0)
    assert not [name for name in made.names() if name.startswith("mixing")]


def test_stays_are_the_runs_of_a_chain_without_what_is_missing():
    begin, end, mode = stays(np.array([2, 2, 0, -1, -1, 0, 0, 1]))
    assert [*zip(begin, end, mode, strict=True)] == [(0, 2, 2), (2, 3, 0), (5, 7, 0), (7, 8, 1)]
    assert all(part.size == 0 for part in stays(np.full(5, -1)))


def test_titles_fit_a_column_of_a_paper(made):
    made.grid(families=("ddpm",), seeds=1)
    made.mixing(0, "learned", 5.0)
    with style("paper"):
        ((_, figure),) = mixing.pages(made.run())
        figure = led(figure)
    assert figure.get_size_inches()[0] <= 3.5
    assert cut_off(figure, "paper") == []
    boxes = [axes.title.get_window_extent() for axes in figure.axes[:2]]
    assert boxes[0].x1 < boxes[1].x0
