"""A mixture of the user's is a full truth, and what is none is told in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

import diffbench as db
from diffbench.contracts import DATASETS

WEIGHTS, MEANS = [0.2, 0.8], [[0.0, 1.0], [3.0, -1.0]]
COVARIANCES = [[[1.0, 0.5], [0.5, 0.5]], [[0.3, 0.0], [0.0, 0.2]]]


@pytest.mark.slow
def test_the_density_is_that_of_the_mixture():
    data = db.mixture(WEIGHTS, MEANS, COVARIANCES)
    x = np.array([[0.0, 0.0], [3.0, -1.0], [1.0, 2.0]])
    wanted = sum(
        w * stats.multivariate_normal(m, c).pdf(x)
        for w, m, c in zip(WEIGHTS, MEANS, COVARIANCES, strict=True)
    )
    np.testing.assert_allclose(data.log_prob_at(x), np.log(wanted), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("covariances", "full"), [([0.5, 0.2], "spheres"), ([[0.5, 0.1], [0.2, 0.2]], "axes")]
)
def test_short_covariances_stand_for_full_ones(covariances, full):
    long = [np.diag(np.broadcast_to(one, 2)).tolist() for one in covariances]
    x = np.zeros((1, 2))
    short = db.mixture(None, MEANS, covariances).log_prob_at(x)
    np.testing.assert_allclose(short, db.mixture(None, MEANS, long).log_prob_at(x), rtol=1e-5)


@pytest.mark.parametrize("suffix", [".json", ".toml", ".npz"])
def test_a_file_is_the_same_mixture_and_its_content_its_version(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    law = {"weights": WEIGHTS, "means": MEANS, "covariances": COVARIANCES}
    if suffix == ".npz":
        np.savez(path, **law)
    elif suffix == ".json":
        path.write_text(json.dumps(law))
    else:
        path.write_text("".join(f"{key} = {value}\n" for key, value in law.items()))
    spec = DATASETS.spec_of("mixture", {"file": str(path)})
    inline = db.mixture(WEIGHTS, MEANS, COVARIANCES)
    x = np.zeros((2, 2))
    np.testing.assert_allclose(
        db.dataset("mixture", file=str(path)).log_prob_at(x), inline.log_prob_at(x), rtol=1e-5
    )
    assert spec["version"] != 1


@pytest.mark.slow
def test_it_has_everything_that_a_truth_has():
    data = db.mixture(WEIGHTS, MEANS, COVARIANCES)
    assert "modes" in repr(data)
    found = db.measure(data.sample(64), ["energy", "mode_tv"], dataset=data, floor_draws=9)
    assert found["value"].notna().all()


@pytest.mark.parametrize(
    ("law", "said"),
    [
        (([1.0], MEANS, COVARIANCES), "weights must be 2 positive numbers"),
        (([0.5, -0.5], MEANS, COVARIANCES), "weights must be 2 positive numbers"),
        ((None, [1.0, 2.0], COVARIANCES), r"means must have shape \[K, D\]"),
        ((None, MEANS, [1.0]), r"covariances must have shape \[2\], \[2, 2\] or \[2, 2, 2\]; got \[1\]"),
        ((None, MEANS, [1.0, 0.0]), "positive definite; that of component 1 is not"),
        ((None, MEANS, [[[1.0, 2.0], [0.0, 1.0]]] * 2), "must be symmetric"),
        ((None, [[np.nan, 0.0]], [1.0]), "means must be finite"),
        ((None, MEANS, [1.0, 1e-20]), "standard deviation"),
    ],
)
def test_each_mistake_is_one_line(law, said):
    with pytest.raises(ValueError, match=said) as caught:
        db.mixture(*law)
    assert "\n" not in str(caught.value)


def test_a_file_and_arrays_are_not_both(tmp_path):
    with pytest.raises(ValueError, match="got both"):
        db.dataset("mixture", file="x.json", weights=[1.0])
    with pytest.raises(ValueError, match=r"no file 'x\.json'"):
        db.dataset("mixture", file="x.json")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ValueError, match="it holds no weights"):
        db.dataset("mixture", file=str(tmp_path / "x.json"))
