import dataclasses
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from plugin_files import plugins_forgotten

import diffbench
from diffbench.contracts import METRICS
from diffbench.records.store import FOLDERS, Store
from diffbench.registry import plugin_origin
from diffbench.stages import harness, planning
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import long as tables
from diffbench.tables import rendering


def run(content, root, **options):
    suite = suites.parse(content)
    store = Store(root)
    tally = harness.run(suite.model_dump(), expand(suite), store, workers=0, **options)
    return store, tally


def long_table(store):
    return tables.build(store).long


@pytest.fixture
def done(trained):
    """A finished tiny run."""
    return trained


@pytest.mark.slow
def test_a_run_fills_every_row_of_the_long_table(done):
    long = long_table(done)
    assert list(long.columns) == list(tables.LONG)
    assert set(long["score"]) == {"truth", "gaussian", "exact", "learned"}
    assert (long["status"] == "ok").all()
    assert np.isfinite(long[["value", "floor_mean", "floor_sd", "z", "p_value"]].to_numpy()).all()
    assert set(long.loc[long["score"] == "learned", "nfe"]) == {5}


def test_z_and_p_are_those_of_the_stored_floor(done):
    row = long_table(done).query("score == 'learned' and metric == 'energy'").iloc[0]
    (floor_file,) = (done.root / "floors").glob("*.json")
    floor = np.array(json.loads(floor_file.read_text())["values"]["energy"])
    assert floor.size == 9
    assert row["floor_mean"] == pytest.approx(floor.mean())
    assert row["floor_sd"] == pytest.approx(floor.std(ddof=1))
    assert row["z"] == pytest.approx((row["value"] - floor.mean()) / floor.std(ddof=1))
    assert row["p_value"] == (1 + (floor >= row["value"]).sum()) / 10


def test_a_second_run_does_nothing(done, tiny):
    before = {path: path.stat().st_mtime_ns for path in done.root.rglob("*.json") if path.name != "run.json"}
    _, tally = run(tiny(), done.root)
    assert tally.made == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_tables_are_the_same_bytes_each_time(done, tmp_path):
    columns = tables.read_run(done)["columns"]
    first = {p: Path(p).read_bytes() for p in tables.write(done, tables.build(done), columns)}
    again = {p: Path(p).read_bytes() for p in tables.write(done, tables.build(done), columns)}
    assert first == again
    assert {p.rsplit("/", 1)[1] for p in first} == {
        "comparison.md", "comparison.csv", "error_split.md", "error_split.csv", "comparison.tex", "measurements.csv", "measurements.parquet", "times.csv",
    }  # fmt: skip
    parquet = pd.read_parquet(done.root / "tables" / "measurements.parquet")
    assert parquet["value"].tolist() == long_table(done)["value"].tolist()


def test_samples_are_stored_in_data_coordinates(done):
    samples = [
        done.arrays("draw", row["draw_id"])["samples"]
        for row in done.read_json("run.json")["cells"]
        if row["score"] == "truth"
    ]
    # Nine Gaussians at {-2, 0, 2}^2: standardised, none would be beyond 2.
    assert np.abs(samples[0]).max() > 1.9
    assert samples[0].shape == (64, 2)
    assert samples[0].dtype == np.float32


def test_every_record_says_what_made_it_where_and_when(done):
    paths = [path for folder in FOLDERS.values() for path in (done.root / folder).glob("*.json")]
    # No metric of the tiny suite is held to the exact flow.
    assert {path.parent.name for path in paths} == set(FOLDERS.values()) - {"flows"}
    for path in paths:
        record = json.loads(path.read_text())
        assert datetime.fromisoformat(record["started"]) <= datetime.fromisoformat(record["ended"])
        made = record["provenance"]
        assert made["diffbench"] == diffbench.__version__
        assert {"commit", "dirty", "processor", "device", "threads", "python", "arithmetic"} <= made.keys()
        for package in ("jax", "jaxlib", "dm-haiku", "distrax", "optax"):
            assert made[package][0].isdigit(), package


