import pytest

from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.suites.suite import SuiteError


def test_narrowing_keeps_the_settings_of_known_entries_and_takes_new_names(tiny):
    suite = suites.parse(tiny(families=["ddpm", {"name": "score_sde", "weighting": "likelihood"}]))
    narrowed = suites.narrow(suite, {"families": ["score_sde", "ncsn"]}, seeds=4)
    assert narrowed.families == [{"name": "score_sde", "weighting": "likelihood"}, "ncsn"]
    assert narrowed.seeds == 4


def test_narrowing_goes_before_an_entrys_own_list(tiny):
    suite = suites.parse(
        tiny(
            families=[{"name": "ddpm", "samplers": ["own"]}],
            datasets=[{"name": "circle", "metrics": ["mmd2"]}],
        )
    )
    narrowed = suites.narrow(suite, {"samplers": ["euler_maruyama"], "metrics": ["energy"]}, seeds=None)
    assert narrowed.families == [{"name": "ddpm"}]
    assert narrowed.datasets == [{"name": "circle"}]
    assert (narrowed.samplers, narrowed.metrics) == (["euler_maruyama"], ["energy"])


def test_narrowing_all_to_one_name_keeps_its_defaults_beside_its_sweep(tiny):
    swept = {"name": "ancestral", "sweep": {"steps": [5, 10]}}
    suite = suites.parse(tiny(samplers=["all", swept]))
    assert suites.narrow(suite, {"samplers": ["ancestral"]}, None).samplers == ["ancestral", swept]


FINE = {"name": "mmd2", "finest": 4.0}
MINE = {"name": "euler_maruyama", "steps": 50, "label": "mine"}


def narrowed(content, **chosen):
    suite = suites.narrow(suites.parse(content), {key: names.split(",") for key, names in chosen.items()})
    cells = expand(suite)
    samplers = {(c.family, c.sampler, c.draw["sampler"]["params"].get("steps")) for c in cells if c.sampler}
    metrics = {(c.dataset, m["name"], m["params"].get("finest")) for c in cells for m in c.metrics}
    return samplers, metrics


@pytest.mark.parametrize("name", ["euler_maruyama", "mine"])
def test_a_sampler_keeps_its_settings_in_a_familys_own_list_by_name_and_by_label(tiny, name):
    families = [{"name": "score_sde", "samplers": [MINE, "ancestral"]}, "ddpm"]
    samplers, _ = narrowed(tiny(families=families, scores=["learned"]), samplers=name)
    assert samplers == {("score_sde", "mine", 50)}  # ddpm was not to run it


def test_a_metric_keeps_its_settings_in_a_datasets_own_list(tiny):
    datasets = [{"name": "nine_gaussians", "metrics": [FINE, "energy"]}, "circle"]
    _, metrics = narrowed(tiny(datasets=datasets, metrics=["mmd2"]), metrics="mmd2")
    assert metrics == {("nine_gaussians", "mmd2", 4.0), ("circle", "mmd2", 0.5)}
    _, metrics = narrowed(tiny(metrics=["all", FINE]), metrics="mmd2,energy")
    assert metrics == {("nine_gaussians", "mmd2", 4.0), ("nine_gaussians", "energy", None)}


def test_one_item_of_a_sweep_may_be_chosen_by_its_label_though_it_has_commas(tiny):
    swept = {"name": "ancestral", "variance": "large", "sweep": {"steps": [5, 10]}}
    samplers, _ = narrowed(tiny(samplers=[swept]), samplers="ancestral(variance=large, steps=10)")
    assert samplers == {(f, "ancestral(variance=large, steps=10)", 10) for f in ("ddpm", "ddpm_linear")}
    two = [{"name": "circle", "sweep": {"thickness": [0.1, 0.2]}}, "nine_gaussians"]
    _, metrics = narrowed(tiny(datasets=two), datasets="circle(thickness=0.2)")
    assert {dataset for dataset, *_ in metrics} == {"circle(thickness=0.2)"}


def test_a_sampler_of_the_paper_counts_as_the_word_own_that_stands_for_it(tiny):
    twice = {"name": "annealed_langevin", "steps_per_level": 40}
    content = tiny(families=[{"name": "ncsn", "samplers": ["own", twice]}], scores=["learned"])
    samplers, _ = narrowed(content, samplers="annealed_langevin")
    assert {label for _, label, _ in samplers} == {
        "annealed_langevin",
        "annealed_langevin(steps_per_level=40)",
    }


def test_the_printed_sampler_of_the_case_study_may_be_chosen_by_name():
    suite = suites.load("case_study")
    narrow = suites.narrow(suite, {"families": ["ncsn (printed)"], "samplers": ["annealed_langevin"]}, 1)
    (sampler,) = {c.sampler for c in expand(narrow) if c.sampler}
    assert sampler == "langevin (printed)"
    everywhere = suites.narrow(suite, {"samplers": ["annealed_langevin"]}, 1)
    assert {c.family for c in expand(everywhere) if c.score == "learned"} == {
        "ncsn (printed)",
        "ncsn (corrected)",
    }


def test_a_choice_that_leaves_nothing_is_one_line(tiny):
    families = ["ddpm", {"name": "score_sde", "samplers": [MINE]}]
    suite = suites.parse(tiny(families=families))
    with pytest.raises(SuiteError, match=r"^choice: samplers: none of the families has mine"):
        suites.narrow(suite, {"families": ["ddpm"], "samplers": ["mine"]})
