"""The figure of what sources of scores make of a finite training set, from a run of its own."""

import pytest
from tiny_suite import TINY

from diffbench import figures
from diffbench.figures import memorisation
from diffbench.figures.base import style
from diffbench.figures.records import Run
from diffbench.records import runs
from diffbench.records.store import Store
from diffbench.stages import harness
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand

pytestmark = pytest.mark.slow

OFF = {"name": "perturbed", "of": "empirical", "label": "empirical + 1"}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    content = TINY | dict(
        datasets=[{"name": "circle", "thickness": 0.0, "train_size": 8}],
        scores=["empirical", OFF, "learned"],
        metrics=["memorisation", {"name": "score_error", "samples": 64}],
        standardise=False,
        training={"steps": 20, "batch": 4},
    )
    store = Store(tmp_path_factory.mktemp("memory"))
    suite = suites.parse(content)
    harness.run(suite.model_dump(), expand(suite), store, workers=0)
    return store


def drawn(store):
    with style():
        return list(memorisation.pages(Run(store, runs.read(store))))


def test_a_column_for_each_source_with_the_training_points_in_it(done):
    ((name, figure),) = drawn(done)
    assert name == "memorisation_circle(train_size=8, thickness=0)_ddpm_linear"
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["empirical", "empirical + 1", "learned: ddpm"]
    samples = [axes for axes in figure.axes if axes.get_title()]
    assert [len(axes.collections[-1].get_offsets()) for axes in samples] == [8, 8, 8]
    assert all(axes.get_xlabel().startswith("copied ") for axes in samples)
    # Two noise levels of the score below each.
    assert len(figure.axes) == 3 * 3


def test_it_is_among_the_figures_of_a_run(done):
    names = [name for name, _ in figures.drawn(Run(done, runs.read(done)))]
    assert "memorisation_circle_train_size=8_thickness=0_ddpm_linear" in names
    assert "density_circle_train_size=8_thickness=0" in names
