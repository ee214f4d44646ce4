"""The contract of a family: its times, weights, loss and score, and its sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import FAMILIES, SAMPLERS, Array, key_for
from diffbench.families.base import Family
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.programs import model as models
from diffbench.spec import JsonObject, Spec
from diffbench.testing.base import Examination, Findings

_SMALL_NETWORK = {"name": "mlp", "params": {"widths": [16, 16], "embedding_width": 8}}


def check_family(
    family: Spec,
    process: Spec | None = None,
    network: Spec | None = None,
    dim: int = 2,
) -> Findings:
    """Checks a registered family: its times, weights, loss and score, and its sampler.

    Args:
      family: Name and parameters.
      process: Name and parameters; the family's default where left out.
      network: Name and parameters; a small MLP where left out.
      dim: Dimension of the points it is tried on.

    Returns:
      What was measured against what bound.

    Raises:
      ContractError: If it breaks its contract.
    """
    look = Examination()
    cls = cast(type[Family], FAMILIES.entry(family["name"]).build)
    net: Spec = network or _SMALL_NETWORK
    noise: JsonObject = dict(process or cls.default_process)
    params = noise.get("params", {k: v for k, v in noise.items() if k != "name"})
    built = PROCESSES.build(noise["name"], **params)
    own = dict(cls.sampler)
    SAMPLERS.build(own.pop("name"), **own)
    key, n = key_for(0, "check", "family"), 64

    def asked(of: Callable[[Family], Array]) -> Array:
        found: Array = hk.transform(
            lambda: of(FAMILIES.from_spec(family, NETWORKS.from_spec(net), built))
        ).apply({}, key)
        return found

    t = look.array("sample_times", asked(lambda made: made.sample_times(key, n)), (n,))
    holds = (t >= built.t_min).all() and (t <= built.t_max * (1 + 1e-6)).all()
    look.expect("sample_times", holds, f"times in [{built.t_min:g}, {built.t_max:g}]",
                f"{t.min():g} to {t.max():g}")  # fmt: skip
    weight = look.array("weight", asked(lambda made: made.weight(jnp.asarray(t))), (n,))
    look.expect("weight", (weight >= 0).all(), "numbers of at least 0", weight.min())
    model = models.model_of(family, net)
    start = models.initialise(net, key, dim)
    y = jax.random.normal(key, (n, dim))
    look.array("loss", model.loss(start, key, y, built, True), (n,))
    # Flow matching ends where alpha does, before t = 1.
    middle = 0.5 * (built.t_min + built.t_max)
    one = look.array("score at one time", model.score(start, y, jnp.asarray(middle), built), (n, dim))
    each = look.array("score at a time each", model.score(start, y, jnp.full(n, middle), built), (n, dim))
    look.expect("score", np.allclose(one, each, rtol=1e-3, atol=1e-4), "the same for t [] and [n]",
                f"others, off by {np.abs(one - each).max():.3g}")  # fmt: skip
    return look.findings()
