"""Real digits: halves of 17 levels, dequantised; what needs a truth is refused."""

import sys

import numpy as np
import pytest

from diffbench.contracts import DATASETS
from diffbench.suites.cells import expand
from diffbench.suites.suite import SuiteError, parse


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return DATASETS.build("digits")


@pytest.mark.slow
def test_halves_are_the_images_of_scikit_learn_with_noise_of_one_level(digits):
    from sklearn.datasets import load_digits

    both = np.concatenate([digits.finite.train, digits.finite.held_out])
    assert both.shape == (1797, 64)
    assert (both >= 0.0).all()
    assert (both < 1.0).all()
    levels = np.minimum(np.floor(both * 17.0), 16).astype(int)
    counted = np.bincount(levels.ravel(), minlength=17)
    wanted = np.bincount(load_digits().data.astype(int).ravel(), minlength=17)
    assert np.abs(counted - wanted).max() <= 3  # rounding at the end of a level
    within = both * 17.0 - levels
    assert abs(within.mean() - 0.5) < 0.01
    assert digits.shape == (8, 8, 1)
    assert digits.grey == pytest.approx(1.0 / 17.0)


def test_what_needs_a_truth_is_refused(digits):
    suite = {"datasets": ["digits"], "families": ["score_sde"], "samples": 100, "seeds": 1, "floor_draws": 9}
    suite |= {"training": {"batch": 16}, "metrics": ["energy"]}
    with pytest.raises(SuiteError, match="truth"):
        expand(parse({**suite, "scores": ["exact"]}))
    with pytest.raises(SuiteError, match="mode_tv"):
        expand(parse({**suite, "scores": ["learned"], "metrics": ["mode_tv"]}))
    assert expand(parse({**suite, "scores": ["learned"]}))


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ValueError, match=r"digits needs scikit-learn: pip install 'diffbench\[images\]'"):
        DATASETS.build("digits")
