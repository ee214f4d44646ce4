"""What a metric may look at, and how it is told that there is nothing."""

import pytest

from diffbench.contracts import DATASETS, NEEDS, Outcome


@pytest.mark.parametrize("what", NEEDS)
def test_what_a_metric_needs_is_there_or_is_named(what):
    nothing = Outcome(None, None, None, None, None, DATASETS.build("circle", thickness=0.0))
    if what in ("truth", "manifold", "intrinsic"):
        assert nothing.need(what) is not None
        return
    with pytest.raises(ValueError, match=r"^it needs .*, and (this row|dataset 'circle') has none"):
        nothing.need(what)


def test_a_row_that_has_it_gives_what_is_needed_and_of_its_dataset_too():
    row = Outcome("samples", "reference", "train", "score", "process", DATASETS.build("nine_gaussians"))
    own = {
        "samples": "samples",
        "train": "train",
        "score": "score",
        "divergence": "score",
        "process": "process",
    }
    assert {what: row.need(what) for what in own} == own
    assert row.need("modes") is row.dataset.modes
