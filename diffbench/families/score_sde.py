"""Score-SDE: trained over continuous time, sampled by predictor-corrector or ODE.

References:
  Song et al. (2021), Score-based generative modeling through SDEs.
"""

from __future__ import annotations

from typing import ClassVar

import jax

from diffbench.contracts import FAMILIES, Array, PRNGKey
from diffbench.families.base import Family


@FAMILIES.register("score_sde")
class ScoreSDE(Family):
    """Song's model: times uniform on [t_min, t_max]; VP, sub-VP or VE by its process."""

    default_process: ClassVar = {"name": "vp"}
    sampler: ClassVar = {"name": "predictor_corrector"}

    def sample_times(self, key: PRNGKey, n: int) -> Array:
        """See `Family.sample_times`."""
        process = self.process
        return jax.random.uniform(key, (n,), minval=process.t_min, maxval=process.t_max)
