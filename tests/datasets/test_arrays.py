"""Data of anybody: halves, floors of held-out parts, and what is refused without a truth."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import diffbench as db
from diffbench.contracts import DATASETS
from diffbench.metrics.floor import floor_of
from diffbench.suites.cells import expand
from diffbench.suites.suite import parse

X = np.random.RandomState(0).standard_normal((400, 2)).astype(np.float32) * [2.0, 1.0] + [5.0, 0.0]


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "x.npy", X)
    return str(tmp_path / "x.npy")


@pytest.fixture
def arrays(file):
    return DATASETS.build("arrays", train=file)


def _suite(file, **changes):
    content = {"datasets": [{"name": "arrays", "train": file}], "families": ["score_sde"], "scores": ["learned"],
               "samplers": ["probability_flow"], "metrics": ["energy"], "seeds": 1, "samples": 50,
               "floor_draws": 9, "training": {"batch": 16}}  # fmt: skip
    return parse({**content, **changes})


def test_images_are_flat_points_with_a_shape(tmp_path):
    np.save(tmp_path / "x.npy", np.random.RandomState(0).random((100, 4, 4, 1)))
    made = DATASETS.build("arrays", train=str(tmp_path / "x.npy"))
    assert made.dim == 16
    assert made.shape == (4, 4, 1)


def test_other_content_is_another_edition(file):
    first = DATASETS.spec_of("arrays", {"train": file})
    assert DATASETS.spec_of("arrays", {"train": file}) == first
    np.save(file, X + 1)
    assert DATASETS.spec_of("arrays", {"train": file})["version"] != first["version"]


@pytest.mark.slow
def test_the_floor_is_of_held_out_parts_and_its_p_is_about_uniform(arrays):
    """Truth against truth, 200 comparisons: mean of p within 0.1 of one half (five standard errors)."""
    metric = db.metrics.METRICS.build("energy", against="reference")
    reference = arrays.standardise(arrays.finite.reference(60))
    floor = floor_of(metric, arrays, reference, 60, 199).values["energy"]
    fresh = floor_of(metric, arrays, reference, 60, 200, label="other").values["energy"]
    p = [(1 + (floor >= value).sum()) / 200 for value in fresh]
    assert abs(np.mean(p) - 0.5) < 0.1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scores": ["learned", "exact"]}, "the exact score needs a known truth, and arrays"),
        (
            {"metrics": ["score_error"]},
            "score_error: it needs a known density and score, and dataset 'arrays' is",
        ),
        ({"metrics": ["kl"]}, "kl: it needs a density, and dataset 'arrays' is points alone"),
        ({"metrics": ["mode_tv"]}, "mode_tv: it needs modes, and dataset 'arrays' is points alone"),
        ({"samples": 150}, "samples must be at most 100, half of the held-out points; got 150"),
        ({"reference": 150}, "reference must be at most 100"),
    ],
)
def test_what_needs_a_truth_or_more_points_is_refused_with_the_reason(file, changes, said):
    with pytest.raises(ValueError, match=said):
        expand(_suite(file, **changes))


def test_what_fits_is_offered(file):
    cells = expand(_suite(file, metrics=["all"]))
    names = {metric["name"] for cell in cells for metric in cell.metrics}
    assert {"energy", "mmd2", "sliced_w2", "memorisation", "detection_n"} <= names
    assert not {"score_error", "kl", "nll", "mode_tv", "prior_kl", "mixing"} & names


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: {}, "arrays needs a file of points"),
        (lambda folder: {"train": "none.npy"}, "no file 'none.npy'"),
        (lambda folder: {"train": _saved(folder, X[:30])}, "at least 20 train points; got 15"),
        (lambda folder: {"train": _saved(folder, X[:, 0])}, r"must have shape"),
        (lambda folder: {"train": _saved(folder, X * np.nan)}, "expected finite numbers"),
        (lambda folder: {"train": _saved(folder, np.ones((90, 2)))}, "times one point"),
        (
            lambda folder: {"train": _saved(folder, X), "test": _saved(folder, X[:, :1])},
            "must have the shape of",
        ),
    ],
)
def test_each_mistake_is_one_line(tmp_path, make, said):
    with pytest.raises(ValueError, match=said) as caught:
        DATASETS.build("arrays", **make(tmp_path))
    assert "\n" not in str(caught.value)


def _saved(folder, x):
    path = folder / f"{x.shape}.npy"
    np.save(path, x)
    return str(path)


@pytest.mark.slow
def test_arrays_of_a_program_are_learned_and_measured_and_the_table_says_how_to_read_p(tmp_path):
    data = db.arrays(X)
    fit = db.fit("score_sde", data, steps=20, batch=16, network={"widths": [8, 8]})
    found = db.measure(
        db.sample(fit, "probability_flow", n=60, steps=10, solver="heun"),
        ["energy", "memorisation"],
        floor_draws=9,
    )
    assert found["value"].notna().all()
    results = db.run(
        _suite(
            data.entry["train"], training={"steps": 20, "batch": 16}, network={"widths": [8, 8]}, samples=60,
            samplers=[{"name": "probability_flow", "solver": "heun", "steps": 10}],
        ).model_dump(),  # the programs of the fit and the draw above
        out=tmp_path / "out", workers=0, progress=False,
    )  # fmt: skip
    energy = results.frame[(results.frame["metric"] == "energy")]
    assert (energy["status"] == "ok").all()
    assert energy["reason"].str.contains("p is approximate").all()
    assert "p is approximate" in (tmp_path / "out" / "tables" / "comparison.md").read_text()
    with pytest.raises(ValueError, match="no known truth"):
        data.score_at(X[:2])


def _images(levels, n=60, side=4):
    return np.random.RandomState(1).randint(levels, size=(n, side, side))


def _built(tmp_path, x, **params):
    np.save(tmp_path / "images.npy", x)
    return DATASETS.build("arrays", train=str(tmp_path / "images.npy"), **params)


@pytest.mark.slow
@pytest.mark.parametrize("levels", [17, 256])
def test_the_same_images_in_other_units_have_the_same_bits_per_dimension(tmp_path, levels):
    from diffbench.contracts import METRICS, Outcome
    from diffbench.process import PROCESSES

    process, x = PROCESSES.build("vp"), _images(levels)
    metric = METRICS.build("bpd", points=6, probes=1, rtol=1e-3, atol=1e-3)

    def score(x, t):
        return -x / (process.alpha(t) ** 2 + process.sigma(t) ** 2)

    told = []
    for low, high in ((0, levels - 1), (0.0, 1.0), (-1.0, 1.0)):
        unit = (high - low) / (levels - 1)
        data = _built(tmp_path, low + x * unit, levels=levels, low=float(low), high=float(high))
        values, _ = metric.measure(jax.random.key(0), Outcome(None, None, None, score, process, data))
        told.append(values["bpd"])
        assert np.isnan(values["bpd_entropy"])
    # A normal density of uniform pixels: log2(levels) and the divergence of the two.
    assert told[0] == pytest.approx(np.log2(levels) + 0.5 * np.log2(2 * np.pi * np.e / 12), abs=0.15)
    assert told[1:] == pytest.approx(told[:1] * 2, abs=2e-3)


def test_idx_files_are_images_of_bytes(tmp_path):
    import struct

    x = _images(256).astype(np.uint8)
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
        (tmp_path / name).write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", *x.shape) + x.tobytes())
    train, test = (str(tmp_path / f"{half}-images-idx3-ubyte") for half in ("train", "t10k"))
    data = DATASETS.build("arrays", train=train, test=test)
    assert data.shape == (4, 4, 1)
    assert data.grey == 1.0
    np.testing.assert_array_equal(np.floor(data.finite.train), x.reshape(60, -1))
    assert data.finite.train.min() < data.finite.train.max() < 256.0


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"levels": 1}, "levels must be 0 or at least 2; got 1"),
        ({"levels": 17, "high": 1.0}, "expected 17 levels from 0 to 1; got numbers from 0 to 16"),
        ({"levels": 5, "high": 16.0}, "of a level off the grid"),
        ({"levels": 17, "low": 3.0, "high": 2.0}, "low must be below high; got low = 3.0 and high = 2.0"),
    ],
)
def test_images_off_their_grid_are_refused(tmp_path, params, text):
    with pytest.raises(ValueError, match=text):
        _built(tmp_path, _images(17), **params)
