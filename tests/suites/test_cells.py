import json

import pytest

from diffbench.records import runs
from diffbench.records.store import Store
from diffbench.spec import canonical, identify
from diffbench.stages import harness, planning
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.suites.suite import SuiteError


def cells_of(content):
    return expand(suites.parse(content, "s.toml"))


def test_a_suite_has_truth_exact_and_learned_cells(tiny):
    cells = cells_of(tiny(seeds=2))
    assert [(c.score, c.family, c.sampler, c.seed) for c in cells] == [
        ("truth", "", "", 0),
        ("truth", "", "", 1),
        ("gaussian", "", "", 0),
        ("gaussian", "", "", 1),
        ("exact", "ddpm_linear", "ancestral(steps=5)", 0),
        ("exact", "ddpm_linear", "ancestral(steps=5)", 1),
        ("learned", "ddpm", "ancestral(steps=5)", 0),
        ("learned", "ddpm", "ancestral(steps=5)", 1),
    ]


def test_specifications_are_json_with_every_parameter_filled_in(tiny):
    learned = cells_of(tiny())[-1]
    again = json.loads(canonical(learned.draw))
    assert again["sampler"]["params"] == {"steps": 5, "variance": "small", "t_end": None}
    assert again["fit"]["network"]["params"]["widths"] == [8, 8]
    assert again["fit"]["training"]["learning_rate"] == 2e-3
    assert again["fit"]["family"]["version"] == 1


def test_equal_parts_are_one_row_by_their_first_label_whatever_they_are_called(tiny):
    families = [
        {"name": "score_sde", "label": label, "process": {"name": "vp", "label": p, "beta_max": b},
         "samplers": [{"name": "ancestral", "steps": 5, "label": s}]}
        for label, p, b, s in (("A", "mine", 20, "few"), ("B", "yours", 20.0, "five"))
    ]  # fmt: skip
    datasets = [
        {"name": "circle", "metrics": ["energy"]},
        {"name": "circle", "label": "o", "metrics": ["mmd2"]},
    ]
    cells = cells_of(tiny(families=families, datasets=datasets))
    assert [(c.score, c.family, c.process, c.sampler) for c in cells if c.score in ("exact", "learned")] == [
        ("exact", "mine", "mine", "few"), ("learned", "A", "mine", "few"),
    ]  # fmt: skip
    assert {c.dataset for c in cells} == {"circle"}
    assert [m["name"] for m in cells[0].metrics] == ["energy", "mmd2"]


@pytest.mark.parametrize(
    ("key", "whole", "real"),
    [
        ("datasets", {"name": "eight_gaussians", "radius": 2}, {"name": "eight_gaussians", "radius": 2.0}),
        ("training", {"batch": 16, "clip": 2}, {"batch": 16, "clip": 2.0}),
        (
            "families",
            {"name": "score_sde", "process": {"name": "vp", "beta_max": 10}, "network": {"dropout": 0}},
            {"name": "score_sde", "process": {"name": "vp", "beta_max": 10.0}, "network": {"dropout": 0.0}},
        ),
        ("scores", {"name": "perturbed", "of": "exact", "size": 1}, {"name": "perturbed", "of": "exact", "size": 1.0}),
    ],
)  # fmt: skip
def test_a_number_is_one_number_however_it_is_written(tiny, key, whole, real):
    draws = [
        {canonical(c.draw) for c in cells_of(tiny(**{key: value if key == "training" else [value]}))}
        for value in (whole, real)
    ]
    assert draws[0] == draws[1]


def test_metrics_all_are_those_that_fit_the_dataset(tiny):
    cells = cells_of(tiny(datasets=["nine_gaussians", "circle"], metrics=["all"]))
    by_data = {c.dataset: {m["name"] for m in c.metrics} for c in cells}
    assert "mode_tv" in by_data["nine_gaussians"] - by_data["circle"]
    assert "manifold_distance" in by_data["circle"] - by_data["nine_gaussians"]


def rows_of(suite, folder):
    """Returns the rows that a run of a suite asks for, with the labels that tables give them."""
    store = Store(folder)
    store.prepare()
    harness.note_run(store, suite.model_dump(), planning.plan(expand(suite), store))
    return runs.cells_of(store)["cells"]


def test_budgets_of_as_many_steps_are_rows_told_apart_by_what_differs(tiny, tmp_path):
    training = {"steps": 10, "batch": 16, "sweep": {"learning_rate": [1e-3, 0.0010000001]}}
    suite = suites.parse(tiny(training=training))
    learned = [c for c in expand(suite) if c.score == "learned"]
    assert len({c.place.id for c in learned}) == len({identify(c.fit) for c in learned}) == 2
    assert {row["budget"] for row in rows_of(suite, tmp_path)} == {
        "",
        "10x16 (learning_rate=0.001)",
        "10x16 (learning_rate=0.0010000001)",
    }


