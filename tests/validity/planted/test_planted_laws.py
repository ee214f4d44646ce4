"""Every known defect breaks its identity, and its sound twin keeps it."""

import broken_models
import numpy as np
import planted_checks as identities
import pytest
from planted_defects import DEFECTS
from planted_samplers import ho_chain
from planted_table import identity_of

SLOW = (9, 12)  # these train


def test_the_twelve_are_there():
    assert [defect.number for defect in DEFECTS] == list(range(1, 13))
    assert all(defect.trials for defect in DEFECTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "defect",
    [pytest.param(d, marks=pytest.mark.slow) if d.number in SLOW else d for d in DEFECTS],
    ids=lambda d: f"{d.number}",
)
def test_an_identity_tells_the_defect_from_its_sound_twin(defect):
    found = identity_of(defect)
    assert found["sound"] <= found["bound"], found
    # Far enough that neither rounding nor a seed decides.
    assert not found["broken"] <= 10 * found["bound"], found


def test_the_chain_that_is_broken_is_sound_when_nothing_is():
    assert identities.CHAIN.error(ho_chain()) < identities.CHAIN.bound


@pytest.mark.slow
def test_the_copied_training_set_is_told_by_its_points():
    n = 500
    truth, copied = broken_models.TRUTH, next(m for m in broken_models.MODELS if m.name.endswith("copied"))
    train = broken_models.training_set(n, 3)
    assert broken_models.copied_share(broken_models.drawer(copied, n)(3), train) == 1.0
    assert broken_models.copied_share(broken_models.drawer(truth, n)(3), train) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("model", broken_models.MODELS, ids=lambda m: m.name)
def test_broken_models_give_as_many_samples_as_are_asked(model):
    x = broken_models.drawer(model, 300)(0)
    assert x.shape == (300, 2)
    assert np.isfinite(x).all()
