"""A run that holds solvers to the exact flow: what is shared, what is left out, and what its tables say."""

import numpy as np
import pytest

from diffbench.records.store import Store
from diffbench.stages import harness
from diffbench.stages.planning import plan
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import long as tables

SUITE = {
    "name": "flown",
    "datasets": [{"name": "nine_gaussians", "metrics": [{"name": "flow_error", "points": 16}]}],
    "families": ["score_sde"],
    "scores": ["exact", {"name": "perturbed", "of": "exact", "size": 0.05, "label": "off"}],
    "samplers": [{"name": "ddim", "sweep": {"steps": [10, 20, 40]}}],
    "seeds": 2,
    "samples": 8,
    "floor_draws": 9,
}


def cells_of(**changes):
    return expand(suites.parse({**SUITE, **changes}))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store, parsed = Store(tmp_path_factory.mktemp("flown")), suites.parse(SUITE)
    harness.run(parsed.model_dump(), expand(parsed), store, workers=0)
    return store


def test_one_exact_flow_serves_every_sampler_score_and_seed(tmp_path):
    tasks = plan(cells_of(), Store(tmp_path)).tasks
    flows = [task for task in tasks if task.stage == "flow"]
    # That of the exact score, and that of the score that is off.
    assert len(flows) == 2
    assert sum(task.stage == "measure" for task in tasks) == 2 * 3 * 2
    # Two that end elsewhere are held to other points.
    late = cells_of(samplers=["ddim", {"name": "ddim", "t_end": 0.1, "label": "late"}])
    assert sum(task.stage == "flow" for task in plan(late, Store(tmp_path)).tasks) == 4


@pytest.mark.slow
def test_an_error_of_the_score_is_learning_s_and_more_steps_cannot_mend_it(store):
    found = tables.build(store).orders
    exact, off = (found[found["score"] == score].iloc[0] for score in ("exact", "off"))
    assert 0.7 < exact["slope"] < 1.3
    assert np.isnan(exact["learning"])
    assert off["learning"] > 1e-3
    long = tables.build(store).long
    rows = long[(long["score"] == "off") & (long["nfe"] == 40)].groupby("metric")["value"].mean()
    assert rows["flow_solving"] == pytest.approx(off["error_40"])
    assert rows["flow_error"] < rows["flow_solving"] + rows["flow_learning"] + 1e-2


@pytest.mark.slow
def test_the_starting_points_make_no_chance(store):
    long = tables.build(store).long
    error = long[long["metric"] == "flow_error"].groupby(["score", "sampler"])["value"]
    assert (error.nunique() == 1).all()


@pytest.mark.slow
def test_flows_are_records_in_float64(store):
    assert len([*(store.root / "flows").glob("*.json")]) == 2
    arrays = Store(store.root).arrays("flow", next((store.root / "flows").glob("*.json")).stem)
    assert arrays["end"].dtype == np.float64
    assert arrays["start"].shape == arrays["end"].shape == (16, 2)


def test_all_metrics_leave_out_what_follows_no_flow(tmp_path):
    cells = cells_of(
        samplers=["ancestral", "ddim"], datasets=[{"name": "nine_gaussians", "metrics": ["all"]}], seeds=1
    )
    rows = plan(cells, Store(tmp_path)).rows
    asked = {row["sampler"] for row in rows if "flow_error" in row["measures"]}
    assert asked == {"ddim"}
