"""Rows and their names, as figures have them."""

from __future__ import annotations

from diffbench.figures.records import in_common


def test_a_process_of_one_family_has_its_colour_and_column(made):
    run = made.grid(seeds=1).run()
    exact = {row.family: run.hue(row) for row in run.rows if row.score == "exact"}
    assert exact == {"ddpm_linear": "ddpm", "ncsn": "ncsn", "vp": "score_sde"}
    assert list(run.colours) == ["ddpm", "ncsn", "score_sde"]


def test_the_costs_of_one_sampler_have_one_name_in_the_legend():
    assert in_common(["ancestral(steps=10)", "ancestral(steps=500)"]) == "ancestral(steps=…)"
    assert in_common(["dpm 2 (steps=10)", "dpm 2 (steps=20)"]) == "dpm 2 (steps=…)"
    assert in_common(["ddim"]) == "ddim"
    assert in_common(["few", "many"]) == "few, many"
