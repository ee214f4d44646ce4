"""The stage draw: samples by the keys that their names give, in data coordinates."""

import json

import numpy as np
import pytest

from diffbench.contracts import key_for
from diffbench.spec import label_of
from diffbench.stages.draw import DRAW
from diffbench.stages.inputs import Inputs
from diffbench.suites.parts import make_dataset


def specs(trained):
    records = [json.loads(path.read_text()) for path in (trained.root / "draws").glob("*.json")]
    return {record["spec"]["score"]: record["spec"] for record in records}


def test_truth_is_the_dataset_under_a_key_of_its_name(trained):
    spec = specs(trained)["truth"]
    _, arrays = DRAW.run(spec, Inputs(trained))
    dataset = make_dataset(spec["dataset"])
    fresh = dataset.sample(key_for(spec["seed"], "truth", label_of(spec["dataset"])), spec["n"])
    np.testing.assert_array_equal(arrays["samples"], fresh)


def test_the_gaussian_bracket_has_the_mean_and_the_covariance_of_the_data(trained):
    spec = {**specs(trained)["gaussian"], "n": 2**15}
    _, arrays = DRAW.run(spec, Inputs(trained))
    dataset = make_dataset(spec["dataset"])
    x = np.asarray(dataset.standardise(arrays["samples"]), np.float64)
    mean, covariance = dataset.moments()
    # False alarm beyond 5 standard errors, for five numbers, in 3e-6 of seeds.
    assert (np.abs(x.mean(axis=0) - mean) < 5 * np.sqrt(np.diag(covariance) / len(x))).all()
    assert (np.abs(np.cov(x.T) - covariance) < 5 * np.sqrt(2.0 / len(x)) * covariance.max()).all()


@pytest.mark.slow
@pytest.mark.parametrize("score", ["exact", "learned"])
def test_what_is_stored_comes_again_bit_for_bit(trained, score):
    spec = specs(trained)[score]
    content, arrays = DRAW.run(spec, Inputs(trained))
    np.testing.assert_array_equal(arrays["samples"], Inputs(trained).arrays(spec)["samples"])
    assert content == {"nfe": Inputs(trained).record(spec)["nfe"]}
