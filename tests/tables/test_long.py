"""The long table against the records themselves: each number, and what stood for the truth."""

import io
import json
import math

import pandas as pd
import pytest
from tiny_suite import TINY

from diffbench.records.store import FOLDERS, Store
from diffbench.stages import harness
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import long as tables
from diffbench.tables import rendering

METRICS = ["energy", {"name": "mmd2", "against": "reference"}, "mode_tv"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The tables of a small run with metrics against the truth, against a reference, and neither."""
    suite = suites.parse({**TINY, "scores": ["learned", "exact"], "metrics": METRICS})
    store = Store(tmp_path_factory.mktemp("both"))
    harness.run(suite.model_dump(), expand(suite), store, workers=0)
    return store, tables.build(store), tables.read_run(store)["columns"]


@pytest.mark.slow
def test_a_row_says_what_its_record_says(built):
    store, made, _ = built
    told = {metric: {*rows["against"]} for metric, rows in made.long.groupby("metric")}
    assert told["energy"] == {"closed form"}
    assert told["mmd2"] == told["mmd2_local"] == {"reference of 64"}
    assert told["mode_tv"] == {""}
    recorded = [store.read("measure", name).get("against", "") for name in made.measured]
    assert made.long["against"].tolist() == recorded


@pytest.mark.slow
def test_the_comparison_says_it_once_a_dataset(built):
    _, made, columns = built
    text = rendering.markdown(made.long, columns)
    assert text.count("What stands for the truth: ") == made.long["dataset"].nunique()
    assert "closed form (energy); reference of 64 (mmd2, mmd2_local)." in text


def test_the_error_split_says_it_for_each_metric(built):
    _, made, columns = built
    text = rendering.split_markdown(made.long, made.split, tables.read_run(built[0])["columns"])
    energy, mode_tv = (
        text.partition(f"## {metric}\n")[2].partition("##")[0] for metric in ("energy", "mode_tv")
    )
    assert "What stands for the truth: closed form (nine_gaussians)." in energy
    assert "What stands" not in mode_tv


def test_a_table_of_before_rows_told_says_nothing(built):
    long = built[1].long.drop(columns="against")
    assert rendering.against(long, "metric") == []


@pytest.mark.parametrize(("asked", "said"), [("truth", "truth"), ("reference", "reference of 40")])
def test_a_record_of_before_it_was_told_says_what_was_asked(asked, said):
    spec = {"metric": {"name": "energy", "params": {"against": asked}}, "reference": {"m": 40}}
    assert tables.against_of({"status": "ok", "spec": spec}) == said
    assert tables.against_of({"spec": spec, "against": "closed form"}) == "closed form"
    assert tables.against_of({}) == ""


@pytest.fixture
def records(trained):
    """Every record of the run, by stage and name."""
    return {
        (stage, path.stem): json.loads(path.read_text())
        for stage, folder in FOLDERS.items()
        for path in (trained.root / folder).glob("*.json")
    }


def test_each_number_is_that_of_its_record(trained, records):
    made = tables.build(trained)
    assert list(made.long.columns) == list(tables.LONG)
    assert len(made.long) == len(made.measured) == 4
    for (_, row), name in zip(made.long.iterrows(), made.measured, strict=True):
        record, draw = records["measure", name], records["draw", row["draw_id"]]
        reading = record["floor"][row["metric"]]
        assert row["value"] == record["values"][row["metric"]]
        told = (row["floor_mean"], row["floor_sd"], row["z"], row["p_value"])
        assert told == (reading["mean"], reading["sd"], reading["z"], reading["p_value"])
        assert (row["nfe"], row["status"], row["reason"]) == (draw["nfe"], "ok", "")
        assert row["n_samples"] == draw["spec"]["n"]


def test_times_have_each_record_once_with_its_seconds(trained, records):
    times = tables.build(trained).times
    told = {(row["stage"], row["id"]): row["seconds"] for _, row in times.iterrows()}
    assert told == {key: record["seconds"] for key, record in records.items()}


def test_what_has_not_run_is_a_row_that_says_so(trained, tmp_path):
    content = json.loads((trained.root / "run.json").read_text())
    store = Store(tmp_path)
    store.prepare()
    store.write_json("run.json", {k: v for k, v in content.items() if k not in ("sha256", "schema")})
    long = tables.build(store).long
    assert set(long["status"]) == {"missing"}
    assert set(long["reason"]) == {"the draw has not run", "the fit has not run"}
    assert all(math.isnan(value) for value in long["value"])


def test_files_hold_the_tables_that_they_are_named_after(trained):
    made = tables.build(trained)
    files = tables.contents(made, tables.read_run(trained)["columns"])
    assert next(iter(files)) == "comparison.md"
    parquet = pd.read_parquet(io.BytesIO(files["measurements.parquet"]))
    pd.testing.assert_frame_equal(parquet, made.long)
    text = pd.read_csv(io.StringIO(files["measurements.csv"].decode()))
    assert text["value"].tolist() == made.long["value"].tolist()
