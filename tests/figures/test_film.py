"""Moving pictures: as large as their strips, the same bytes for the same records, and each frame its own."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageSequence

from diffbench.figures import film, trajectory
from diffbench.figures.base import style
from diffbench.records import drawn


def filmed(made, look=drawn.SCREEN):
    with style(look):
        return dict(film.films(made.run()))


@pytest.fixture
def shown(made):
    made.grid(families=("ddpm", "ncsn"), seeds=1)
    made.paths("ddpm")
    return made


def test_a_film_moves_holds_its_end_and_has_the_shape_of_its_strip(shown):
    found = filmed(shown)
    assert [*found] == ["trajectory_ring_ddpm"]
    data = found["trajectory_ring_ddpm"]
    assert len(data) < 150_000
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.n_frames, image.info["loop"]) == ("WEBP", 8, 0)
        frames = [
            (np.asarray(one.convert("L"), int), one.info["duration"]) for one in ImageSequence.Iterator(image)
        ]
    assert [time for _, time in frames] == [film.FIRST, *[film.EACH] * 6, film.LAST]
    assert all((a != b).any() for (a, _), (b, _) in itertools.pairwise(frames))
    # What stands still does: the heading.
    assert all((one[:20] == frames[0][0][:20]).all() for one, _ in frames)
    with style():
        ((_, strip),) = trajectory.pages(shown.run())
    tall, wide = frames[0][0].shape
    assert wide / tall == pytest.approx(strip.get_size_inches()[0] / strip.get_size_inches()[1], rel=0.01)


def test_the_same_records_give_the_same_film_and_paper_another(shown):
    first = filmed(shown)
    assert filmed(shown) == first
    assert filmed(shown, drawn.PAPER) != first


@pytest.mark.slow
def test_films_lie_beside_the_strips_under_their_names(made):
    made.grid(families=("a/b", "A:b"), seeds=1)
    for family in ("a/b", "A:b"):
        made.paths(family)
    names = made.draw()
    strips = [name.removesuffix(".png") for name in names if name.startswith("trajectory")]
    assert strips == ["trajectory_ring_A_b", "trajectory_ring_a_b-2"]
    there = sorted(path.name for path in (made.store.root / drawn.FOLDER).glob("*.webp"))
    assert there == sorted(f"{name}{film.SUFFIX}" for name in strips)


def test_a_path_that_left_all_numbers_behind_is_filmed_as_far_as_it_goes(made):
    made.grid(families=("ddpm",), seeds=1)

    def spoil(arrays):
        arrays["trajectory_curve"][5:] = [np.nan, np.inf, np.nan]
        arrays["trajectory_learned"][5:] = np.nan

    made.paths("ddpm", spoil=spoil)
    with Image.open(io.BytesIO(filmed(made)["trajectory_ring_ddpm"])) as image:
        assert image.n_frames == 8
