"""Score-SDE: trained over continuous time, sampled by predictor-corrector or ODE.

References:
  Song et al. (2021), Score-based generative modeling through SDEs.
"""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from diffbench.contracts import FAMILIES, Array, PRNGKey
from diffbench.families.base import Family
from diffbench.process import time_of_log_snr


@FAMILIES.register("score_sde")
class ScoreSDE(Family):
    """Song's model: times uniform on [t_min, t_max]; VP, sub-VP or VE by its process."""

    default_process: ClassVar = {"name": "vp"}
    sampler: ClassVar = {"name": "predictor_corrector"}
    weightings: ClassVar = ("simple", "likelihood", "importance")

    def sample_times(self, key: PRNGKey, n: int) -> Array:
        """See `Family.sample_times`."""
        process = self.process
        if self.weighting == "importance":
            low, high = self._log_snr_range()
            return time_of_log_snr(process, jax.random.uniform(key, (n,), minval=low, maxval=high))
        return jax.random.uniform(key, (n,), minval=process.t_min, maxval=process.t_max)

    def importance(self) -> Array:
        """See `Family.importance`."""
        # g^2/sigma^2 is -d log_snr/dt: its integral is the range of log_snr.
        low, high = self._log_snr_range()
        return (high - low) / (self.process.t_max - self.process.t_min)

    def _log_snr_range(self) -> tuple[Array, Array]:
        ends = jnp.asarray([self.process.t_max, self.process.t_min], float)
        low, high = self.process.log_snr(ends)
        return low, high