@pytest.mark.slow
def test_a_likelihood_is_of_the_score_and_exact_rows_have_one_too(tiny, tmp_path):
    cheap = {"points": 32, "rtol": 1e-2, "atol": 1e-2}
    metrics = [{"name": "nll", **cheap}, {"name": "kl", **cheap}]
    samplers = [{"name": "ancestral", "steps": 5}, {"name": "euler_maruyama", "steps": 4}]
    store, tally = run(tiny(metrics=metrics, samplers=samplers), tmp_path)
    assert tally.failed == []
    long = long_table(store)
    assert set(long["score"]) == {"exact", "learned"}  # fresh truth has no score to judge
    assert set(long["metric"]) == {"nll", "nll_se", "nll_entropy", "nll_elbo", "nll_elbo_se", "kl", "kl_se"}
    assert long[["z", "p_value", "floor_mean"]].isna().all(axis=None)
    assert np.isfinite(long["value"]).all()  # DDPM's process is a chain, so it has a bound too
    kl = long[long["metric"] == "kl"].set_index(["score", "sampler"])["value"].unstack()
    # All draws from one score share its measurement.
    assert (kl.nunique(axis=1) == 1).all()
    assert abs(kl.loc["exact"]).max() < 0.1 < kl.loc["learned"].min()
    elbo, nll = (long[long["metric"] == m]["value"].to_numpy() for m in ("nll_elbo", "nll"))
    assert (elbo > nll).all()


def rows_of(store, query):
    columns = ["score", "sampler", "seed", "metric", "value", "z", "nfe"]
    return long_table(store).query(query)[columns].reset_index(drop=True)


@pytest.mark.slow
def test_adding_cells_changes_no_other_and_reuses_fits(done, tiny, tmp_path):
    import shutil

    shutil.copytree(done.root, tmp_path / "wider")
    more = tiny(
        samplers=[{"name": "ancestral", "steps": 5}, {"name": "euler_maruyama", "steps": 4}],
        metrics=["energy", "sliced_w2"],
        seeds=2,
    )
    store, tally = run(more, tmp_path / "wider")
    stages = [path.parent.name for path in store.root.rglob("*.json") if path.name != "run.json"]
    assert stages.count("fits") == 2  # one for each seed, not one for each sampler
    assert tally.kept > 0
    old = rows_of(done, "metric == 'energy'")
    same = rows_of(store, "metric == 'energy' and seed == 0 and sampler in ('', 'ancestral(steps=5)')")
    pd.testing.assert_frame_equal(old, same)


def test_a_run_made_elsewhere_in_another_order_has_the_same_bits(done, tiny, tmp_path):
    store, _ = run(tiny(seeds=[1, 0], scores=["exact", "learned"]), tmp_path)
    pd.testing.assert_frame_equal(rows_of(done, "seed == 0"), rows_of(store, "seed == 0"))


def test_a_new_metric_only_measures(done, tiny, tmp_path):
    import shutil

    shutil.copytree(done.root, tmp_path / "more")
    suite = suites.parse(tiny(metrics=["energy", "mode_tv"]))
    planned = planning.plan(expand(suite), Store(tmp_path / "more"))
    assert {task.stage for task in planned.tasks} == {"measure", "floor"}


def test_an_interrupted_run_goes_on_to_the_same_table(done, tiny, tmp_path):
    class Stop(Exception):
        pass

    steps = []

    class StopAfterThree(harness.Listener):
        def advance(self, task, record):
            steps.append(task)
            if len(steps) == 3:
                raise Stop

    with pytest.raises(Stop):
        run(tiny(), tmp_path, listener=StopAfterThree())
    halfway = long_table(Store(tmp_path))
    assert (halfway["status"] == "missing").any()
    store, tally = run(tiny(), tmp_path)
    assert tally.kept == 3
    pd.testing.assert_frame_equal(rows_of(store, "seed == 0"), rows_of(done, "seed == 0"))


@pytest.mark.slow
def test_a_fit_that_diverges_is_rows_with_a_reason_and_the_rest_goes_on(tiny, tmp_path):
    content = tiny(training={"steps": 20, "batch": 16, "learning_rate": 1e30, "clip": 1e30, "warm_up": 0})
    store, tally = run(content, tmp_path)
    long = long_table(store)
    learned = long[long["score"] == "learned"]
    assert set(learned["status"]) == {"diverged"}
    assert learned["reason"].str.match(r"fit: the loss is not finite at step \d+").all()
    assert learned["value"].isna().all()
    assert (long.loc[long["score"] != "learned", "status"] == "ok").all()
    assert tally.failed
    comparison = tables.build(store).comparison.set_index("score")
    assert comparison.loc["learned", "completed"] == 0
    assert comparison.loc["learned", "cells"] == 1
    assert "Cells that are not ok" in rendering.markdown(long, tables.read_run(store)["columns"])


