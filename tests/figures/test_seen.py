"""Which metric sees what: a map of z, one row for each model of which samples were given."""

import numpy as np
from by_hand import FLOORED

from diffbench.figures import seen


def given(made, family, z, seed=0):
    """Adds a row of samples that came in a file, with one z for all columns."""
    made.add("ring", "truth", "", "", seed)
    cell = {**made.cells.pop(), "score": "given", "family": family}
    cell["measures"] = {metric: f"{metric}-{family}-{seed}" for metric in FLOORED}
    for metric, columns in FLOORED.items():
        floor = {column: {"mean": 1.0, "sd": 0.1, "z": z, "p_value": 0.5} for column in columns}
        record = {"status": "ok", "reason": "", "values": dict.fromkeys(columns, 1.0), "floor": floor}
        made.store.write("measure", cell["measures"][metric], record)
    made.cells.append(cell)


def test_each_model_has_a_row_with_the_mean_z_of_its_seeds_and_what_is_blind_in_brackets(made):
    made.add("ring", "truth", "", "", 0)
    for seed, z in ((0, 40.0), (1, 60.0)):
        given(made, "mine", z, seed)
    given(made, "theirs", 0.5)
    ((name, figure),) = seen.pages(made.run())
    assert name == "seen_ring"
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["truth", "mine", "theirs"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["energy", "mmd2", "mmd2 local"]
    (image,) = axes.images
    np.testing.assert_allclose(np.asarray(image.get_array())[1:], [[50.0] * 3, [0.5] * 3])
    written = [(text.get_text(), text.get_fontweight()) for text in axes.texts][3:]
    assert written == [("50.0", "bold")] * 3 + [("(0.5)", "normal")] * 3


def test_without_samples_that_were_given_there_is_no_map(made):
    made.grid(families=("ddpm",), seeds=1)
    assert [*seen.pages(made.run())] == []
