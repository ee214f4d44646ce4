"""A mixture of low-rank Gaussians as NumPy's arrays, for the law and for its averages."""

import numpy as np
import pytest

MODES, DIM, RANK = 3, 7, 2


@pytest.fixture(scope="session")
def parts():
    """Returns means `[K, D]`, weights, all axes `[K, D, D]`, stretches of the first ones `[K, r]`, noises."""
    rng = np.random.default_rng(0)
    axes = np.stack([np.linalg.qr(rng.normal(size=(DIM, DIM)))[0] for _ in range(MODES)])
    weights = rng.dirichlet(np.ones(MODES))
    stretches, noises = rng.uniform(0.3, 2.0, (MODES, RANK)), rng.uniform(0.01, 0.1, MODES)
    return rng.normal(size=(MODES, DIM)), weights, axes, stretches, noises


@pytest.fixture(scope="session")
def variances(parts):
    """Returns the variance along each of all axes, `[K, D]`."""
    stretches, noises = parts[3:]
    return np.append(stretches, np.zeros((MODES, DIM - RANK)), axis=1) + noises[:, None]
