"""DDPM: trained on the steps of a table, sampled by its ancestral chain.

References:
  Ho et al. (2020), Denoising diffusion probabilistic models.
"""

from __future__ import annotations

from typing import ClassVar

from diffbench.contracts import FAMILIES
from diffbench.families.base import TableFamily


@FAMILIES.register("ddpm")
class DDPM(TableFamily):
    """Ho's model: times uniform over the table (Algorithm 1), the simple loss."""

    default_process: ClassVar = {"name": "ddpm_linear"}
    sampler: ClassVar = {"name": "ancestral"}
