"""The flow error: distances by hand, points that land elsewhere, and what it is refused on."""

import math

import numpy as np
import pytest

from diffbench.contracts import DATASETS, METRICS, Flow, Outcome


def measured(dataset, reached, exact, own=None):
    outcome = Outcome(None, None, None, None, None, dataset, flow=Flow(reached, exact, own))
    return METRICS.build("flow_error").measure(None, outcome)


@pytest.fixture(scope="module")
def nine():
    return DATASETS.build("nine_gaussians")


def modes(dataset):
    means = np.asarray(dataset.truth.law.means, np.float64)
    return (means - np.asarray(dataset.truth.mean)) / float(dataset.truth.scale)


@pytest.mark.slow
def test_distances_are_those_of_points_to_points(nine):
    exact = modes(nine)[[0, 1, 2, 3]]
    reached = exact + np.array([[0.0, 0.0], [3e-3, 4e-3], [0.0, 0.01], [0.02, 0.0]])
    own = exact + np.array([[1e-3, 0.0]] * 4)
    values, arrays = measured(nine, reached, exact, own)
    assert values["flow_error"] == pytest.approx((5e-3 + 1e-2) / 2)
    assert values["flow_rms"] == pytest.approx(math.sqrt((25e-6 + 1e-4 + 4e-4) / 4))
    assert values["flow_elsewhere"] == 0.0
    assert values["flow_learning"] == pytest.approx(1e-3)
    assert values["flow_solving"] == pytest.approx(np.median(np.linalg.norm(reached - own, axis=1)))
    np.testing.assert_array_equal(arrays["flow_reached"], reached)


def test_the_exact_score_has_no_parts(nine):
    values, _ = measured(nine, modes(nine), modes(nine))
    assert values["flow_error"] == 0.0
    assert math.isnan(values["flow_solving"])
    assert math.isnan(values["flow_learning"])


@pytest.mark.slow
def test_elsewhere_is_another_mode_or_farther_than_the_resolution(nine):
    exact = modes(nine)[[0, 0, 0]]
    reached = np.stack([modes(nine)[1], exact[1] + [2 * nine.resolution, 0.0], exact[2]])
    assert measured(nine, reached, exact)[0]["flow_elsewhere"] == pytest.approx(2 / 3)
    # Between two modes a short way leads into another one.
    middle = (modes(nine)[0] + modes(nine)[1]) / 2
    aside = (
        0.2
        * nine.resolution
        * (modes(nine)[1] - modes(nine)[0])
        / np.linalg.norm(modes(nine)[1] - modes(nine)[0])
    )
    assert measured(nine, (middle + aside)[None], (middle - aside)[None])[0]["flow_elsewhere"] in (0.0, 1.0)
    circle = DATASETS.build("circle")
    far = np.array([[circle.resolution * 1.01, 0.0]])
    assert measured(circle, far, 0 * far)[0]["flow_elsewhere"] == 1.0
    assert measured(circle, 0.9 * far, 0 * far)[0]["flow_elsewhere"] == 0.0


def test_what_is_not_finite_is_elsewhere_and_no_number(nine):
    exact = modes(nine)[[0, 1]]
    values, _ = measured(nine, exact * np.array([[1.0], [math.nan]]), exact)
    assert values["flow_elsewhere"] == 0.5
    assert math.isnan(values["flow_rms"])


def test_a_row_without_a_flow_and_wrong_points_are_refused(nine):
    with pytest.raises(
        ValueError, match="it needs a sampler that follows the probability flow, and this row has none"
    ):
        METRICS.build("flow_error").measure(None, Outcome(None, None, None, None, None, nine))
    with pytest.raises(ValueError, match="points must be at least 1; got 0"):
        METRICS.build("flow_error", points=0)
