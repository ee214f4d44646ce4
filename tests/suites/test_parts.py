"""What is refused at the door: metrics that clash or want more points, and builders of nothing."""

import pytest
from plugin_files import plugins_forgotten

from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS, Column, Metric
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.registry import PluginError
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
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


@pytest.mark.parametrize("registry", [DATASETS, FAMILIES, SAMPLERS, METRICS, PROCESSES, NETWORKS])
def test_a_builder_that_returns_nothing_is_named(registry, monkeypatch):
    registry.loaded()
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    registry.register("nothing")(lambda: None)
    expected = f"{registry.kind} 'nothing' of diffbench: its builder must return a {registry.kind}; got None"
    with pytest.raises(PluginError, match=expected):
        registry.build("nothing")
