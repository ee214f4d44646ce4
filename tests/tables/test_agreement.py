import os
import shutil

import pandas as pd
import pytest
from tiny_suite import TINY

from diffbench.records import seal
from diffbench.records.store import Store
from diffbench.stages import harness
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import agreement
from diffbench.tables import long as tables


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder of a small run, with its tables."""
    suite = suites.parse({**TINY, "scores": ["exact"], "metrics": ["energy", "mode_tv"]})
    store = Store(tmp_path_factory.mktemp("done"))
    harness.run(suite.model_dump(), expand(suite), store, workers=0)
    tables.write(store, tables.build(store), tables.read_run(store)["columns"])
    return store.root


@pytest.fixture
def store(done, tmp_path):
    """A copy of it."""
    shutil.copytree(done, tmp_path / "copy")
    return Store(tmp_path / "copy")


@pytest.mark.slow
def test_tables_that_say_what_the_records_say_agree(store):
    assert agreement.check(Store(store.root, frozen=True)) == ([], 8, 0)


@pytest.mark.parametrize(
    "name", ["measurements.csv", "comparison.csv", "comparison.md", "comparison.tex", "error_split.csv"]
)
def test_a_table_of_which_one_digit_is_another_does_not_agree(store, name):
    path = store.root / "tables" / name
    text = path.read_text()
    at = max(i for i, sign in enumerate(text) if sign.isdigit()) if any(map(str.isdigit, text)) else 0
    path.write_text(text[:at] + "x" + text[at + 1 :])
    ((where, what),) = agreement.check(Store(store.root, frozen=True)).wrong
    assert where == f"tables/{name}"
    assert "diffbench tables" in what


def test_parquet_is_held_to_its_rows_and_not_to_who_wrote_it(store):
    path = store.root / "tables" / "measurements.parquet"
    rows = pd.read_parquet(path)
    rows.to_parquet(path, index=False, compression=None)
    assert agreement.check(Store(store.root, frozen=True)).wrong == []
    rows.assign(value=rows["value"] + 1e-9).to_parquet(path, index=False)
    assert [where for where, _ in agreement.check(Store(store.root, frozen=True)).wrong] == [
        "tables/measurements.parquet"
    ]


def test_a_pipe_in_the_place_of_a_table_does_not_agree(store):
    path = store.root / "tables" / "measurements.csv"
    path.unlink()
    os.mkfifo(path)
    ((where, _),) = agreement.check(Store(store.root, frozen=True)).wrong
    assert where == "tables/measurements.csv"


def test_rows_that_are_lost_are_counted(store):
    for path in (store.root / "measurements").glob("*.json"):
        path.unlink()
    found = agreement.check(Store(store.root, frozen=True))
    assert found.missing == 3 * (1 + 3)  # on three rows energy, and three columns of mode_tv
    assert "tables/measurements.csv" in dict(found.wrong)


def test_a_record_without_the_value_of_a_column_is_a_row_that_says_so(store):
    for path in (store.root / "measurements").glob("*.json"):
        record = seal.unseal(path.read_bytes())
        if "stray" in record["values"]:
            del record["values"]["stray"]
            path.write_bytes(seal.seal(record))
    told = tables.build(store).long.set_index("metric")
    assert {*told.loc["stray", "status"]} == {"error"}
    assert {*told.loc["stray", "reason"]} == {"measure: its record has no value of stray"}
    assert {*told.drop("stray")["status"]} == {"ok"}
