"""What a measurement says where it has no value, and of how many samples it is."""

import math

import numpy as np
import pytest

from diffbench.records.store import Store
from diffbench.stages import harness
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand

SUITE = {
    "name": "far",
    "datasets": [{"name": "nine_gaussians", "metrics": ["energy", "mode_tv", "detection_n"]}],
    "families": ["score_sde"],
    "scores": ["exact", {"name": "perturbed", "of": "exact", "size": 1e38, "label": "off"}],
    "samplers": [{"name": "euler_maruyama", "steps": 1}],
    "seeds": 1,
    "samples": 40,
    "reference": 24,
    "floor_draws": 9,
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Returns the measurements of a run by score and metric; one score is off by 1e38."""
    store = Store(tmp_path_factory.mktemp("far"))
    parsed = suites.parse(SUITE)
    run(store, parsed)
    found = {}
    for path in (store.root / "measurements").glob("*.json"):
        record = store.read("measure", path.stem)
        draw = record["spec"]["draw"]
        found[draw["score"], record["spec"]["metric"]["name"]] = record
    return found


def run(store, parsed):
    harness.run(parsed.model_dump(), expand(parsed), store, workers=0)


@pytest.mark.slow
def test_what_is_not_finite_is_no_value(records):
    for (score, metric), record in records.items():
        values = [value for value in record.get("values", {}).values() if value is not None]
        assert all(map(math.isfinite, values)), (score, metric)
        if len(values) < len(record.get("values", {})):
            assert record["status"] in ("diverged", "error"), (score, metric)
            assert "not finite" in record["reason"]
        elif values:
            assert record["status"] == "ok"


@pytest.mark.slow
def test_a_record_says_what_stood_for_the_truth(records):
    assert records["exact", "energy"]["against"] == "closed form"
    assert "against" not in records["exact", "mode_tv"]


def test_a_score_that_is_far_off_never_reads_as_truth(records):
    record = records["perturbed", "energy"]
    if record["status"] == "ok":
        assert record["floor"]["energy"]["p_value"] == pytest.approx(0.1)
    assert records["exact", "energy"]["status"] == "ok"


def test_detection_compares_as_many_on_both_sides_and_says_how_many(records):
    record = records["exact", "detection_n"]
    assert record["n_samples"] == 24
    assert record["spec"]["floor"]["n"] == 24
    assert record["values"]["detection_n"] <= 24
    assert np.isfinite(record["values"]["detection_n"])
