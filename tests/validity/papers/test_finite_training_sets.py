"""What theory says of a finite training set, seen in samples.

The exact score of a finite set returns its points. So does that score plus any bounded error, in
other proportions: near a point the score grows as 1/sigma, and a bounded error is lost beside it.
A learned score departs from the points.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from diffbench.contracts import key_for
from diffbench.process import PROCESSES
from diffbench.programs import sampling, scores, training
from diffbench.sources.empirical import score_of as empirical_score
from diffbench.sources.perturbed import score_of as perturbed_score

pytestmark = pytest.mark.slow

POINTS = 8
EULER = {"name": "euler_maruyama", "params": {"steps": 1000, "t_end": None}}
N = 2000
# Where sampling ends, sigma is 0.0016: ten times that is still a 50th of the gap between points.
NEAR = 0.016
ONE_IN_TEN_MILLION = stats.chi2.isf(1e-7, POINTS - 1)


@pytest.fixture(scope="module")
def train():
    angle = 2.0 * np.pi * np.arange(POINTS) / POINTS
    return jnp.asarray(np.stack([np.cos(angle), np.sin(angle)], axis=1), float)


@pytest.fixture(scope="module")
def process():
    # The tutorial's: alpha(1) = 0.47, so that samplers start from the wrong prior.
    return PROCESSES.build("vp", beta_min=0.001, beta_max=3.0)


def drawn(source, process, n=N):
    samples = sampling.sample(EULER, source, process, key_for(0, "memorisation"), n, 2).samples
    return np.asarray(samples, np.float64)


def nearest(samples, train):
    """Distance to the nearest training point, and which it is."""
    distance = np.linalg.norm(samples[:, None] - np.asarray(train, np.float64), axis=-1)
    return distance.min(axis=1), distance.argmin(axis=1)


def unevenness(which):
    """Pearson's chi-squared of the counts against equal shares, 7 degrees of freedom."""
    expected = len(which) / POINTS
    return ((np.bincount(which, minlength=POINTS) - expected) ** 2 / expected).sum()


def test_the_empirical_score_returns_the_training_points_alone(train, process):
    distance, which = nearest(drawn(empirical_score(train), process), train)
    assert (distance < NEAR).mean() > 0.999
    assert unevenness(which) < ONE_IN_TEN_MILLION  # all alike, by symmetry


@pytest.mark.parametrize("error", ["constant", "field"])
def test_a_bounded_error_changes_the_proportions_and_not_the_points(train, process, error):
    source = perturbed_score(empirical_score(train), dim=2, error=error, size=1.0)
    distance, which = nearest(drawn(source, process), train)
    assert (distance < NEAR).mean() > 0.99
    assert unevenness(which) > 2 * ONE_IN_TEN_MILLION


@pytest.mark.slow
def test_a_learned_score_departs_from_the_training_points(train, process):
    family = {"name": "score_sde", "params": {"weighting": "simple"}}
    network = {"name": "mlp", "params": {"widths": [64, 64, 64], "blocks": "plain", "activation": "relu",
               "embedding": "concatenate", "output": "score", "scale_input": False}}  # fmt: skip
    settings = training.Training(steps=3000, batch=5, learning_rate=1e-3, warm_up=0, decay="constant")
    fit = training.fit(family, network, settings, process, train, jax.random.key(0), jax.random.key(1))
    distance, _ = nearest(drawn(scores.of_model(family, network, fit.ema), process), train)
    assert (distance < NEAR).mean() < 0.5
    # It has learned something: its samples are around the circle.
    assert np.median(distance) < 0.4
