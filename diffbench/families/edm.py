"""EDM: a preconditioned network trained at log-normal noise levels.

References:
  Karras et al. (2022), Elucidating the design space of diffusion-based generative models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import FAMILIES, Array, PRNGKey
from diffbench.families.base import Family
from diffbench.process import Process, time_of_log_snr


@FAMILIES.register("edm")
class EDM(Family):
    """Karras's training for data of unit variance: log(sigma/alpha) ~ N(log_mean, log_sd^2).

    The weight (r^2 + 1)/r^2 on |x0_hat - x_0|^2, r = sigma/alpha, is r^2 + 1 on eps; with the
    preconditioned output the loss then is of one size at every level.
    """

    default_process: ClassVar = {"name": "edm"}
    default_network: ClassVar = {"output": "edm"}
    sampler: ClassVar = {"name": "edm", "steps": 35, "denoise": True}
    weightings: ClassVar = ("edm", "simple", "likelihood")

    def __init__(
        self,
        network: Callable[..., Array],
        process: Process,
        *,
        weighting: str = "edm",
        log_mean: float = -1.2,
        log_sd: float = 1.2,
        name: str | None = None,
    ):
        """Binds a network and a process.

        Args:
          network: See `Family`.
          process: The noise process.
          weighting: "edm" (w = 1 + sigma^2/alpha^2), or one of `Family`.
          log_mean: Mean of log(sigma/alpha); Karras et al. (2022), table 1.
          log_sd: Its standard deviation; the same.
          name: Haiku name.
        """
        super().__init__(network, process, weighting=weighting, name=name)
        checks.finite(log_mean=log_mean)
        checks.positive(log_sd=log_sd)
        self._log_mean, self._log_sd = log_mean, log_sd

    def sample_times(self, key: PRNGKey, n: int) -> Array:
        """See `Family.sample_times`; levels that the process does not reach are its ends."""
        log_r = self._log_mean + self._log_sd * jax.random.normal(key, (n,))
        return time_of_log_snr(self.process, -2.0 * log_r)

    def weight(self, t: Array) -> Array:
        """See `Family.weight`."""
        return 1.0 + jnp.exp(-self.process.log_snr(t)) if self.weighting == "edm" else super().weight(t)
