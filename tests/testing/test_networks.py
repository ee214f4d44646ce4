"""The shipped network keeps its contract, and each broken one is told what it broke."""

import haiku as hk
import jax
import jax.numpy as jnp
import pytest
from plugin_files import plugins_forgotten

from diffbench.networks.base import NETWORKS, Network
from diffbench.testing import ContractError, check_network

SMALL = {"widths": [8, 8], "embedding_width": 6}


@pytest.mark.slow
@pytest.mark.parametrize("dim", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_the_shipped_network_keeps_the_contract(dim):
    found = check_network({"name": "mlp", "params": SMALL}, dim=dim)
    assert [row.got for row in found if row.what == "dtype"] == ["float32"]


class Small(Network):
    def __call__(self, x, t, alpha, sigma, is_training=False):
        return hk.Linear(x.shape[1])(x)


class Wide(Small):
    def __call__(self, x, t, alpha, sigma, is_training=False):
        return hk.Linear(x.shape[1] + 1)(x)


class Company(Small):
    def __call__(self, x, t, alpha, sigma, is_training=False):
        return super().__call__(x - x.mean(axis=0), t, alpha, sigma)


class Infinite(Small):
    def __call__(self, x, t, alpha, sigma, is_training=False):
        return super().__call__(x, t, alpha, sigma) / jnp.where(jnp.max(sigma) > 10.0, 0.0, 1.0)


class Uneven(Small):
    def __call__(self, x, t, alpha, sigma, is_training=False):
        return super().__call__(x, t, alpha, sigma) * (1.0 + t.ndim)


class Untrained(Small):
    def __call__(self, x, t, alpha, sigma, is_training=False):
        return x


class Deaf(Small):
    def __call__(self, x, t, alpha, sigma, is_training=False):
        return jax.lax.stop_gradient(super().__call__(x, t, alpha, sigma))


class Odd(Small):
    version = "two"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (Wide, r"output at sigma/alpha = 0.01: expected shape \(32, 2\), got shape \(32, 3\)"),
        (Company, "8 rows alone at sigma/alpha = .*: expected the same within"),
        (Infinite, "output at sigma/alpha = 20: expected finite numbers, got NaN or infinity in 64 of 64"),
        (Uneven, r"t \[\] against \[n\] at sigma/alpha = .*: expected the same within"),
        (Untrained, "parameters: expected at least one to train, got 0"),
        (Deaf, "gradient: expected finite and not 0 everywhere, got 0"),
        (Odd, "version: expected a whole number, got two"),
    ],
)
def test_a_broken_network_is_told(cls, text):
    name = f"test_{cls.__name__}"
    with plugins_forgotten():
        NETWORKS.register(name)(cls)
        with pytest.raises(ContractError, match=text):
            check_network({"name": name, "params": {}})


@pytest.mark.slow
def test_a_bare_haiku_module_may_be_a_network():
    class Bare(hk.Module):
        def __call__(self, x, t, alpha, sigma, is_training=False):
            return hk.Linear(x.shape[1])(x)

    with plugins_forgotten():
        NETWORKS.register("test_bare")(Bare)
        check_network({"name": "test_bare", "params": {}})
        assert NETWORKS.spec_of("test_bare") == {"name": "test_bare", "params": {}, "version": 1}
