"""Losses and errors over noise levels."""

from __future__ import annotations

import math

import numpy as np
from by_hand import drawn

from diffbench.figures.curves import smoothed


def test_smoothed_is_the_running_median_and_stops_where_the_loss_does():
    loss = np.arange(1.0, 101.0)
    loss[80:] = math.nan
    steps, values = smoothed(loss, points=30, spread=1.25)
    assert steps[0] == 1
    assert steps[-1] == 100
    at = int(np.searchsorted(steps, 40))
    window = loss[math.ceil(steps[at] / 1.25) - 1 : math.floor(steps[at] * 1.25)]
    assert values[at] == np.median(window)
    assert np.isfinite(values[steps <= 80]).all()
    assert np.isnan(values[steps > 80]).all()


def test_losses_of_two_weightings_are_never_in_one_panel(made):
    made.grid(families=("ddpm", "ncsn"), seeds=1, scores=("learned",))
    for family, weighting in (("ddpm", "simple"), ("ncsn", "likelihood")):
        name = f"fit-ring-{family}--0"
        spec = {"family": {"name": family, "params": {"weighting": weighting}}}
        record = {**made.store.read("fit", name), "spec": spec}
        made.store.write("fit", f"{name}-w", record, {"loss": np.ones(20, np.float32)})
        for cell in made.cells:
            if cell["fit_id"] == name:
                cell["fit_id"] = f"{name}-w"
    figure = drawn(made.run())["loss"]
    titles = [axes.get_title().replace("\n", " ") for axes in figure.axes]
    assert titles == ["ring, likelihood weight", "ring, simple weight"]
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]