def test_an_error_is_a_record_and_is_tried_again_only_when_asked(tiny, tmp_path, monkeypatch):
    from diffbench.stages import work

    def broken(spec, store):
        raise RuntimeError("out of luck\nsecond line")

    floor = dataclasses.replace(work.STAGES["floor"], run=broken)
    monkeypatch.setitem(work.STAGES, "floor", floor)
    store, tally = run(tiny(), tmp_path)
    long = long_table(store)
    assert set(long["status"]) == {"error"}
    assert long["reason"].str.contains("RuntimeError: out of luck").all()
    monkeypatch.undo()
    assert run(tiny(), tmp_path)[1].made == 0
    _, again = run(tiny(), tmp_path, retry_failed=True)
    assert again.failed == []
    assert (long_table(store)["status"] == "ok").all()


def asked_too(done, content, root):
    """Returns a copy of a finished run of which something else was asked since, not done yet."""
    import shutil

    shutil.copytree(done.root, root / "other")
    store, suite = Store(root / "other"), suites.parse(content)
    harness.note_run(store, suite.model_dump(), planning.plan(expand(suite), store))
    return store


@pytest.mark.parametrize(
    ("change", "labels"),
    [
        ({"samples": 32}, ["nine_gaussians (n=32, reference=32)", "nine_gaussians (n=64, reference=64)"]),
        ({"reference": 80}, ["nine_gaussians (reference=80)", "nine_gaussians (reference=64)"]),
        ({"floor_draws": 7}, ["nine_gaussians (floor_draws=7)", "nine_gaussians (floor_draws=9)"]),
        ({"standardise": False}, ["nine_gaussians (standardise=false)", "nine_gaussians (standardise=true)"]),
    ],
)
def test_rows_of_another_setting_stand_in_a_section_of_their_own(done, tiny, tmp_path, change, labels):
    long = long_table(asked_too(done, tiny(**change), tmp_path))
    assert long["dataset"].unique().tolist() == labels
    assert (long.groupby("dataset")["status"].nunique() == 1).all()  # ok, and still to be done
    assert not long.duplicated(["dataset", "score", "family", "budget", "sampler", "seed", "metric"]).any()


@pytest.mark.parametrize(
    ("change", "axis"),
    [
        ({"network": {"widths": [4, 4], "embedding_width": 8}}, "family"),
        ({"training": {"steps": 20, "batch": 16, "learning_rate": 1e-7}}, "budget"),
        ({"replicas": 2}, "family"),
    ],
)
def test_a_model_made_otherwise_is_another_row(done, tiny, tmp_path, change, axis):
    long = long_table(asked_too(done, tiny(**change, seeds=2), tmp_path))
    learned = long[long["score"] == "learned"]
    assert learned[axis].nunique() == 2
    assert learned.groupby(axis).size().tolist() in ([1, 2], [2, 1])
    # The exact rows are those of before, and one more seed of them.
    assert long.loc[long["score"] == "exact", "status"].tolist() == ["ok", "missing"]


def test_times_hold_what_the_truth_took_too(done):
    times = tables.build(done).times
    assert times["stage"].value_counts().to_dict() == {
        "reference": 1, "floor": 1, "fit": 1, "draw": 4, "measure": 4
    }  # fmt: skip
    assert (times["seconds"] > 0).all()
    assert times.loc[times["stage"] == "floor", ["dataset", "metric"]].values.tolist() == [
        ["nine_gaussians", "energy"]
    ]


@pytest.fixture
def own():
    """Has the parts of a user's go with a test."""
    with plugins_forgotten():
        yield


def test_metrics_that_were_asked_for_lead_and_so_do_those_of_the_user(tiny, tmp_path, own):
    with plugin_origin("mine.py", "0123"):
        METRICS.register("mine")(lambda *, k=1: METRICS.build("energy"))
    suite, store = suites.parse(tiny()), Store(tmp_path)
    plan = planning.plan(expand(suite), store)
    metrics = {name: {"name": name, "params": {}} for name in ("energy", "mmd2", "mine")}
    rows = [{**row, "measures": dict.fromkeys(metrics, "m")} for row in plan.rows]
    wider = dataclasses.replace(plan, metrics=metrics, rows=rows)
    harness.note_run(store, suite.model_dump(), wider, ["mmd2", "all"])
    assert tables.read_run(store)["leading"] == ["mmd2", "mine"]
    harness.note_run(store, suite.model_dump(), wider)
    assert tables.read_run(store)["leading"] == ["mine"]
    harness.note_run(store, suite.model_dump(), plan)
    assert "leading" not in tables.read_run(store)
