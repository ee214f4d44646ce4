"""Every specification that is planned holds what its typed record says, and nothing else."""

import pytest

from diffbench.records import specs
from diffbench.records.store import Store
from diffbench.stages.planning import plan
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand

KINDS = {
    "fit": specs.FitSpec,
    "draw": specs.DrawSpec,
    "reference": specs.ReferenceSpec,
    "floor": specs.FloorSpec,
    "measure": specs.MeasureSpec,
}


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    content = {
        "datasets": [{"name": "nine_gaussians", "train_size": 64}],
        "families": ["ddpm"],
        "scores": [
            "learned",
            "exact",
            "empirical",
            "perturbed",
            {"name": "perturbed", "of": "exact", "label": "e"},
        ],
        "metrics": ["energy", "score_error", "memorisation"],
        "samples": 16,
        "training": {"batch": 16},
        "seeds": 2,
        "replicas": 2,
    }
    store = Store(tmp_path_factory.mktemp("run"))
    flows = content | {"metrics": ["flow_error"], "samplers": ["ddim"]}
    plans = [plan(expand(suites.parse(one)), store) for one in (content, flows)]
    return [task.payload["spec"] for planned in plans for task in planned.tasks]


@pytest.mark.parametrize("stage", KINDS)
def test_a_planned_specification_is_its_typed_record(stage, planned):
    kind, found = KINDS[stage], [spec for spec in planned if spec["stage"] == stage]
    assert found
    for spec in found:
        assert kind.__required_keys__ <= spec.keys() <= kind.__required_keys__ | kind.__optional_keys__
    # No suite plans samples of a file: they are told by its digest and by what the user says of them.
    planned = {*kind.__required_keys__, *kind.__optional_keys__} - {"sha256", "nfe"}
    assert {key for spec in found for key in spec} == planned


def test_the_score_of_a_draw_is_what_two_samplers_share(planned):
    draws = [spec for spec in planned if spec["stage"] == "draw" and "sampler" in spec]
    kind = specs.ScoreSpec
    for draw in draws:
        score = specs.score_of(draw)
        assert kind.__required_keys__ <= score.keys() <= kind.__required_keys__ | kind.__optional_keys__
        assert specs.score_of({**draw, "sampler": {"name": "another", "params": {}}}) == score
