"""What is refused at the door: metrics that clash or want more points, and builders of nothing."""

import subprocess
import sys

import numpy as np
import pytest
from plugin_files import plugins_forgotten

from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS, Column, Metric
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.registry import PluginError
from diffbench.sources.base import SOURCES
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.suites.parts import datasets_of
from diffbench.suites.suite import SuiteError


def constant(*columns):
    return lambda: Metric(
        dict.fromkeys(columns, Column()), lambda key, outcome: (dict.fromkeys(columns, 1.0), {})
    )


@pytest.fixture
def metrics():
    """Registers metrics of constants for a test, by name and columns."""
    with plugins_forgotten():
        yield lambda name, *columns: METRICS.register(name)(constant(*columns))


def names_of(content):
    return [metric["name"] for metric in expand(suites.parse(content))[0].metrics]


@pytest.mark.parametrize(
    "datasets",
    [
        [{"name": "nine_gaussians", "metrics": ["energy", "mine"]}],
        [{"name": "nine_gaussians", "metrics": ["energy"]}, {"name": "circle", "metrics": ["mine"]}],
    ],
)
def test_two_metrics_with_a_column_of_one_name_are_refused(datasets, metrics, tiny):
    metrics("mine", "other", "energy")
    with pytest.raises(SuiteError, match=r"'energy' and 'mine' both have a column 'energy'.*leave one out"):
        names_of(tiny(datasets=datasets))


def test_one_metric_may_have_other_parameters_on_another_dataset(tiny):
    datasets = [
        {"name": "nine_gaussians", "metrics": [{"name": "mmd2", "finest": 0.25}]},
        {"name": "circle", "metrics": ["mmd2"]},
    ]
    assert names_of(tiny(datasets=datasets)) == ["mmd2"]


@pytest.mark.parametrize("column", ["", "a b", "a:z", "a|b", "two\nlines", "\x1b[2J", "é"])
def test_a_column_has_a_name_that_tables_can_hold(column, metrics, tiny):
    metrics("mine", column)
    with pytest.raises(SuiteError, match="metrics: mine: the name of a column must be letters, digits and"):
        names_of(tiny(metrics=["mine"]))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"samples": 5}, "metrics: prdc: it needs at least 6 samples; got 5"),
        ({"reference": 5}, "metrics: prdc: it needs at least 6 reference points; got 5"),
        ({"samples": 11, "metrics": [{"name": "prdc", "k": 11}]}, "at least 12 samples; got 11"),
        ({"samples": 5, "metrics": [{"name": "c2st", "k": 5}]}, "c2st: it needs at least 6 samples; got 5"),
    ],
)
def test_a_metric_that_needs_more_points_than_there_are_is_refused(change, text, tiny):
    with pytest.raises(SuiteError, match=text):
        names_of(tiny(**{"metrics": ["prdc"], **change}))


def test_all_leaves_out_what_needs_more_points_than_there_are(tiny):
    assert "prdc" in names_of(tiny(metrics=["all"], samples=6))
    assert "prdc" not in names_of(tiny(metrics=["all"], samples=5))


@pytest.mark.slow
@pytest.mark.parametrize("name", METRICS.names())
def test_a_metric_can_be_taken_of_the_fewest_points_that_it_asks_for(name):
    from diffbench.contracts import Outcome, key_for

    metric = METRICS.build(name)
    if "samples" not in metric.needs:
        return
    dataset = DATASETS.build("circle" if {"manifold", "intrinsic"} & {*metric.needs} else "nine_gaussians")
    n, m, k = (max(2, metric.least.get(what, 2)) for what in ("samples", "reference", "train"))
    x, y, train = (dataset.standardise(dataset.sample(key_for(i), rows)) for i, rows in enumerate((n, m, k)))
    prepared = metric.prepare(y, dataset) if metric.prepare else None
    values, _ = metric.measure(key_for(3), Outcome(x, y, train, None, None, dataset, prepared))
    assert [*values] == [*metric.columns]


@pytest.mark.parametrize("registry", [DATASETS, FAMILIES, SAMPLERS, METRICS, PROCESSES, NETWORKS, SOURCES])
def test_a_builder_that_returns_nothing_is_named(registry):
    expected = f"{registry.kind} 'nothing' of diffbench: its builder must return a {registry.kind}; got None"
    with registry.undone():
        registry.register("nothing")(lambda: None)
        with pytest.raises(PluginError, match=expected):
            registry.build("nothing")
    assert "nothing" not in registry.names()


FRESH = """
import sys
from diffbench.contracts import DATASETS, FAMILIES
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.programs.training import Training
from diffbench.spec import identify
from diffbench.stages.work import execute
import dataclasses

spec = {
    "stage": "fit",
    "dataset": {**DATASETS.spec_of("eight_gaussians"), "standardise": True},
    "train_size": 16,
    "family": FAMILIES.spec_of("score_sde"),
    "network": NETWORKS.spec_of("mlp", {"widths": [4], "embedding_width": 4}),
    "process": PROCESSES.spec_of("vp"),
    "training": {**dataclasses.asdict(Training(steps=2, batch=4)), "version": 1},
    "seed": 0,
}
assert execute({"name": identify(spec), "spec": spec, "root": sys.argv[1], "plugins": []})["status"] == "ok"
print(*(name for name in sys.modules if name.startswith("diffbench.")))
"""


@pytest.mark.slow
def test_training_a_model_imports_no_check_no_sampler_and_of_the_metrics_what_floors_share(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path)], capture_output=True, text=True, check=True
    )
    imported = {*done.stdout.split()}
    assert "diffbench.suites.parts" in imported
    assert "diffbench.families.score_sde" in imported
    assert not {name for name in imported if name.startswith("diffbench.testing")}
    assert not {f"diffbench.samplers.{name}" for name in ("ancestral", "ode", "langevin")} & imported
    named = {name for name in imported if name.startswith("diffbench.metrics.")}
    assert named <= {f"diffbench.metrics.{name}" for name in ("averages", "base", "far", "floor")}


@pytest.mark.slow
def test_a_suite_of_shipped_parts_is_expanded_without_the_checks(tmp_path):
    code = (
        "import sys; from diffbench.suites import cells, suite; cells.expand(suite.load('quick'));"
        "print(*(name for name in sys.modules if name.startswith('diffbench.testing')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_points_that_stand_evenly_are_a_row_of_their_own_and_the_tutorial_s(tiny):
    from diffbench.stages.fit import pool_of

    entry = {"name": "circle", "thickness": 0.0, "train_size": 8, "metrics": ["energy"]}
    content = tiny(datasets=[entry, {**entry, "points": "even"}], standardise=False, metrics=["energy"])
    drawn, even = datasets_of(suites.parse(content))
    assert "points" not in drawn.spec
    assert even.spec == {**drawn.spec, "points": "even"}
    pool = pool_of({"dataset": even.spec, "train_size": 8, "seed": 3})
    angle = np.arange(8) * np.pi / 4.0
    np.testing.assert_allclose(pool, np.stack([np.cos(angle), np.sin(angle)], axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (
            {"name": "circle", "points": "odd", "train_size": 8},
            "points must be 'even' or left out; got 'odd'",
        ),
        ({"name": "two_moons", "points": "even", "train_size": 8}, "its points cannot stand evenly"),
        ({"name": "circle", "points": "even"}, "points are of a finite training set; give train_size too"),
    ],
)
def test_points_that_cannot_be_placed_are_refused(entry, text, tiny):
    with pytest.raises(SuiteError, match=text):
        datasets_of(suites.parse(tiny(datasets=[entry], metrics=["energy"])))
