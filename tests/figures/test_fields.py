"""Score fields: arrows by their formula, levels from noise to data, and the error of each."""

import numpy as np
import pytest
from by_hand import drawn, words
from matplotlib.contour import ContourSet

from diffbench.figures.fields import alpha_of, arrows, blurred


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
    assert titles[::2] == [f"exact, log SNR {level:g}" for level in levels]
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


@pytest.mark.parametrize(("log_snr", "alpha"), [(-2.0, 1.0), (-2.0, (1 + np.exp(2.0)) ** -0.5), (2.0, 0.8)])
def test_how_far_a_process_shrinks_the_data_is_told_by_its_exact_score(log_snr, alpha):
    rng = np.random.RandomState(1)
    spread = np.array([0.7, 1.2])
    truth = spread * rng.normal(size=(3000, 2))
    grid = np.linspace(-2.0, 2.0, 20)
    x = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 2)
    exact = -x / (alpha**2 * (spread**2 + np.exp(-log_snr)))
    assert alpha_of(x, exact, truth, log_snr) == pytest.approx(alpha, rel=0.12)


def test_the_density_of_contours_is_that_of_the_noisy_data():
    truth = np.array([0.5, 1.0]) * np.random.RandomState(2).normal(size=(20_000, 2))
    low, high = np.array([-3.0, -4.0]), np.array([3.0, 4.0])
    found = blurred(truth, 0.9, 1.0, low, high, bins=60)
    y, x = (lo + (np.arange(60) + 0.5) / 60 * (hi - lo) for lo, hi in ((-4.0, 4.0), (-3.0, 3.0)))
    width = 0.81 * (np.array([0.25, 1.0]) + np.exp(-1.0))
    wanted = np.exp(-0.5 * (x[None] ** 2 / width[0] + y[:, None] ** 2 / width[1]))
    assert np.abs(found - wanted).max() < 0.08


def test_each_panel_has_contours_and_axes_that_say_what_they_are(made):
    made.grid(families=("ddpm",), seeds=1)
    figure = drawn(made.run())["score_field_ring_ddpm"]
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert len(panels) == 6
    assert all(any(isinstance(one, ContourSet) for one in axes.collections) for axes in panels)
    assert all(len(axes.get_xticks()) > 1 and len(axes.get_yticks()) > 1 for axes in panels)
    assert [axes.get_xlabel() for axes in panels].count("coordinate 1") == 3
    assert [axes.get_ylabel() for axes in panels].count("coordinate 2") == 2
    said = words(figure)
    assert "ring, ddpm, seed 0" in said
    assert "Axes: standardised coordinates." in said
