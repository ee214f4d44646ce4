"""Flow matching: a velocity learned along straight lines from data to noise.

References:
  Lipman et al. (2022), Flow matching for generative modeling; Liu et al. (2022), Flow straight and fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import jax

from diffbench import checks
from diffbench.contracts import FAMILIES, Array, PRNGKey
from diffbench.families.base import Family
from diffbench.process import Process


@FAMILIES.register("flow_matching")
class FlowMatching(Family):
    """The loss |v_hat - (eps - x_0)|^2, at uniform or logit-normal times.

    Along x_t = (1 - t) x_0 + t eps the velocity is (eps - x_t)/(1 - t), so this is the weight
    1/alpha^2 on eps. Its network gives v: an eps divided by a small alpha would lose its digits.
    """

    default_process: ClassVar = {"name": "rectified_flow"}
    default_network: ClassVar = {"output": "v"}
    sampler: ClassVar = {"name": "probability_flow", "solver": "euler", "steps": 100}
    weightings: ClassVar = ("velocity", "simple", "likelihood")

    def __init__(
        self,
        network: Callable[..., Array],
        process: Process,
        *,
        weighting: str = "velocity",
        times: str = "uniform",
        name: str | None = None,
    ):
        """Binds a network and a process.

        Args:
          network: See `Family`.
          process: The noise process.
          weighting: "velocity" (w = 1/alpha^2), or one of `Family`.
          times: "uniform", or "logit_normal": a standard normal through the logistic function,
            as of Esser et al. (2024), section 3.1.
          name: Haiku name.
        """
        super().__init__(network, process, weighting=weighting, name=name)
        checks.choice("times", times, ("uniform", "logit_normal"))
        self._times = times

    def sample_times(self, key: PRNGKey, n: int) -> Array:
        """See `Family.sample_times`."""
        low, high = self.process.t_min, self.process.t_max
        if self._times == "uniform":
            return jax.random.uniform(key, (n,), minval=low, maxval=high)
        return jax.nn.sigmoid(jax.random.normal(key, (n,))).clip(low, high)

    def weight(self, t: Array) -> Array:
        """See `Family.weight`."""
        return self.process.alpha(t) ** -2 if self.weighting == "velocity" else super().weight(t)
