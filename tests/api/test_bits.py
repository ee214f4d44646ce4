"""A notebook and the command line give the same bits: the same specifications, and the same records."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["learned", "exact", "empirical"])
def test_samples_have_the_bits_of_the_suite(ran, drawn, kind):
    results, scores = ran
    row = results.row(score=kind)
    x = drawn(scores[kind])
    np.testing.assert_array_equal(x.samples, row.samples)
    assert x.nfe == row.nfe


@pytest.mark.slow
def test_a_fit_has_the_weights_and_the_loss_of_the_suite(ran):
    results, scores = ran
    row = results.row(family="score_sde")
    np.testing.assert_array_equal(row.loss, scores["learned"].loss)
    for module, values in row.params.items():
        for name, value in values.items():
            np.testing.assert_array_equal(value, scores["learned"].params[module][name])


@pytest.mark.slow
def test_readings_have_the_bits_of_the_suite(ran, drawn):
    results, scores = ran
    found = db.measure(drawn(scores["learned"]), ["energy", "score_error"], floor_draws=9).set_index("metric")
    rows = results.frame[(results.frame["score"] == "learned")].set_index("metric")
    for column in ("energy", "score_error", "score_kl"):
        assert found.loc[column, "value"] == rows.loc[column, "value"]
    assert found.loc["energy", "z"] == rows.loc["energy", "z"]
    assert found.loc["energy", "p"] == rows.loc["energy", "p_value"]


@pytest.mark.slow
def test_truth_has_the_bits_of_the_row_truth(ran):
    results, _ = ran
    np.testing.assert_array_equal(
        db.dataset("nine_gaussians").sample(64, seed=1), results.row(score="truth").samples
    )


@pytest.mark.slow
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
