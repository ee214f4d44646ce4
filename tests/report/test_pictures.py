"""Figures stand in the section of their dataset, as small pictures of a known size."""

import base64
import io

from PIL import Image

from diffbench.records import drawn
from diffbench.report import pictures


def put(found, *names):
    folder = found.root / drawn.FOLDER
    folder.mkdir()
    for name in names:
        Image.new("RGB", (64, 48), "white").save(folder / name)
    drawn.note(found.store, "0" * 64, names)
    return folder


def test_a_picture_stands_with_the_dataset_whose_whole_name_it_has(written):
    found = written(lambda made: made.grid(datasets=("moon", "moon_2", "sun"), families=("ddpm",), seeds=1))
    put(found, "density_moon.png", "density_moon_2.png", "score_field_moon_2_ddpm.png", "loss.png", "odd.png")
    shown = {k: [(p.name, p.title) for p in each] for k, each in pictures.pictures(found).items()}
    assert shown == {
        "moon": [("density_moon", pictures.KINDS["density"])],
        "moon_2": [
            ("density_moon_2", pictures.KINDS["density"]),
            ("score_field_moon_2_ddpm", f"{pictures.KINDS['score_field']} (ddpm)"),
        ],
        "": [("loss", pictures.KINDS["loss"]), ("odd", "odd")],
    }


def test_a_picture_says_its_size_and_is_webp(written):
    found = written(lambda made: made.grid(families=("ddpm",), seeds=1))
    put(found, "loss.png")
    (picture,) = pictures.pictures(found)[""]
    data = base64.b64decode(picture.data.removeprefix("data:image/webp;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("WEBP", (64, 48)) == ("WEBP", (picture.width, picture.height))


def test_what_has_no_room_keeps_its_name_and_every_section_has_a_first(written):
    found = written(lambda made: made.grid(datasets=("a", "b"), families=("ddpm",), seeds=1))
    put(found, "density_a.png", "density_b.png", "score_field_a_ddpm.png")
    room = 2 * len(pictures.pictures(found)["a"][0].data)
    shown = {k: [bool(p.data) for p in each] for k, each in pictures.pictures(found, room).items()}
    assert shown == {"a": [True, False], "b": [True]}


def test_a_film_stands_with_its_still_where_stills_leave_room(written):
    found = written(lambda made: made.grid(datasets=("a", "b"), families=("ddpm",), seeds=1))
    names = ["trajectory_a_ddpm", "trajectory_b_ddpm", "density_b"]
    folder = put(found, *(f"{name}.png" for name in names))
    film = io.BytesIO()
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "blue")]
    frames[0].save(film, "WEBP", save_all=True, append_images=frames[1:])
    for name in names[:2]:
        (folder / f"{name}.webp").write_bytes(film.getvalue())
    (folder / "density_b.webp").write_bytes(film.getvalue())  # not ours
    drawn.note(found.store, "0" * 64, [*(f"{name}.png" for name in names), *(f"{n}.webp" for n in names[:2])])

    def films(budget):
        return {p.name: p.film for each in pictures.pictures(found, budget).values() for p in each}

    wanted = "data:image/webp;base64," + base64.b64encode(film.getvalue()).decode()
    assert films(pictures.BUDGET) == {names[0]: wanted, names[1]: wanted, "density_b": ""}
    stills = sum(len(p.data) for each in pictures.pictures(found).values() for p in each)
    assert [*films(stills + len(wanted)).values()].count(wanted) == 1
    assert not any(films(stills + len(wanted) - 1).values())
    (folder / "trajectory_a_ddpm.webp").write_bytes(b"RIFF")
    assert [*films(pictures.BUDGET).values()].count(wanted) == 1


def test_a_file_that_is_no_picture_is_left_out(written):
    found = written(lambda made: made.grid(families=("ddpm",), seeds=1))
    put(found, "loss.png")
    (found.root / drawn.FOLDER / "loss.png").write_bytes(b"nothing")
    assert pictures.pictures(found) == {}
