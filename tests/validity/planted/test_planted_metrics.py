"""The metrics see what they are said to see, take sound twins for truth, and are blind where that is recorded.

At n = 2,000; `results/reference/validity` holds the same at n = 10,000. A mean z of five draws of truth is
above 2 in fewer than one case in 900, so the sound twins here are a false alarm in a few percent of seeds; the
seeds are fixed.
"""

import broken_models
import pytest
from planted_defects import DEFECTS
from planted_judging import BLIND, SEEN
from planted_table import model_of, trial_of

pytestmark = pytest.mark.slow
N, FLOOR_DRAWS = 2000, 199
TRIALS = [(defect, trial) for defect in DEFECTS for trial in defect.trials]


@pytest.mark.parametrize(
    ("defect", "trial"), TRIALS, ids=[f"{d.number}-{t.setting.label}" for d, t in TRIALS]
)
def test_a_defect_is_seen_by_what_it_names(defect, trial):
    found = trial_of(trial, N, FLOOR_DRAWS)
    assert all(z < BLIND for z in found["sound"].values()), found["sound"]
    # A NaN is no number above 5: what is named must be seen by its value.
    assert all(found["broken"][column] > SEEN for column in trial.seen_by), found["broken"]
    if not trial.seen_by:
        assert all(z < SEEN for z in found["broken"].values()), found["broken"]


@pytest.mark.parametrize("model", [broken_models.TRUTH, *broken_models.MODELS], ids=lambda m: m.name)
def test_a_broken_model_is_seen_by_what_it_names(model):
    z = model_of(model, N, FLOOR_DRAWS)
    assert all(z[column] > SEEN for column in model.seen_by), z
    assert all(z[column] < BLIND for column in model.blind), z
