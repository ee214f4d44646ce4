"""What networks share: outputs that stand for eps, and embeddings of the noise level."""

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.networks.base import OUTPUTS, concatenated, eps_from_output, fourier, sinusoidal

N = 5


@pytest.mark.parametrize(("alpha", "sigma"), [(0.8, 0.6), (0.6, 0.5), (1.0, 20.0), (0.99, 0.02)])
@pytest.mark.parametrize("column", [False, True])
def test_every_output_stands_for_eps(alpha, sigma, column):
    random = np.random.RandomState(0)
    x0, eps = random.standard_normal((2, N, 3))
    x = alpha * x0 + sigma * eps
    if column:
        alpha, sigma = np.full((N, 1), alpha), np.full((N, 1), sigma)
    outputs = {"eps": eps, "x0": x0, "v": alpha * eps - sigma * x0, "score": -eps / sigma}
    # Karras et al. (2022), equation 7: x0_hat = c_skip y + c_out F at y = x/alpha, with sigma_data = 1.
    y, r = x / alpha, sigma / alpha
    outputs["edm"] = (x0 - y / (r**2 + 1)) / (r / np.sqrt(r**2 + 1))
    assert {*outputs} == {*OUTPUTS}
    for output, raw in outputs.items():
        np.testing.assert_allclose(eps_from_output(output, raw, x, alpha, sigma), eps, rtol=1e-9, atol=1e-9)


def test_embeddings_are_their_formulas():
    c = np.array([-1.5, 0.2, 0.9])
    w = np.geomspace(0.1, 125, 4)
    expected = np.concatenate([np.sin(c[:, None] * w), np.cos(c[:, None] * w)], axis=1)
    np.testing.assert_allclose(sinusoidal(jnp.asarray(c, float), 8), expected, atol=5e-5)
    w = 3.0 * np.random.RandomState(0).standard_normal(4)
    expected = np.concatenate(
        [np.sin(2 * np.pi * c[:, None] * w), np.cos(2 * np.pi * c[:, None] * w)], axis=1
    )
    np.testing.assert_allclose(fourier(jnp.asarray(c, float), 8, 3.0), expected, atol=5e-5)
    t = np.array([0.0, 0.25, 1.0])
    expected = np.stack([t - 0.5, np.cos(2 * np.pi * t)], axis=1)
    np.testing.assert_allclose(concatenated(jnp.asarray(t, float)), expected, atol=1e-6)
