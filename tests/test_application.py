"""What the commands do, in this process: whose rows stand where, who hears of which, and what `verify` finds."""

import pandas as pd
import pytest
from tiny_suite import as_toml

from diffbench.contracts import DATASETS
from diffbench.records.store import Store
from diffbench.stages import harness, planning
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand

PLUGIN = '''
from diffbench.contracts import METRICS, Column, Metric

@METRICS.register("mine")
def mine():
    """Returns a metric."""
    return Metric({{"mine": Column()}}, lambda key, outcome: ({{"mine": {value}}}, {{}}))
'''


@pytest.fixture
def run(command, tmp_path):
    """Returns a function that runs a suite into one folder and returns what it said and its long table."""

    def call(content, *more):
        (tmp_path / "suite.toml").write_text(as_toml(content))
        words = ("run", "suite.toml", "--out", "out", "--workers", 0, "--no-figures", *more)
        done = command(*words, cwd=tmp_path)
        return done, pd.read_csv(tmp_path / "out" / "tables" / "measurements.csv", keep_default_na=False)

    return call


@pytest.fixture
def exact(tiny):
    """Returns a function that gives a tiny suite without learned rows."""
    return lambda **changes: tiny(scores=["exact"], families=["score_sde"], **changes)


@pytest.mark.slow
def test_the_exit_code_speaks_of_what_was_asked_for_metric_by_metric(run, exact, tmp_path):
    suite = suites.parse(exact(metrics=["energy", "sliced_w2"]))
    store = Store(tmp_path / "out")
    store.prepare()  # somebody asks for both, and is killed before any work
    harness.note_run(store, suite.model_dump(), planning.plan(expand(suite), store))
    done, long = run(exact(metrics=["energy"]))
    assert (done.returncode, "not ok" in done.stderr) == (0, False)
    assert long.groupby("metric")["status"].unique().map(list).to_dict() == {
        "energy": ["ok"], "sliced_w2": ["missing"]
    }  # fmt: skip


@pytest.mark.slow
def test_a_part_of_a_suite_leaves_what_the_whole_measured(run, exact):
    _, whole = run(exact(metrics=["energy", "mode_tv"], seeds=2))
    key = ["score", "seed", "metric"]
    for _ in range(2):
        _, part = run(exact(metrics=["energy", "mode_tv"], seeds=2), "--metrics", "energy", "--seeds", 1)
        pd.testing.assert_frame_equal(*(t.sort_values(key, ignore_index=True) for t in (part, whole)))


def test_another_text_of_a_plug_in_is_never_averaged_with_the_first(run, exact, tmp_path):
    path = tmp_path / "mine.py"
    for value, seeds in ((1.0, 3), (2.0, 2)):
        path.write_text(PLUGIN.format(value=value))
        _, long = run(exact(metrics=["mine", "energy"], seeds=seeds), "--plugin", "mine.py")
    mine = long[long["metric"] == "mine"]
    assert set(mine["value"].astype(float)) == {2.0}
    assert set(mine["seed"]) == {0, 1}
    assert set(long.loc[long["metric"] == "energy", "seed"]) == {0, 1, 2}


@pytest.mark.slow
def test_a_family_called_as_anothers_process_is_split_by_its_own(run, tiny, tmp_path):
    families = [
        {"name": "score_sde", "label": "sde", "process": {"name": "vp", "label": "short", "beta_max": 3.0}},
        {"name": "ddpm", "label": "short", "process": {"name": "ddpm_linear", "label": "long"}},
    ]
    content = tiny(families=families, samplers=[{"name": "euler_maruyama", "steps": 4}])
    _, long = run(content)
    value = long[long["score"] != "gaussian"].set_index(["score", "family"])["value"].astype(float)
    split = pd.read_csv(tmp_path / "out" / "tables" / "error_split.csv").set_index("family")
    for family, process in (("sde", "short"), ("short", "long")):
        learning = value["learned", family] - value["exact", process]
        assert split.loc[family, "learning"] == pytest.approx(learning)


@pytest.mark.slow
def test_two_processes_of_one_label_have_a_prior_kl_each(run, tiny):
    families = [
        {"name": "score_sde", "label": label, "process": {"name": "vp", "label": "p", "beta_max": b},
         "samplers": [{"name": name, "steps": 2, "label": name}]}
        for label, b, name in (("A", 3.0, "euler_maruyama"), ("B", 20.0, "predictor_corrector"))
    ]  # fmt: skip
    _, long = run(tiny(families=families, scores=["exact"], metrics=["prior_kl"]))
    here = long[long["metric"] == "prior_kl"].set_index("family")["value"].astype(float)
    assert here["p (beta_max=3.0)"] > 10 * abs(here["p (beta_max=20.0)"])


@pytest.mark.slow
@pytest.mark.parametrize("labels", [("mine", "yours"), ("mine", "mine")])
def test_two_labels_of_one_process_and_of_one_sampler_are_one_row_beside_every_family(
    run, tiny, tmp_path, labels
):
    families = [
        {"name": "score_sde", "label": label, "weighting": weighting, "process": {"name": "vp", "label": process},
         "samplers": [{"name": "euler_maruyama", "steps": 4, "label": f"em of {process}"}]}
        for label, weighting, process in zip("AB", ("simple", "likelihood"), labels, strict=True)
    ]  # fmt: skip
    done, long = run(tiny(families=families))
    assert long.loc[long["score"] == "exact", ["family", "sampler"]].values.tolist() == [
        ["mine", "em of mine"]
    ]
    assert "needs 2 seeds" not in done.stdout
    split = pd.read_csv(tmp_path / "out" / "tables" / "error_split.csv")
    assert split["solver"].notna().tolist() == [True, True]


def test_verify_finds_a_table_that_says_otherwise_and_counts_rows_that_are_lost(
    run, exact, command, tmp_path
):
    run(exact())
    assert command("verify", "out", cwd=tmp_path).returncode == 0
    table = tmp_path / "out" / "tables" / "comparison.csv"
    table.write_text(table.read_text().replace("1", "2"))
    found = command("verify", "out", cwd=tmp_path)
    assert found.returncode == 1
    assert "wrong: tables/comparison.csv: it says otherwise than the records" in found.stderr
    command("tables", "out", cwd=tmp_path)
    for path in (tmp_path / "out" / "measurements").iterdir():
        path.unlink()
    command("tables", "out", cwd=tmp_path)
    assert "missing: 3 rows" in command("verify", "out", cwd=tmp_path).stdout


@pytest.mark.slow
def test_a_verbose_list_shows_the_geometry_that_datasets_have(command, tmp_path):
    lines = command("list", "--verbose", cwd=tmp_path).stdout.splitlines()
    for name in ("circle", "two_moons"):
        (line,) = (one for one in lines if one.startswith(f"  {name}: "))
        data = DATASETS.build(name)
        mean = ", ".join(f"{one:.4g}" for one in data.mean)
        assert f"mean ({mean}), scale {data.scale:.4g}, lengths " in line
    # Images of no known law: no score is claimed.
    assert any(one.startswith("  digits: ") and "(64-D; its points alone; " in one for one in lines)
