"""The exact flow map: a second solver agrees with it, and solvers converge to it by their orders."""

import numpy as np
import papers
import pytest
from scipy import integrate

from diffbench.contracts import DATASETS, key_for
from diffbench.process import PROCESSES
from diffbench.programs import flow
from diffbench.sources import exact


def mapped(name, process, n=256):
    """Returns dataset, process, and the flow map of the exact score."""
    dataset, noise = DATASETS.build(name), PROCESSES.build(process)
    start = flow.starts(noise, key_for(0, "flow"), n, dataset.dim)
    return dataset, noise, flow.flow_map(exact.score_of(dataset.truth), noise, start, noise.t_end)


def by_scipy(dataset, name, process, start):
    """Returns where DOP853 leads from a point, by the papers' f and g^2 and the mixture's score in NumPy."""
    law, scale = dataset.truth.law, float(dataset.truth.scale)
    means = (np.asarray(law.means, np.float64) - np.asarray(dataset.truth.mean, np.float64)) / scale
    weights, variances = (
        np.exp(np.asarray(law.log_weights, np.float64)),
        np.asarray(law.variances, np.float64) / scale**2,
    )
    facts = papers.facts_of(name, {})

    def velocity(t, x):
        alpha, sigma, f, g2 = facts(t)
        v = alpha**2 * variances + sigma**2
        gap = alpha * means - x
        log = np.log(weights) - (gap**2).sum(1) / (2 * v) - len(x) / 2 * np.log(v)
        r = np.exp(log - log.max())
        return f * x - g2 / 2 * (r / v / r.sum()) @ gap

    found = integrate.solve_ivp(
        velocity, (process.t_max, process.t_end), start, "DOP853", rtol=1e-10, atol=1e-11
    )
    return found.y[:, -1]


@pytest.mark.slow
@pytest.mark.parametrize("process", ["vp", "rectified_flow"])
def test_a_second_solver_agrees_to_1e_6_on_every_point(process):
    dataset, noise, found = mapped("nine_gaussians", process)
    # All 256 agree to 2e-9; here every fourth, and 138, which starts nearest to a border between two modes.
    some = [*range(0, 256, 4), 138]
    other = np.stack([by_scipy(dataset, process, noise, x) for x in found.start[some].astype(np.float64)])
    assert np.linalg.norm(other - found.end[some], axis=1).max() < 1e-6


@pytest.mark.slow
def test_a_gaussian_s_flow_is_its_closed_form():
    # The flow keeps quantiles: x shrinks as the standard deviation of p_t.
    law = DATASETS.build("gaussian_mixture", modes=1)
    noise, truth = PROCESSES.build("vp"), law.truth
    start = flow.starts(noise, key_for(0, "flow"), 8, 2)
    found = flow.flow_map(exact.score_of(truth), noise, start, noise.t_end)
    scale = float(truth.scale)
    variance = float(np.asarray(truth.law.variances)[0]) / scale**2
    mean = (np.asarray(truth.law.means, np.float64)[0] - np.asarray(truth.mean)) / scale
    alpha, sigma = papers.facts_of("vp", {})(np.array([1.0, noise.t_end]))[:2]
    sd = np.sqrt(alpha**2 * variance + sigma**2)
    np.testing.assert_allclose(
        found.end, alpha[1] * mean + sd[1] / sd[0] * (start - alpha[0] * mean), atol=2e-6
    )
    assert found.end.dtype == np.float64
    assert found.start.dtype == np.float32


@pytest.mark.slow
def test_a_flow_that_does_not_end_is_no_number(monkeypatch):
    monkeypatch.setattr(flow, "MAX_STEPS", 3)
    dataset, noise = DATASETS.build("nine_gaussians"), PROCESSES.build("sub_vp")
    start = flow.starts(noise, key_for(0, "flow"), 4, 2)
    assert np.isnan(flow.flow_map(exact.score_of(dataset.truth), noise, start, 0.011).end).all()
