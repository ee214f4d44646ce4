"""Samples beside the truth."""

from __future__ import annotations

import pytest

from diffbench import figures
from diffbench.figures import density


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
