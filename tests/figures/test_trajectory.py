"""Strips from noise to data: which paths they show, in which frames, and what they say below."""

import numpy as np
import pytest
from by_hand import cut_off, drawn, words
from matplotlib.collections import PathCollection


def test_a_strip_has_the_exact_path_above_the_learned_one_and_says_how_far_they_are_apart(made):
    made.grid(families=("ddpm",), seeds=2)
    made.paths("ddpm")
    figure = drawn(made.run())["trajectory_ring_ddpm"]
    assert len(figure.axes) == 12
    assert [axes.get_title() for axes in figure.axes[:6]][::5] == ["log SNR -6.0", "log SNR 9.0"]
    assert [axes.get_xlabel() for axes in figure.axes[6:]][::5] == ["apart: 0", "0.5"]
    arrays = made.run().curves(made.run().of(score="learned")[0], "trajectory_error")
    for axes, name in ((figure.axes[0], "exact"), (figure.axes[-1], "learned")):
        (dots,) = [one for one in axes.collections if isinstance(one, PathCollection)]
        path = arrays[f"trajectory_{name}"]
        known = path[0 if name == "exact" else -1]
        low, high = np.array([axes.get_xlim(), axes.get_ylim()]).T
        inside = known[((known > low) & (known < high)).all(axis=1)]
        assert len(inside) >= len(known) - 4
        gaps = np.linalg.norm(np.asarray(dots.get_offsets())[:, None] - inside, axis=2)
        assert gaps.min(axis=0).max() < 1e-6
    assert cut_off(figure) == []
    assert "ring, ddpm" in words(figure)


def test_as_much_happens_between_two_frames_and_no_frame_is_shown_twice(made):
    # All moves between the last two frames but one: what stands still is not shown again and again.
    made.grid(families=("ddpm",), seeds=1)
    made.paths("ddpm", moves=[0.0] * 6 + [1.0, 0.0])
    figure = drawn(made.run())["trajectory_ring_ddpm"]
    assert len(figure.axes) == 4


def test_the_longest_budget_and_the_first_seed_that_has_paths_are_shown(made):
    for budget in ("500x64", "2000x64"):
        made.grid(families=("ddpm",), seeds=2, scores=("learned",), budget=budget)
    made.paths("ddpm", budget="500x64")
    made.paths("ddpm", budget="2000x64", seed=1)
    names = [name for name in drawn(made.run()) if name.startswith("trajectory")]
    assert names == ["trajectory_ring_ddpm_2000x64"]


def test_points_that_are_far_or_not_finite_are_not_drawn(made):
    made.grid(families=("ddpm",), seeds=1)

    def spoil(arrays):
        arrays["trajectory_learned"][-1, :3] = [[np.nan, 0.0], [np.inf, 1.0], [1e30, -1e30]]

    made.paths("ddpm", spoil=spoil)
    figure = drawn(made.run())["trajectory_ring_ddpm"]
    counts = [len(axes.collections[0].get_offsets()) for axes in figure.axes]
    assert counts[-1] == counts[5] - 3


@pytest.mark.parametrize("dim", [1, 3, 5])
def test_points_of_any_dimension_are_seen_in_a_plane(made, dim):
    made.grid(families=("ddpm",), seeds=1, dim=dim)
    made.paths("ddpm", dim=dim)
    figure = drawn(made.run())["trajectory_ring_ddpm"]
    assert ("Seen: " in words(figure)) == (dim > 2)
    assert len(figure.axes[0].collections[0].get_offsets()) > 50


def test_without_paths_there_is_no_strip(made):
    made.grid(families=("ddpm",), seeds=1)
    made.paths("ddpm", spoil=lambda arrays: arrays.pop("trajectory_exact"))
    assert [name for name in made.names() if name.startswith("trajectory")] == []
