"""Every family keeps its contract, and each broken one is told what it broke."""

import jax.numpy as jnp
import pytest
from plugin_files import plugins_forgotten

from diffbench.contracts import FAMILIES
from diffbench.families.base import Family
from diffbench.testing import ContractError, check_family


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES.names())
def test_families_keep_the_contract(name):
    assert "loss" in {found.what for found in check_family({"name": name, "params": {}})}


@pytest.mark.slow
def test_families_keep_the_contract_with_other_parameters():
    check_family({"name": "score_sde", "params": {"weighting": "likelihood"}}, process={"name": "ve"}, dim=3)


class TooLate(Family):
    def sample_times(self, key, n):
        return jnp.full(n, 1.5)


class Negative(Family):
    def sample_times(self, key, n):
        return jnp.full(n, 0.5)

    def weight(self, t):
        return -jnp.ones_like(t)


class Uneven(Negative):
    def weight(self, t):
        return jnp.ones_like(t)

    def score(self, x, t):
        return super().score(x, t) * (1.0 + t.ndim)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (TooLate, r"sample_times: expected times in \[1e-05, 1\], got 1.5 to 1.5"),
        (Negative, "weight: expected numbers of at least 0, got -1.0"),
        (Uneven, r"score: expected the same for t \[\] and \[n\], got others"),
    ],
)
def test_a_broken_family_is_told(cls, text):
    name = f"test_{cls.__name__}"
    with plugins_forgotten():
        FAMILIES.register(name)(cls)
        with pytest.raises(ContractError, match=text):
            check_family({"name": name, "params": {}})
