"""The way from noise to data: closed forms, the exact flow map at its end, and one program for a kind."""

import numpy as np
import pytest

from diffbench.contracts import DATASETS, key_for
from diffbench.process import PROCESSES
from diffbench.programs import cache, flow, scores, trajectory
from diffbench.programs import model as models
from diffbench.sources import exact

KEY = key_for(0, "trajectory test")


def test_weights_integrate_parabolas_exactly():
    # Against 64 Gauss-Legendre nodes: of 1, lambda and lambda^2, as far as there are estimates.
    way = trajectory.way_of(PROCESSES.build("ve"), 3)
    assert way.past.shape == (len(way.t) - 1, 3)
    half = np.log(way.alpha.astype(np.float64)) - np.log(way.sigma.astype(np.float64))
    nodes, gauss = np.polynomial.legendre.leggauss(64)
    for degree in range(3):
        for i in range(degree, len(half) - 1):
            h = half[i + 1] - half[i]
            at = half[i] + 0.5 * h * (1 + nodes)
            wanted = 0.5 * h * (gauss * np.exp(at - half[i + 1]) * at**degree).sum()
            estimates = np.array([half[max(i - j, 0)] ** degree for j in range(3)])
            assert way.past[i] @ estimates == pytest.approx(wanted, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vp", "ncsn", "rectified_flow", "ddpm_cosine"])
def test_a_gaussian_keeps_its_quantiles_on_the_whole_way(name):
    # x_t - alpha m = sd_t / sd_T (x_T - alpha_T m): at the times of the frames.
    process, mean, variance = PROCESSES.build(name), np.array([0.4, -1.1, 0.3]), 0.3
    start = flow.starts(process, KEY, 16, 3)
    way = trajectory.way_of(process, 6)

    def score(x, t):
        return (process.alpha(t) * mean - x) / (process.alpha(t) ** 2 * variance + process.sigma(t) ** 2)

    found = trajectory.follow(score, way, start)
    assert found.shape == (6, 16, 3)
    assert found.dtype == np.float32
    # The inverse of a table's schedule is less exact.
    np.testing.assert_allclose(np.diff(way.log_snr), np.diff(way.log_snr).mean(), rtol=1e-2)
    assert way.t.size > trajectory.STEPS
    times = np.asarray(way.t, np.float64)[:: (way.t.size - 1) // 5]
    assert times[[0, -1]] == pytest.approx([process.t_max, process.t_end])
    alpha, sigma = (
        np.asarray(part(times.astype(np.float32)), np.float64)[:, None, None]
        for part in (process.alpha, process.sigma)
    )
    sd = np.sqrt(alpha**2 * variance + sigma**2)
    wanted = alpha * mean + sd / sd[0] * (start - alpha[0] * mean)
    np.testing.assert_allclose(found, wanted / np.sqrt(alpha**2 + sigma**2), atol=3e-4)


@pytest.mark.slow
def test_the_exact_path_ends_where_the_flow_map_does():
    data, noise = DATASETS.build("nine_gaussians"), PROCESSES.build("ncsn")
    start = flow.starts(noise, KEY, 64, 2)
    way = trajectory.way_of(noise, 24)
    found = trajectory.follow_exact(data.truth, way, start)
    end = flow.flow_map(exact.score_of(data.truth), noise, start, noise.t_end).end
    gap = np.linalg.norm(found[-1] - end / np.hypot(way.alpha[-1], way.sigma[-1]), axis=1)
    assert np.median(gap) < 3e-5
    assert np.sqrt((gap**2).mean()) < 5e-4
    again = trajectory.follow(scores.evaluator(exact.score_of(data.truth), noise), way, start)
    np.testing.assert_allclose(again, found, atol=1e-3)


@pytest.mark.slow
def test_scores_of_a_kind_and_processes_of_a_truth_share_programs():
    data = DATASETS.build("nine_gaussians")
    family, network = {"name": "score_sde", "params": {}}, {"name": "mlp", "params": {"widths": [8, 8]}}

    def follow(seed, beta_max):
        process = PROCESSES.build("vp", beta_max=beta_max)
        start, way = flow.starts(process, KEY, 8, 2), trajectory.way_of(process, 3)
        params = models.initialise(network, key_for(seed, "init"), 2)
        score = scores.evaluator(scores.of_model(family, network, params), process)
        trajectory.follow_exact(data.truth, way, start)
        return trajectory.follow(score, way, start)

    first = follow(0, 20.0)
    compiled = cache.compiled("trajectory")
    assert (first != follow(1, 18.0)).any()
    trajectory.follow_exact(
        data.truth, trajectory.way_of(PROCESSES.build("ve"), 3), np.zeros((8, 2), np.float32)
    )
    assert cache.compiled("trajectory") == compiled
