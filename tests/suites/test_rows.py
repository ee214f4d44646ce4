"""What rows are made of, by their score: a process alone, or a family and a budget."""

import pytest
from plugin_files import plugins_forgotten

from diffbench.contracts import SAMPLERS, Sampler
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.suites.suite import SuiteError


def cells_of(content):
    return expand(suites.parse(content, "s.toml"))


def test_exact_rows_are_per_process_not_per_family(tiny):
    families = ["score_sde", {"name": "score_sde", "weighting": "likelihood"}, "ddpm"]
    exact = [c for c in cells_of(tiny(families=families)) if c.score == "exact"]
    assert [c.family for c in exact] == ["vp", "ddpm_linear"]


def test_two_processes_of_one_name_have_labels_of_their_own(tiny):
    families = ["score_sde", {"name": "score_sde", "process": {"name": "vp", "beta_max": 10.0}}]
    exact = [c.family for c in cells_of(tiny(families=families)) if c.score == "exact"]
    assert exact == ["vp", "vp(beta_max=10)"]


def test_every_source_of_scores_makes_cells_of_its_own(tiny):
    scores = ["learned", "exact", "empirical",
              {"name": "perturbed", "of": "empirical", "size": 0.5, "label": "off"},
              {"name": "perturbed", "error": "field"}]  # fmt: skip
    cells = cells_of(tiny(scores=scores, datasets=[{"name": "nine_gaussians", "train_size": 32}]))
    assert [(c.score, c.kind, c.family, c.process, c.budget) for c in cells[2:]] == [
        ("exact", "exact", "ddpm_linear", "ddpm_linear", ""),
        ("empirical", "empirical", "ddpm_linear", "ddpm_linear", ""),
        ("off", "perturbed", "ddpm_linear", "ddpm_linear", ""),
        ("learned", "learned", "ddpm", "ddpm_linear", "20x16"),
        ("perturbed(error=field)", "perturbed", "ddpm", "ddpm_linear", "20x16"),
    ]
    _, empirical, off, learned, field = cells[2:]
    assert off.draw["error"] == {"error": "constant", "size": 0.5}
    # The empirical score is that of the very points that the models learn from.
    for cell in (empirical, off):
        assert {k: cell.draw[k] for k in ("dataset", "train_size", "seed")} == {
            k: learned.fit[k] for k in ("dataset", "train_size", "seed")
        }
    assert field.fit == learned.fit
    assert field.draw["error"] == {"error": "field", "size": 1.0}


def test_a_sampler_that_ends_below_its_process_is_trusted_no_further_than_the_data(tiny):
    def deep():
        run = SAMPLERS.build("probability_flow", t_end=1e-5).run
        return Sampler(run=run, end=lambda process: 1e-5)

    # Nodes that are told apart below sigma/alpha = 0.008; VP ends at 0.0105, and at 0.001 for t = 1e-5.
    thin = {"name": "two_moons", "thickness": 0.0, "nodes": 4096}
    with plugins_forgotten():
        SAMPLERS.register("deep")(deep)
        suite = tiny(datasets=[thin], families=["score_sde"], scores=["exact"], samplers=["probability_flow"])
        expand(suites.parse(suite))
        with pytest.raises(
            SuiteError, match=r"can be trusted down to sigma/alpha = 0\.00.*vp ends at 0\.001"
        ):
            expand(suites.parse({**suite, "samplers": ["deep"]}))
