"""Samples of anybody: from files to rows beside truth, and what is wrong with a file in one line."""

from __future__ import annotations

import jax
import numpy as np
import pandas as pd
import pytest

from diffbench import measuring
from diffbench.contracts import DATASETS
from diffbench.suites.given import Given

N = 64
NINE = DATASETS.build("nine_gaussians")


def _truth(n=N, seed=5):
    return np.asarray(NINE.sample(jax.random.key(seed), n))


def _measure(command, folder, *words):
    return command(
        "measure", *words, "--dataset", "nine_gaussians", "--metrics", "energy,mode_tv", "--floor-draws", 9,
        "--workers", 0, "--out", folder / "out", "--no-figures", cwd=folder,
    )  # fmt: skip


def _long(folder):
    return pd.read_csv(folder / "out" / "tables" / "measurements.csv", keep_default_na=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A folder in which one file was measured."""
    from diffbench.records.store import Store

    folder = tmp_path_factory.mktemp("measured")
    np.save(folder / "mine.npy", _truth())
    store = Store(folder / "out")
    asked = measuring.Request(
        "nine_gaussians", (Given("mine", {0: _truth()}),), ("energy", "mode_tv"), floor_draws=9
    )
    return folder, store, asked, measuring.measure(asked, store)


@pytest.mark.slow
def test_a_row_of_samples_stands_beside_truth_and_gaussian(measured):
    long = measured[3].tables.long
    assert set(long["score"]) == {"truth", "gaussian", "given"}
    assert (long["status"] == "ok").all()
    assert long["z"].notna()[long["metric"] == "energy"].all()


@pytest.mark.slow
def test_readings_have_value_floor_z_p_and_u(measured):
    readings = measured[3].readings["mine"]
    assert {"value", "floor", "z", "p", "u"} <= set(readings.columns)
    energy = readings.set_index("metric").loc["energy"]
    assert np.isfinite(energy[["value", "floor", "z", "p"]].to_numpy(float)).all()


def test_a_floor_is_drawn_at_the_number_of_samples_and_used_again(measured):
    _, store, asked, _ = measured
    floors = sorted((store.root / "floors").glob("*.json"))
    before = [path.stat().st_mtime_ns for path in floors]
    again = measuring.measure(asked, store)
    assert again.tally.made == 0
    assert sorted((store.root / "floors").glob("*.json")) == floors
    assert [path.stat().st_mtime_ns for path in floors] == before
    assert all(store.read("floor", path.stem)["spec"]["n"] == N for path in floors)


def test_a_row_is_what_its_samples_are_whatever_their_file_is_called(command, tmp_path):
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, _truth())
    np.save(tmp_path / "c.npy", _truth(seed=6))
    done = _measure(command, tmp_path, "a.npy", "c.npy")
    assert done.returncode == 0, done.stderr
    rows = _long(tmp_path)
    assert set(rows["family"]) == {"", "a", "c"}
    again = _measure(command, tmp_path, "b.npy")
    assert "nothing to do" in again.stdout
    assert set(_long(tmp_path)["family"]) == {"", "b", "c"}


def test_files_of_a_folder_are_seeds_of_one_row(command, tmp_path):
    (tmp_path / "model").mkdir()
    for seed in (0, 1, 2):
        np.save(tmp_path / "model" / f"samples_seed{seed}.npy", _truth(seed=seed))
    done = _measure(command, tmp_path, "model", "--nfe", 50)
    assert done.returncode == 0, done.stderr
    rows = _long(tmp_path)
    mine = rows[rows["family"] == "model"]
    assert sorted(set(mine["seed"])) == [0, 1, 2]
    assert set(mine["nfe"].astype(float)) == {50.0}
    assert "3/3" in done.stdout or "given" in done.stdout


@pytest.mark.slow
def test_models_with_other_numbers_of_samples_have_floors_of_their_own(command, tmp_path):
    np.save(tmp_path / "small.npy", _truth(32))
    np.save(tmp_path / "large.npy", _truth(96))
    assert _measure(command, tmp_path, "small.npy", "large.npy").returncode == 0
    rows = _long(tmp_path)
    energy = rows[(rows["metric"] == "energy") & rows["family"].isin(["small", "large"])]
    assert energy["floor_sd"].astype(float).nunique() == 2
    assert energy["dataset"].nunique() == 2


def test_standardised_samples_are_measured_in_data_coordinates(command, tmp_path):
    np.save(tmp_path / "x.npy", _truth())
    np.save(tmp_path / "y.npy", (_truth() - NINE.mean) / NINE.scale)
    _measure(command, tmp_path, "x.npy")
    _measure(command, tmp_path, "y.npy", "--coordinates", "standardised")
    rows = _long(tmp_path)
    values = rows[(rows["metric"] == "energy") & (rows["score"] == "given")]["value"].astype(float)
    assert len(values) == 2
    assert abs(values.iloc[0] - values.iloc[1]) < 1e-5


@pytest.mark.slow
def test_copies_of_the_training_points_are_told(command, tmp_path):
    train = _truth(40, seed=9)
    np.save(tmp_path / "train.npy", train)
    np.save(tmp_path / "copies.npy", np.resize(train, (N, 2)) + np.float32(1e-4))
    done = command(
        "measure", "copies.npy", "--dataset", "nine_gaussians", "--train", "train.npy", "--metrics",
        "energy,memorisation", "--floor-draws", 9, "--workers", 0, "--out", "out", "--no-figures", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "copies of training points" in " ".join(done.stdout.split())


@pytest.mark.slow
def test_rows_of_a_run_stand_beside(command, tmp_path):
    np.save(tmp_path / "theirs.npy", _truth(seed=1))
    np.save(tmp_path / "mine.npy", _truth(seed=2))
    _measure(command, tmp_path, "theirs.npy")
    done = command(
        "measure", "mine.npy", "--dataset", "nine_gaussians", "--metrics", "energy,mode_tv", "--floor-draws", 9,
        "--workers", 0, "--out", "other", "--no-figures", "--against", "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "other" / "tables" / "beside.md").read_text()
    assert "| given | mine |" in table
    assert "| given | theirs |" in table
    assert "theirs" not in (tmp_path / "other" / "tables" / "comparison.md").read_text()
    assert command("verify", "other", cwd=tmp_path).returncode == 0


def _broken(folder):
    x = _truth()
    np.save(folder / "three.npy", np.zeros((50, 3)) + np.arange(50)[:, None])
    np.save(folder / "turned.npy", x.T)
    np.save(folder / "few.npy", x[:3])
    np.save(folder / "constant.npy", np.ones((50, 2)))
    holed = x.copy()
    holed[7, 1] = np.nan
    np.save(folder / "holed.npy", holed)
    np.save(folder / "x.npy", x)
    (folder / "text.npy").write_text("hello")
    (folder / "uneven").mkdir()
    np.save(folder / "uneven" / "samples_seed0.npy", x)
    np.save(folder / "uneven" / "samples_seed1.npy", x[:-1])
    (folder / "empty").mkdir()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.npy"], "no file 'none.npy'"),
        (["three.npy"], "must have shape [n, 2]; got [50, 3]"),
        (["turned.npy"], "got [2, 64]; it may be the other way round"),
        (["few.npy"], "expected at least 10 samples; got 3"),
        (["constant.npy"], "got 50 times one point"),
        (["holed.npy"], "got 1 of 64 samples that are not (first: row 7)"),
        (["text.npy"], "cannot be read as .npy"),
        (["empty", "--train", "empty"], "expected files samples_seed0.npy"),
        (["x.npy", "--train", "empty"], "empty: expected a file of samples"),
        (["x.npy", "--dataset", "nine_gaussians(sd=0.1"], "which has no ) at its end"),
        (["x.npy", "--dataset", "nine_gaussians(sd=a)"], "words as values in quotes"),
        (
            ["x.npy", "--metrics", "score_error"],
            "score_error judges a score, and samples alone have none; of samples: ",
        ),
        (["uneven"], "samples_seed0.npy has 64 and samples_seed1.npy 63"),
        (["empty"], "expected files samples_seed0.npy"),
        (["x.npy", "--dataset", "nine_gausians"], "unknown dataset 'nine_gausians'; known: "),
        (["x.npy", "--dataset", "nine_gaussians(sd=)"], "expected NAME or NAME(key=value, ...)"),
        (["x.npy", "--dataset", "nine_gaussians(spread=1)"], "takes no 'spread'; it takes: sd"),
        (["x.npy", "--metrics", "engery"], "unknown metric 'engery'"),
        (["x.npy", "--metrics", "manifold_distance"], "it needs a manifold"),
        (["x.npy", "--metrics", "memorisation"], "it needs a finite training set"),
        (["x.npy", "--nfe", "0"], "--nfe must be at least 1; got 0"),
        (["x.npy", "--coordinates", "raw"], "--coordinates must be one of data, standardised; got 'raw'"),
        (["x.npy", "--floor-draws", "1"], "floor_draws"),
        (["x.npy", "--train", "three.npy"], "must have shape [n, 2]"),
        (["x.npy", "--against", "nowhere"], "no run in nowhere"),
        (["x.npy", "few.npy", "--label", "both"], "one label is for one file"),
        (["x.npy", "x.npy"], "is there twice"),
        ([], "Missing argument"),
    ],
)
def test_each_mistake_is_one_line(command, tmp_path, words, said):
    _broken(tmp_path)
    done = _measure(command, tmp_path, *[]) if not words else command(
        "measure", *(["--dataset", "nine_gaussians"] if "--dataset" not in words else []), *words,
        "--workers", 0, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
