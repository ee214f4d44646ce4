"""Samples of anybody as rows: their order, their digest, and a hint where they lie elsewhere."""

import jax
import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.suites import given

NINE = DATASETS.build("nine_gaussians")


def _truth(n=64, seed=5):
    return np.asarray(NINE.sample(jax.random.key(seed), n))


@pytest.mark.slow
def test_the_order_of_a_file_does_not_decide_which_samples_a_part_is_of():
    x = _truth(1000)
    sorted_by_class = x[np.lexsort(x.T)]
    first = given.shuffled(sorted_by_class)[:100]
    assert abs(first[:, 0].mean() - x[:, 0].mean()) < 5 * x[:, 0].std() / 10
    np.testing.assert_array_equal(np.sort(given.shuffled(x), axis=0), np.sort(x, axis=0))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x * 10, "are they in data coordinates?"),
        (lambda x: x / 10, "are they in data coordinates?"),
        (lambda x: x + 30, "are they in data coordinates?"),
    ],
)
def test_another_scale_is_a_hint(change, said):
    assert said in given.hint(change(_truth(500)), NINE)
    assert given.hint(_truth(500), NINE) is None


def test_standardised_samples_get_the_hint_that_helps_in_the_words_of_who_gave_them():
    wide = DATASETS.build("eight_gaussians", radius=20.0)
    x = _truth(500) / NINE.scale
    assert given.hint(x, wide).endswith("; standardised samples need x * scale + mean")
    assert given.hint(x, wide, "--coordinates standardised").endswith("need --coordinates standardised")


def test_digests_are_of_the_numbers_alone():
    x = _truth()
    assert given.digest(x) == given.digest(x.copy())
    assert given.digest(x) != given.digest(x[::-1].copy())


def test_those_metrics_are_chosen_that_fit_the_data_and_memorisation_where_there_is_training_data():
    assert given.chosen("circle") == [
        "energy",
        "mmd2",
        "sliced_w2",
        "manifold_distance",
        "intrinsic",
        "detection_n",
    ]
    assert "mode_tv" in given.chosen("nine_gaussians")
    assert given.chosen("nine_gaussians", train=40)[-1] == "memorisation"


def test_two_models_of_one_label_are_refused():
    suite = given.suite_of("nine_gaussians", 64, [0], ["energy"], floor_draws=9)
    two = [given.Given("mine", {0: _truth()})] * 2
    with pytest.raises(ValueError, match="'mine' is there twice; give it once, or call one file otherwise"):
        given.rows_of(suite, two)
