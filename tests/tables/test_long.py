"""The long table: what stood for the truth stands in the row, read from the record."""

import pytest
from tiny_suite import TINY

from diffbench.records.store import Store
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


def test_a_row_says_what_its_record_says(built):
    store, made, _ = built
    told = {metric: {*rows["against"]} for metric, rows in made.long.groupby("metric")}
    assert told["energy"] == {"closed form"}
    assert told["mmd2"] == told["mmd2_local"] == {"reference of 64"}
    assert told["mode_tv"] == {""}
    recorded = [store.read("measure", name).get("against", "") for name in made.measured]
    assert made.long["against"].tolist() == recorded


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
