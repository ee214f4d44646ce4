import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from diffbench.contracts import METRICS, key_for
from diffbench.metrics.floor import floor_of

KEY = key_for(0)
THICKNESS = 0.05


@pytest.fixture(scope="module")
def circle(nine):
    """Returns a circle of radius sqrt(2), which is standardised as it is."""

    def sample(key, n):
        key_angle, key_eps = jax.random.split(key)
        angle = jax.random.uniform(key_angle, (n,), maxval=2 * jnp.pi)
        points = math.sqrt(2.0) * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
        return points + THICKNESS * jax.random.normal(key_eps, (n, 2))

    def distance(x):
        return jnp.abs(jnp.linalg.norm(x, axis=1) - math.sqrt(2.0))

    known = {"mean": np.zeros(2, np.float32), "scale": 1.0, "modes": None}
    return dataclasses.replace(nine, name="circle", sample=sample, distance=distance, **known)


def test_columns_equal_their_definitions(circle, truth, outcome):
    x = np.asarray(truth(circle, 501, "x"), np.float64)
    values, arrays = METRICS.build("manifold_distance").measure(KEY, outcome(circle, x))
    d = np.sort(np.abs(np.hypot(*x.T) - math.sqrt(2.0)))
    assert values["manifold_distance"] == pytest.approx(d.mean(), rel=1e-5)
    assert values["manifold_distance_q95"] == pytest.approx(d[475], rel=1e-5)  # 0.95 x 500
    assert all(type(value) is float for value in values.values())
    assert not arrays


@pytest.mark.slow
def test_the_floor_is_the_thickness_and_a_thicker_circle_is_above_it(circle, truth, outcome):
    metric = METRICS.build("manifold_distance")
    floor = floor_of(metric, circle, truth(circle, 100, "y"), 2000, 20).values
    # |N(0, thickness^2)|, but for the curvature of the circle.
    assert floor["manifold_distance"].mean() == pytest.approx(THICKNESS * math.sqrt(2 / math.pi), rel=0.02)
    assert floor["manifold_distance_q95"].mean() == pytest.approx(THICKNESS * stats.norm.ppf(0.975), rel=0.02)
    x = truth(circle, 2000, "x")
    thicker = x + 0.5 * THICKNESS * jax.random.normal(KEY, x.shape)
    values, _ = metric.measure(KEY, outcome(circle, thicker))
    assert all(values[column] > floor[column].max() for column in metric.columns)


def test_nan_reaches_the_columns(circle, truth, outcome):
    x = truth(circle, 50, "x")
    x[3] = np.nan
    values, _ = METRICS.build("manifold_distance").measure(KEY, outcome(circle, x))
    assert np.isnan([*values.values()]).all()


def test_a_dataset_without_a_manifold_is_named(nine, outcome):
    with pytest.raises(ValueError, match="it needs a manifold, and dataset 'nine_gaussians' has none"):
        METRICS.build("manifold_distance").measure(KEY, outcome(nine, np.zeros((5, 2))))