def test_what_two_lists_call_by_one_label_is_told_apart_and_what_one_list_does_is_refused(tiny, tmp_path):
    few, many = ({"name": "ancestral", "steps": n, "label": "mine"} for n in (5, 50))
    noises = [{"name": "vp", "beta_max": b, "label": "noise"} for b in (20.0, 10.0)]
    families = [
        {"name": "score_sde", "label": label, "process": noise, "samplers": [own]}
        for label, noise, own in zip("AB", noises, (few, many), strict=True)
    ]
    rows = rows_of(suites.parse(tiny(families=families)), tmp_path)
    assert {row["sampler"] for row in rows} == {"", "mine (steps=5)", "mine (steps=50)"}
    assert {row["process"] for row in rows} == {"", "noise (beta_max=20.0)", "noise (beta_max=10.0)"}
    with pytest.raises(SuiteError, match="samplers: 'mine' is there twice; give one of them a label"):
        cells_of(tiny(samplers=[few, many]))


def test_a_cell_depends_on_itself_alone(tiny):
    few = {identify(c.draw) for c in cells_of(tiny())}
    many = {
        identify(c.draw)
        for c in cells_of(tiny(datasets=["circle", "nine_gaussians"], families=["ncsn", "ddpm"], seeds=3,
                               samplers=[{"name": "ancestral", "steps": 5}, "euler_maruyama"]))
    }  # fmt: skip
    assert few < many


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"datasets": ["nine_gausians"]}, r"datasets: unknown dataset 'nine_gausians'; known: anisotropic, "),
        ({"families": ["dpm"]}, r"families: dpm: unknown family 'dpm'; known: ddpm, edm, flow_matching, ncsn, score_sde"),
        ({"samplers": ["euler"]}, r"samplers: unknown sampler 'euler'; known: ancestral, "),
        ({"metrics": ["fid"]}, r"metrics: unknown metric 'fid'; known: bpd, c2st, denoising, detection_n, "),
        ({"samplers": [{"name": "ancestral", "step": 3}]}, r"sampler 'ancestral' takes no 'step'; it takes: steps"),
        ({"samplers": [{"name": "ancestral", "steps": 0}]}, r"samplers: steps must be at least 1; got 0"),
        ({"samplers": [{"name": "ancestral", "steps": 2.5}]}, r"steps must be a whole number; got 2.5"),
        ({"samplers": [{"name": "ancestral", "steps": 2000}]}, r"steps = 2000 is more than the 1000 of process"),
        ({"samplers": ["annealed_langevin"]}, r"annealed_langevin does not fit process 'ddpm_linear': it needs alpha"),
        ({"samplers": "own"}, r"samplers.*got 'own'"),
        ({"families": [{"name": "ddpm", "process": "vp"}]}, r"it cannot train on process 'vp': it trains on a table"),
        ({"families": [{"name": "ddpm", "weighting": "max"}]}, r"weighting must be one of simple, likelihood, importance; got 'max'"),
        ({"families": [{"name": "ddpm", "process": {"name": "ddpm_linear", "steps": 20}}]}, r"steps must be above 20"),
        (
            {"families": [{"name": "score_sde", "process": {"name": "ve", "sigma_min": 2.0, "sigma_max": 1.0}}]},
            r"sigma_min must be below sigma_max; got sigma_min = 2.0 and sigma_max = 1.0",
        ),
        ({"families": [{"name": "score_sde", "process": "vpp"}]}, r"unknown process 'vpp'; known: ddpm_cosine"),
        ({"network": {"widths": [8, 16]}}, r"widths must be given, and equal for residual blocks; got \[8, 16\]"),
        ({"network": {"depth": 3}}, r"network 'mlp' takes no 'depth'; it takes: widths"),
        ({"network": {"dropout": 1.0}}, r"dropout must be in \[0, 1\); got 1.0"),
        ({"training": {"steps": 0}}, r"training: steps must be at least 1; got 0"),
        ({"training": {"step": 5}}, r"training: training takes no 'step'; it takes: steps, batch"),
        ({"training": {"learning_rate": -1.0}}, r"learning_rate must be positive and finite; got -1.0"),
        ({"training": {"learning_rate": float("inf")}}, r"learning_rate must be positive and finite; got inf"),
        ({"training": {"ema": 1.0}}, r"ema must be in \[0, 1\); got 1.0"),
        ({"datasets": [{"name": "circle", "train_size": 8}]}, r"batch must be at most train_size = 8 .*; got 16"),
        ({"datasets": [{"name": "circle", "train_size": 0}]}, r"train_size must be a whole number of at least 1; got 0"),
        ({"datasets": [{"name": "circle", "thickness": -0.1}]}, r"thickness must be .*got -0.1"),
        ({"datasets": ["circle"], "metrics": ["mode_tv"]}, r"metrics: mode_tv: it needs modes, and dataset 'circle'"),
        (
            {"datasets": [{"name": "circle", "thickness": 0.0}], "metrics": ["kl"]},
            r"metrics: kl: it needs a density, and dataset 'circle' has none; give it a thickness above 0",
        ),
        ({"metrics": ["manifold_distance"]}, r"manifold_distance: it needs a manifold, and dataset 'nine_gaussians'"),
        ({"seeds": []}, r"seeds: at least one is needed"),
        ({"seeds": [1, 1]}, r"seeds: each may be there once; got \[1, 1\]"),
        ({"scores": ["exakt"]}, r"scores: must be one of brought, empirical, exact, learned, perturbed; got 'exakt'"),
        ({"families": [], "scores": ["learned"]}, r"no cells"),
        ({"training": {"name": "x"}}, r"training takes no 'name'"),
        ({"metrics": ["mmd2", {"name": "mmd2", "finest": 1.0}]}, r"metrics: 'mmd2' may be there once"),
        ({"datasets": [{"name": "circle", "label": ["x"]}]}, r"datasets: circle: label must be a text; got \['x'\]"),
        ({"families": [{"name": "ddpm", "process": 5}]}, r"process: expected a name or a table with a name; got 5"),
        ({"families": [{"name": "ddpm", "network": 5}]}, r"network must be a table; got 5"),
        ({"network": {"widths": 128}}, r"widths must be a list of whole numbers; got 128"),
        ({"network": {"layer_norm": "no"}}, r"layer_norm must be true or false; got 'no'"),
        ({"families": ["ncsn"], "samplers": [{"name": "annealed_langevin", "denoise": "false"}]}, r"denoise must be true or false"),
        ({"samplers": [{"name": "probability_flow", "steps": 10}]}, r"steps is for solver 'heun' or 'euler'; 'tsit5' chooses its own"),
        ({"training": {"learning_rate": 10**400}}, r"learning_rate must be positive and finite; got a whole number beyond"),
        ({"families": [{"name": "ddpm", "process": {"name": "ddpm_linear", "steps": 10**13}}]}, r"steps must be at most"),
        ({"datasets": [{"name": "nine_gaussians", "sd": 1e300}]}, r"sd must be positive and finite; got 1e\+300"),
        (
            {"datasets": [{"name": "nine_gaussians", "train_size": 1}], "metrics": ["memorisation"]},
            r"metrics: memorisation: it needs a finite training set \(train_size of at least 2\), and dataset",
        ),
        ({"metrics": ["memorisation"]}, r"it needs a finite training set"),
        ({"datasets": [{"name": "circle", "thickness": 0.0}], "metrics": ["kl"]}, r"it needs a density, .* give it a thickness"),
        ({"scores": ["empirical"]}, r"needs a finite training set, and nine_gaussians has none; give it one: \{name = .*train_size"),
        ({"scores": [{"name": "exact", "label": "e"}]}, r"scores: exact takes no label; got 'e'"),
        ({"scores": [{"name": "perturbed", "of": "truth"}]}, r"of must be one of brought, empirical, exact, learned; got 'truth'"),
        ({"scores": [{"name": "perturbed", "bias": 1}]}, r"scores: perturbed: score 'perturbed' takes no 'bias'; it takes: of, error, size"),
        ({"scores": [{"name": "perturbed", "error": "big"}]}, r"error must be one of constant, field; got 'big'"),
        ({"scores": [{"name": "perturbed", "size": 0}]}, r"size must be positive and finite; got 0"),
        ({"scores": [{"name": "perturbed", "label": "exact"}]}, r"the label 'exact' is that of another row"),
        ({"scores": ["exact", "exact"]}, r"scores: 'exact' is there twice"),
        (
            {"datasets": [{"name": "two_moons", "thickness": 0.0}]},
            r"scores: the exact score of two_moons\(thickness=0\) can be trusted down to sigma/alpha = .* ddpm_linear ends",
        ),
    ],
)  # fmt: skip
def test_every_wrong_part_is_one_line_before_any_work(tiny, change, text):
    with pytest.raises(ValueError, match=text) as error:
        cells_of(tiny(**change))
    assert "\n" not in str(error.value)


def test_a_wrong_part_is_a_suite_error(tiny):
    with pytest.raises(SuiteError):
        cells_of(tiny(datasets=["nope"]))
