"""Images of known law: they hold the contract of a dataset, and their files are what was fitted."""

import hashlib
import importlib.util
import math
import sys
from importlib import metadata
from pathlib import Path

import jax
import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.datasets import images
from diffbench.datasets.coordinates import in_data_coordinates
from diffbench.testing import check_dataset

ROOT = Path(__file__).parents[2]
NAMES = ("digit_images", "shifted_shapes", "random_field")


@pytest.fixture(scope="module")
def built():
    return {name: DATASETS.build(name) for name in NAMES}


@pytest.mark.slow
@pytest.mark.parametrize("size", [8, 28])
@pytest.mark.parametrize("name", NAMES)
def test_images_hold_the_contract_of_a_dataset(name, size):
    dataset = DATASETS.build(name, size=size)
    assert dataset.dim == size**2
    assert dataset.shape == (size, size, 1)
    check_dataset(dataset, n=1024)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_moments_are_those_of_the_samples(built, name):
    dataset = built[name]
    x = np.asarray(dataset.standardise(dataset.sample(jax.random.key(0), 20_000)), np.float64)
    mean, covariance = dataset.moments()
    assert np.trace(covariance) == pytest.approx(dataset.dim)
    error = np.sqrt(np.diag(covariance) / len(x))
    assert (np.abs(x.mean(axis=0) - mean) < 5.0 * error).all()
    off = np.cov(x.T) - covariance
    # Of D^2 entries the mean square is that of a sample's covariance, within a third.
    assert np.sqrt((off**2).mean()) < 1.6 * np.sqrt(np.trace(covariance) ** 2 / len(x)) / dataset.dim


def test_data_coordinates_keep_the_moments(built):
    dataset = built["digit_images"]
    raw = in_data_coordinates(dataset)
    mean, covariance = raw.moments()
    assert mean == pytest.approx(dataset.mean)
    assert covariance == pytest.approx(dataset.scale**2 * dataset.moments()[1])
    assert raw.grain == pytest.approx(dataset.grain * dataset.scale)
    assert raw.shape == (8, 8, 1)


@pytest.mark.slow
def test_the_entropy_of_a_field_is_that_of_its_samples(built):
    dataset = built["random_field"]
    x = dataset.standardise(dataset.sample(jax.random.key(1), 4096))
    surprise = -np.asarray(dataset.log_prob(x), np.float64)
    error = surprise.std() / math.sqrt(len(surprise))
    assert abs(surprise.mean() - dataset.entropy()[0]) < 4.0 * error
    assert dataset.entropy()[1] == 0.0


@pytest.mark.slow
def test_shapes_far_apart_have_the_entropy_of_a_shift_and_of_noise():
    dataset = DATASETS.build("shifted_shapes", sd=0.02)
    entropy, error = dataset.entropy(2048)
    noise = 0.5 * 64 * math.log(2.0 * math.pi * math.e * (0.02 / dataset.scale) ** 2)
    assert abs(entropy - noise - math.log(64)) < 4.0 * error + 1e-3


@pytest.mark.slow
def test_pixels_of_digits_are_ink_between_0_and_1(built):
    x = np.asarray(built["digit_images"].sample(jax.random.key(0), 512))
    assert ((x > -0.3) & (x < 1.3)).mean() > 0.99
    # Corners are paper, the middle is ink.
    shown = x.mean(axis=0).reshape(8, 8)
    assert shown[0, 0] < 0.05 < 0.4 < shown[3:5, 3:5].mean()


@pytest.mark.parametrize("size", [8, 28])
def test_parameters_are_what_their_digest_says_and_small(size):
    path = ROOT / "diffbench" / "datasets" / f"digits_{size}.safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == images.DIGESTS[size]
    assert sum(file.stat().st_size for file in path.parent.glob("*.safetensors")) < 2e6


def test_a_file_that_was_changed_is_refused(monkeypatch):
    images.fitted.cache_clear()
    monkeypatch.setitem(images.DIGESTS, 8, "0" * 64)
    with pytest.raises(ValueError, match="must have the digest 0000"):
        images.fitted(8)
    monkeypatch.undo()
    images.fitted.cache_clear()


@pytest.mark.slow
def test_the_script_makes_the_digits_again(tmp_path):
    pytest.importorskip("sklearn")
    spec = importlib.util.spec_from_file_location(
        "fit_digit_images", ROOT / "results" / "fit_digit_images.py"
    )
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    digest = script.main(8, tmp_path)
    found = images.load((tmp_path / "digits_8.safetensors").read_bytes())
    for name, value in images.fitted(8).items():
        assert found[name] == pytest.approx(value, abs=1e-4)
    named = {name: metadata.version(name) for name in ("numpy", "scikit-learn", "safetensors")}
    if named.items() <= script.VERSIONS.items() and sys.platform == "linux":
        assert digest == images.DIGESTS[8]


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("digit_images", {"size": 16}, "size must be one of 8, 28; got 16"),
        ("digit_images", {"size": 8.0}, "size must be a whole number; got 8.0"),
        ("shifted_shapes", {"size": 2}, "size must be at least 4; got 2"),
        ("shifted_shapes", {"sd": 0.0}, "sd must be positive"),
        (
            "shifted_shapes",
            {"sd": 1e-6},
            "the smallest standard deviation of shifted_shapes must be at least",
        ),
        ("random_field", {"size": 65}, "size must be at most 64; got 65"),
        ("random_field", {"exponent": -1.0}, r"exponent must be in \[0, 8\]; got -1.0"),
        ("random_field", {"exponent": "3"}, "exponent must be a number; got '3'"),
    ],
)
def test_what_makes_no_image_is_refused(name, params, message):
    with pytest.raises((ValueError, TypeError), match=message):
        DATASETS.build(name, **params)
