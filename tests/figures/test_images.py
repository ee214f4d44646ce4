"""Figures of images, from a run of its own: grids, denoising, and nearest training images."""

import numpy as np
import pytest
from tiny_suite import TINY

from diffbench.figures import film, images, trajectory
from diffbench.figures.base import encoded, style
from diffbench.figures.records import Run
from diffbench.records import runs
from diffbench.records.store import Store
from diffbench.stages import harness
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    content = TINY | dict(
        datasets=[{"name": "random_field", "size": 4, "train_size": 40, "label": "field"}],
        scores=["exact", "learned"],
        metrics=[
            "memorisation",
            {"name": "denoising", "points": 8, "shown": 4},
            {"name": "trajectory_error", "points": 8, "frames": 3},
        ],
        samplers=[{"name": "probability_flow", "solver": "heun", "steps": 3}],
        network={"widths": [8, 8], "embedding_width": 4},
        training={"steps": 20, "batch": 4},
        samples=40,
        seeds=1,
    )
    store = Store(tmp_path_factory.mktemp("images"))
    suite = suites.parse(content)
    harness.run(suite.model_dump(), expand(suite), store, workers=0)
    return Run(store, runs.read(store))


@pytest.mark.slow
def test_images_have_grids_denoising_and_nearest_images(run):
    with style():
        found = dict(images.pages(run))
        assert all(encoded(figure, ".png") for figure in found.values())
    names = [name.split("_field")[0] for name in found]
    assert names == ["images", "denoising", "nearest"]
    grids = next(figure for name, figure in found.items() if name.startswith("images"))
    assert [axes.get_title() for axes in grids.axes] == ["truth", "gaussian", "exact", "learned"]
    assert all(len(axes.images) == 1 for axes in grids.axes)
    # Three images of noisy, learned, exact and difference at five levels, and the clean one.
    assert len(found[next(n for n in found if n.startswith("denoising"))].axes) == 3 * (4 * 5 + 1)


@pytest.mark.slow
def test_a_strip_and_a_film_of_images_show_images(run):
    with style():
        ((name, figure),) = trajectory.pages(run)
        ((called, moving),) = film.films(run)
    assert name == called == "trajectory_field_ddpm"
    assert len(moving) > 1000
    shown = [axes.images[0].get_array() for axes in figure.axes]
    # A square of four by four images of four pixels, and paper between and where there are none.
    assert {one.shape for one in shown} == {(19, 19, 3)}
    assert all((one[10:] == 1.0).all() and (one[:9] != 1.0).any() for one in shown)
    np.testing.assert_array_equal(shown[0], shown[len(shown) // 2])  # both begin with the same noise


def test_a_mosaic_has_each_image_in_its_place():
    ink = images.Ink((2, 3, 1), 0.0, 1.0)
    shown = images.mosaic(np.stack([np.full(6, value) for value in (0.0, 1.0, 0.25)]), ink, 2)
    assert shown.shape == (5, 7, 3)
    assert shown[0, 0, 0] == 1.0  # no ink
    assert shown[1, 6, 1] == 0.0
    assert shown[4, 2, 2] == 0.75
    assert (shown[2] == 1.0).all()  # paper between rows
    assert (shown[3:, 4:] == 1.0).all()  # and where there is no fourth


def test_images_of_three_colours_keep_them():
    ink = images.Ink((1, 1, 3), 0.0, 2.0)
    assert images.mosaic(np.array([[0.0, 1.0, 2.0]]), ink, 1).ravel().tolist() == [0.0, 0.5, 1.0]
