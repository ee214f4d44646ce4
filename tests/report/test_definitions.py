"""Every column of a shipped metric is defined, and one of a plug-in is told by what is known of it."""

from diffbench.contracts import METRICS
from diffbench.report import definitions


def test_every_column_of_a_shipped_metric_has_a_definition():
    built = (METRICS.build(name) for name in METRICS.names() if METRICS.entry(name).origin is None)
    assert [c for metric in built for c in metric.columns if definitions.told(c) is None] == []


def test_a_column_of_a_plug_in_is_told_by_its_direction():
    about = {"metric": "mine", "better": "higher"}
    assert definitions.of_column("mine", about) == "A metric of this run. Higher is better."
    assert definitions.of_column("part", about) == "A column of the metric mine. Higher is better."


def test_a_column_by_other_parameters_has_the_definition_of_its_name():
    about = {"metric": "energy (against=reference)", "better": "lower"}
    assert definitions.of_column("energy (against=reference)", about).startswith("Energy distance")
