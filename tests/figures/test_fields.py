"""Score fields: arrows by their formula, levels from noise to data, and the error of each."""

import numpy as np
import pytest
from by_hand import drawn

from diffbench.figures.fields import arrows


def test_an_arrow_has_the_direction_of_its_score_and_the_root_of_its_size():
    field = np.random.RandomState(0).standard_normal((50, 2)) * np.geomspace(0.01, 4.0, 50)[:, None]
    found = arrows(field, grid=0.25, unit=2.0)
    sizes = np.hypot(*field.T)
    np.testing.assert_allclose(np.hypot(*found.T), 0.25 * np.minimum(np.sqrt(sizes / 2.0), 1.5), rtol=1e-12)
    np.testing.assert_allclose(np.arctan2(*found.T), np.arctan2(*field.T), rtol=1e-12)


def test_no_score_is_no_arrow():
    assert (arrows(np.zeros((3, 2)), 0.25, 1.0) == 0).all()


def test_levels_go_from_noise_to_data_with_the_error_of_each(made):
    made.grid(families=("ddpm",), seeds=1)
    (row,) = [row for row in made.run().rows if row.score == "learned" and row.nfe == 1000]
    arrays = made.run().curves(row, "score_error")
    figure = drawn(made.run())["score_field_ring_ddpm"]
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    levels = np.sort(arrays["field_log_snr"])
    assert titles[::2] == [f"log SNR = {level:g}" for level in levels]
    curve = np.log(arrays["score_error_curve"])
    wanted = np.exp(np.interp(levels, arrays["score_error_log_snr"], curve))
    assert [float(text.split()[-1]) for text in titles[1::2]] == pytest.approx(list(wanted), rel=0.05)


def test_what_is_not_finite_is_no_arrow(made):
    made.grid(families=("ddpm",), seeds=1)
    name = next(cell["measures"]["score_error"] for cell in made.cells if cell["score"] == "learned")
    record, arrays = made.store.read("measure", name), dict(made.store.arrays("measure", name))
    arrays["field_score"] = arrays["field_score"].copy()
    arrays["field_score"][0, 0] = np.nan
    made.store.write("measure", f"{name}-nan", dict(record), arrays)
    for cell in made.cells:
        if cell["measures"].get("score_error") == name:
            cell["measures"] = {**cell["measures"], "score_error": f"{name}-nan"}
    fields = [
        one for axes in drawn(made.run())["score_field_ring_ddpm"].axes for one in axes.collections if one
    ]
    assert sorted(one.N for one in fields if hasattr(one, "N"))[0] == len(arrays["field_x"]) - 1
