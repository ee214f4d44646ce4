"""A notebook and the command line give the same bits: the same specifications, and the same records."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_suite import as_toml

import diffbench as db
from diffbench.records.store import Store
from diffbench.spec import identify

SUITE = {
    "name": "bits",
    "datasets": [{"name": "nine_gaussians", "train_size": 64}],
    "families": ["score_sde"],
    "samplers": [{"name": "ancestral", "steps": 5}],
    "scores": ["learned", "exact", "empirical", {"name": "perturbed", "of": "exact", "size": 0.5}],
    "metrics": ["energy", "score_error"],
    "seeds": [1],
    "samples": 64,
    "floor_draws": 9,
    "network": {"widths": [8, 8], "embedding_width": 8},
    "training": {"steps": 20, "batch": 16},
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Results of the suite by the command line's own way, and the same scores by the library."""
    folder = tmp_path_factory.mktemp("bits")
    (folder / "bits.toml").write_text(as_toml(SUITE))
    results = db.run(folder / "bits.toml", out=folder / "out", workers=0, progress=False)
    data = db.dataset("nine_gaussians")
    exact = db.exact(data, "vp")
    fit = db.fit("score_sde", data, seed=1, steps=20, batch=16, network=SUITE["network"], train_size=64)
    scores = {
        "learned": fit,
        "exact": exact,
        "empirical": db.empirical(data, "vp", size=64, seed=1),
        "perturbed": db.perturbed(exact, size=0.5),
    }
    return results, scores


def _drawn(score):
    seed = {} if score.kind in ("learned", "empirical") else {"seed": 1}
    return db.sample(score, "ancestral", n=64, steps=5, **seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["learned", "exact", "empirical"])
def test_samples_have_the_bits_of_the_suite(ran, kind):
    results, scores = ran
    row = results.row(score=kind)
    x = _drawn(scores[kind])
    np.testing.assert_array_equal(x.samples, row.samples)
    assert x.nfe == row.nfe


def test_a_draw_has_the_name_that_the_suite_gives_it_where_the_data_are_the_same(ran):
    """Exact rows of data with a train_size are the same specification as of data without."""
    results, scores = ran
    x = _drawn(scores["exact"])
    assert results.row(score="exact").cell["draw_id"] in Store(x.store.root).names("draw")


def test_a_fit_has_the_weights_and_the_loss_of_the_suite(ran):
    results, scores = ran
    row = results.row(family="score_sde")
    np.testing.assert_array_equal(row.loss, scores["learned"].loss)
    for module, values in row.params.items():
        for name, value in values.items():
            np.testing.assert_array_equal(value, scores["learned"].params[module][name])


def test_readings_have_the_bits_of_the_suite(ran):
    results, scores = ran
    found = db.measure(_drawn(scores["learned"]), ["energy", "score_error"], floor_draws=9).set_index(
        "metric"
    )
    rows = results.frame[(results.frame["score"] == "learned")].set_index("metric")
    for column in ("energy", "score_error", "score_kl"):
        assert found.loc[column, "value"] == rows.loc[column, "value"]
    assert found.loc["energy", "z"] == rows.loc["energy", "z"]
    assert found.loc["energy", "p"] == rows.loc["energy", "p_value"]


def test_truth_has_the_bits_of_the_row_truth(ran):
    results, _ = ran
    np.testing.assert_array_equal(
        db.dataset("nine_gaussians").sample(64, seed=1), results.row(score="truth").samples
    )


def test_given_samples_have_the_bits_of_the_command_line(ran, command, tmp_path):
    results, _ = ran
    x = results.row(score="exact").samples
    np.save(tmp_path / "x.npy", x)
    done = command(
        "measure", "x.npy", "--dataset", "nine_gaussians", "--metrics", "energy", "--floor-draws", 9,
        "--out", "out", "--workers", 0, "--no-figures", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = db.open(tmp_path / "out")
    found = db.measure(x, "energy", dataset="nine_gaussians", floor_draws=9, label="x")
    row = told.frame[told.frame["score"] == "given"].iloc[0]
    assert found["value"].iloc[0] == row["value"]
    assert found["z"].iloc[0] == row["z"]


@pytest.mark.slow
def test_a_results_folder_is_a_cache(ran, tmp_path):
    data = db.dataset("nine_gaussians")
    made = {"steps": 20, "batch": 16, "network": SUITE["network"], "cache": tmp_path / "mine"}
    first = db.fit("score_sde", data, **made)
    files = sorted((tmp_path / "mine" / "fits").iterdir())
    before = [file.stat().st_mtime_ns for file in files]
    again = db.fit("score_sde", data, **made)
    assert [file.stat().st_mtime_ns for file in sorted((tmp_path / "mine" / "fits").iterdir())] == before
    np.testing.assert_array_equal(first.loss, again.loss)
    x = db.sample(again, "ancestral", n=20, steps=3, cache=tmp_path / "other")
    assert identify(again.cell().fit) in Store(tmp_path / "other").names("fit")
    assert len(x) == 20


def test_rows_give_scores_that_agree_with_those_of_the_library(ran):
    results, scores = ran
    x = np.zeros((3, 2), np.float32)
    np.testing.assert_array_equal(results.row(score="exact").score(x, 0.5), scores["exact"](x, 0.5))
    np.testing.assert_allclose(
        results.row(family="score_sde").score(x, 0.5), scores["learned"].score(x, 0.5), rtol=1e-6
    )
